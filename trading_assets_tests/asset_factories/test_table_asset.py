"""A step whose input another run replaces while it computes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import polars as pl
import pytest

from trading_assets.asset_factories import table_asset
from trading_assets.asset_factories.failures import UpstreamFailedError
from trading_assets.asset_factories.table_asset import STALE_RETRIES, Step
from trading_assets.config.lifecycle import Lifecycle
from trading_assets.config.storage import Storage
from trading_assets.warehouse import Rows, Warehouse
from trading_assets_tests.warehouse.warehouse_fixtures import BARS, EQUITY, bars, equity

CONFIGURATION = SimpleNamespace(warehouse=Storage(), lifecycle=Lifecycle())


@pytest.mark.parametrize("disturbances", [1, STALE_RETRIES, STALE_RETRIES + 1])
def test_it_computes_again_from_what_is_there_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disturbances: int
) -> None:
    monkeypatch.setattr(table_asset, "STALE_PAUSE", 0)
    other_run = Warehouse(tmp_path / "warehouse.duckdb")
    other_run.replace(Rows("symbol", "A"), {BARS: bars("A", range(1), close=1.0)})
    attempts: list[float] = []

    def doubled(step: Step) -> Mapping[str, Any]:
        """Twice the close of A."""
        close = step.work.read(BARS)["close"].item()
        attempts.append(close)
        if len(attempts) <= disturbances:
            other_run.replace(Rows("symbol", "A"), {BARS: bars("A", range(1), close=close + 1)})
        step.work.replace(Rows("strategy", "s"), {EQUITY: equity("s", [2 * close])})
        return {}

    result = dg.materialize(
        [table_asset.table_asset(doubled, stage="backtests", tables=[EQUITY])],
        resources={"configuration": CONFIGURATION, "warehouse": other_run},
        raise_on_error=False,
    )
    assert result.success == (disturbances <= STALE_RETRIES)
    assert len(attempts) == min(disturbances, STALE_RETRIES) + 1
    if result.success:
        assert other_run.read(EQUITY)["equity"].to_list() == [2 * (disturbances + 1.0)]
    else:
        assert not other_run.exists(EQUITY.name)


def test_a_broken_contract_writes_nothing_and_its_check_shows_the_rows(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.replace(Rows("symbol", "A"), {BARS: bars("A", range(2), close=1.0)})

    def negative(step: Step) -> Mapping[str, Any]:
        """The second of three closes is below zero."""
        broken = bars("A", range(3), close=5.0).with_columns(close=pl.Series([5.0, -7.0, 5.0]))
        step.work.replace(Rows("symbol", "A"), {BARS: broken})
        return {}

    result = dg.materialize(
        [table_asset.table_asset(negative, stage="market_data", tables=[BARS])],
        resources={"configuration": CONFIGURATION, "warehouse": warehouse},
        raise_on_error=False,
    )
    (check,) = result.get_asset_check_evaluations()
    assert (result.success, check.passed, check.check_name) == (False, False, "contract")
    header, _, *rows = str(check.metadata["first"].value).splitlines()
    assert "close" in header and len(rows) == 1 and "-7.0" in rows[0]
    assert warehouse.read(BARS)["close"].to_list() == [1.0, 1.0]


@pytest.mark.parametrize("is_consequence", [False, True])
def test_a_strategy_that_fails_skips_no_step_and_says_whether_it_is_the_cause(
    tmp_path: Path, is_consequence: bool
) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    recorded = []

    def broken(step: Step) -> Mapping[str, Any]:
        """Raise: by a contract, or because something upstream did."""
        if is_consequence:
            raise UpstreamFailedError("strategies/s failed: RuntimeError: no rules today")
        step.work.replace(Rows("strategy", "s"), {EQUITY: equity("another", [1.0])})
        return {}

    asset = table_asset.table_asset(
        broken,
        stage="backtests",
        tables=[EQUITY],
        strategy="s",
        on_failure=lambda step, error: recorded.append(str(error)),
    )

    @dg.asset(deps=[asset.key])
    def after() -> None:
        """A page of all strategies."""

    result = dg.materialize(
        [asset, after], resources={"configuration": CONFIGURATION, "warehouse": warehouse}, raise_on_error=False
    )
    assert result.success and result.asset_materializations_for_node("after")
    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert (checks["completed"].passed, checks["contract"].passed) == (False, is_consequence)
    assert checks["completed"].metadata["consequence"].value is is_consequence
    assert [checks["completed"].metadata["error"].value] == recorded
