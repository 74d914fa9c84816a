from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from trading_assets.market_data.quality.overrides import OverrideError, read_overrides


def written(folder: Path, text: str) -> Path:
    path = folder / "overrides.csv"
    path.write_text(text)
    return path


def test_reviewed_findings_come_once_and_in_order(tmp_path: Path) -> None:
    path = written(
        tmp_path, "note,symbol,session,rule\n,B,2004-08-19,spike\nseen, A ,2004-08-20,spike\n,B,2004-08-19,spike\n"
    )
    assert read_overrides(path).rows() == [
        ("A", dt.date(2004, 8, 20), "spike"),
        ("B", dt.date(2004, 8, 19), "spike"),
    ]
    assert read_overrides(None).is_empty()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("symbol,session\nA,2004-08-19\n", "no column 'rule'"),
        ("symbol,session,rule\nA,2004-08-19,spike\nA,19.8.2004,spike\n", r"wrong 'session'[\s\S]*line 3"),
        ("symbol,session,rule\nA,2004-08-19,spikes\n", r"wrong 'rule'[\s\S]*line 2"),
    ],
)
def test_a_list_that_cannot_be_used_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(OverrideError, match=message):
        read_overrides(written(tmp_path, text))
