"""A check of an expectation shows the rows that break it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from trading_assets.config import load_configuration
from trading_assets.reports.checks import build_checks
from trading_assets.reports.expectations import EXPECTATIONS as EXPECTED
from trading_assets.reports.tables import EXPECTATIONS as TABLE
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.conftest import TINY
from trading_assets_tests.reports.test_expectations import BROKEN, results, sound


def test_each_expectation_has_its_check_which_shows_the_failing_rows(tmp_path: Path) -> None:
    made = Warehouse(tmp_path / "warehouse.duckdb")
    made.replace(Whole(), {**sound(), **BROKEN["cash_is_never_negative"][0]})
    made.replace(Whole(), {TABLE: results(made)})
    hold: Any = build_checks(load_configuration(TINY, tmp_path))[-1]
    context: Any = dg.build_asset_check_context(resources={"warehouse": made})
    found = {each.check_name: each for each in hold(context)}
    assert found.keys() == {each.name for each in EXPECTED}
    broken, held = found["cash_is_never_negative"], found["symbols_trade"]
    assert (broken.passed, broken.severity, held.passed) == (False, dg.AssetCheckSeverity.WARN, True)
    shown: Any = broken.metadata["first"].value
    (row,) = shown
    assert (row["session"], row["cash"]) == ("2024-01-02", -1.0)
