"""The reference pages of the documentation's site say everything that the code has."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from types import ModuleType

import pytest
import yaml

from trading_assets.config.configuration import Configuration
from trading_assets.config.models import FAMILIES
from trading_assets.features.catalog import FEATURES
from trading_assets_tests.conftest import REPOSITORY


@cache
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", REPOSITORY / "docs" / "site" / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(page: str) -> dict[str, list[str]]:
    """Cells of every row whose first one is code, by that."""
    rows = (re.split(r"(?<!\\)\|", line)[1:-1] for line in page.splitlines() if line.startswith("| `"))
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in rows}


def test_every_key_has_a_default_or_is_required_and_a_meaning() -> None:
    rows = rows_of(reference().configuration_page())
    assert {key for key in Configuration.model_fields if key not in {"directory", "data"}} <= {
        key.partition(".")[0] for key in rows
    }
    assert [key for key, cells in rows.items() if not cells[-1]] == []
    assert rows["risk.max_gross"] == ["`0.8`", "number, ≥ 0, ≤ 1", "largest sum of all positions, long and short"]
    assert rows["seed"][0] == "`0`" and rows["name"][0] == "required" and rows["as_of"][0] == "none"
    assert rows["robustness.stress.<name>.shock.move"][1] == "number, > -1"
    assert "> 0, ≥ 0" not in reference().strategies_page() + reference().configuration_page()


def test_every_family_of_models_has_its_own_keys() -> None:
    """Keys that all of them have are said once; a family says its own, and defaults that are its own."""
    sections = dict(reference().sections())
    common = {key for key, *_ in sections["models"]}
    assert {"models.<name>.label", "models.<name>.barriers.upper", "models.<name>.horizon"} < common
    for family in FAMILIES:
        rows = {key: cells for key, *cells in sections[f"models, `type: {family}`"]}
        assert "models.<name>.type" in rows and "models.<name>.horizon" not in rows
        assert all(meaning for *_, meaning in rows.values())
    assert sections["models, `type: ridge`"][-1][:2] == ("models.<name>.label", "`size`")


def test_every_strategy_is_there_with_what_each_parameter_means() -> None:
    page = reference().strategies_page()
    assert len(re.findall("^## ", page, flags=re.MULTILINE)) == len(reference().shipped_strategies()) >= 8
    for name, module in reference().shipped_strategies().items():
        without = [key for key, *_, meaning in reference().parameters_of(module) if not meaning]
        assert (name, without) == (name, [])


def test_every_feature_and_every_declared_table_is_there() -> None:
    assert rows_of(reference().features_page()).keys() == {each.column for each in FEATURES}
    tables = reference().tables_page()
    named = {each.name for each in reference().declared_tables()}
    assert {"market_data.bars", "backtests.trades", "robustness.verdicts"} <= named
    assert set(re.findall("^## (.+)$", tables, flags=re.MULTILINE)) == named


@pytest.mark.parametrize("command", ["run", "verdict", "config check", "protocol verify", "audit look-ahead"])
def test_commands_are_there_with_their_help(command: str) -> None:
    [own] = re.findall(rf"^## {command}\n\n(.+?)(?=^## |\Z)", reference().commands_page(), re.MULTILINE | re.DOTALL)
    assert len(own.split()) > 5


def test_every_page_has_its_place_on_the_site() -> None:
    site = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))
    named = set(re.findall(r"([\w/-]+\.md)", str(site["nav"])))
    assert {path.name for path in (REPOSITORY / "docs").glob("*.md")} <= named
