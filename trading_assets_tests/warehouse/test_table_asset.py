"""A step whose input another run replaces while it computes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from trading_assets.warehouse import Rows, Warehouse, table_asset
from trading_assets.warehouse.table_asset import STALE_RETRIES, Step
from trading_assets_tests.warehouse.worlds import BARS, EQUITY, bars, equity


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
        resources={"configuration": None, "warehouse": other_run},
        raise_on_error=False,
    )
    assert result.success == (disturbances <= STALE_RETRIES)
    assert len(attempts) == min(disturbances, STALE_RETRIES) + 1
    if result.success:
        assert other_run.read(EQUITY)["equity"].to_list() == [2 * (disturbances + 1.0)]
    else:
        assert not other_run.exists(EQUITY.name)
