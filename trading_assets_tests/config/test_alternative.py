"""The section `alternative_data` says when a row was public, or is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from trading_assets.config.alternative import AlternativeData, columns_of
from trading_assets.config.data_files import data_files
from trading_assets.market_data.alternative.publications import read_publications
from trading_assets_tests.backtests.frames import configuration
from trading_assets_tests.conftest import REPOSITORY

NEWS: dict[str, Any] = {"path": "n.csv", "published": "time", "timezone": "UTC", "values": ["Score"]}


def section(**changes: Any) -> AlternativeData:
    return AlternativeData.model_validate({key: value for key, value in (NEWS | changes).items() if value is not None})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"published": None}, "when was a row public"),
        ({"lag_days": 3}, "count from `observed`"),
        ({"observed": "time"}, "both `observed` and `published`"),
        ({"timezone": None}, "timezone"),
        ({"timezone": "New York"}, "unknown time zone"),
        ({"values": []}, "at least 1"),
        ({"values": ["a b", "A-B"]}, "expected names that differ"),
        ({"values": {"cpi_age": "c"}}, "ends like a column"),
        ({"values": {"Cpi": "c"}}, "pattern"),
        ({"features": ["age", "age"]}, "each once"),
        ({"scope": "market"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        section(**changes)


def test_a_list_of_values_names_their_columns() -> None:
    assert section(values=["Score", "Word Count"]).values == {"score": "Score", "word_count": "Word Count"}


def test_columns_say_whose_they_are_and_what_is_made() -> None:
    found = columns_of({"news": section(features=["value", "zscore"]), "macro": section(values={"cpi": "CPI"})})
    assert list(found) == [
        *("alt_news_score", "alt_news_score_zscore"),
        *(f"alt_macro_cpi{end}" for end in ("", "_age", "_surprise", "_zscore")),
    ]
    assert found["alt_news_score_zscore"] == ("news", "score", "zscore")


def test_two_values_never_share_a_column() -> None:
    sections = {"a_b": {**NEWS, "values": ["c"]}, "a": {**NEWS, "values": ["b_c"]}}
    with pytest.raises(ValidationError, match=r"a\.b_c and a_b\.c would both be alt_a_b_c"):
        configuration(alternative_data=sections)


def test_configurations_without_the_section_keep_their_hash() -> None:
    assert configuration().hash == configuration(alternative_data={}).hash
    assert configuration().hash != configuration(alternative_data={"news": NEWS}).hash


def test_its_files_are_files_of_data() -> None:
    assert data_files(configuration(alternative_data={"news": NEWS})) == {"alternative_data.news.path": "n.csv"}


def test_the_page_lists_every_key_with_its_default() -> None:
    page = (REPOSITORY / "docs" / "alternative-data.md").read_text(encoding="utf-8")
    [table] = re.findall(r"\| key \| default \| meaning \|\n\|.*\n((?:\|.*\n)+)", page)
    stated = {row.split("|")[1].strip(" `"): row.split("|")[2].strip() for row in table.splitlines()}
    fields = AlternativeData.model_fields
    assert list(stated) == ["path", "values", "timezone", *(name for name in stated if not fields[name].is_required())]
    assert stated.keys() == fields.keys()
    for name, text in stated.items():
        default = None if fields[name].is_required() else fields[name].get_default()
        assert yaml.safe_load(text) == ("none" if default is None and text else default), name


def test_what_the_page_shows_is_read_as_it_says(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "alternative-data.md").read_text(encoding="utf-8")
    section = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)[0])
    [files] = re.findall(r"```text\n(.*?)```", page, flags=re.DOTALL)
    columns = [re.split(r"  +", line) for line in files.strip().splitlines()]
    for number, name in enumerate(("news/a.csv", "macro/cpi.csv")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("\n".join(row[number] for row in columns))
    own = configuration(**section).model_copy(update={"directory": tmp_path})
    taken = read_publications(own)
    assert taken.rejected.is_empty()
    assert taken.publications["name"].to_list() == ["cpi", "cpi", "score", "score"]
    assert set(columns_of(own.alternative_data)) >= {"alt_news_score", "alt_macro_cpi", "alt_macro_cpi_surprise"}
