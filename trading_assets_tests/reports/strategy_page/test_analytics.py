"""The section of where the return came from."""

from __future__ import annotations

import polars as pl

from trading_assets.analytics.tables import CAPACITY, CONTRIBUTIONS, FACTOR_EXPOSURES, OVERLAP, SIGNAL_QUALITY
from trading_assets.config import Configuration
from trading_assets.strategies.evaluation.failure import status_row
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Rows, Warehouse
from trading_assets_tests.reports.pages import NAME, equity, fill, verdict
from trading_assets_tests.reports.strategy_page.test_page import page_of

RUN = {"strategy": NAME, "split": "development"}


def contribution(dimension: str, name: str, amount: float) -> dict[str, object]:
    return {**RUN, "dimension": dimension, "name": name, "millionths": round(amount * 1e6), "amount": amount}


def test_the_section_shows_parts_factors_decay_and_capacity(configuration: Configuration, warehouse: Warehouse) -> None:
    fill(warehouse, equity=equity(), verdicts=verdict("reject", "It is rejected."))
    parts = [contribution("part", "entry_timing", 1500.25), contribution("part", "commission", -20.0)]
    symbols = [contribution("symbol", f"S{k:02d}", 1480.25 - k) for k in range(30)]
    exposure = {**RUN, "model": "catalogue", "factor": "low_volatility", "estimate": 0.25, "error": 0.1, "t": 2.5}
    exposure |= {"p": 0.01, "earned": 0.0314, "r_squared": 0.5, "sessions": 100, "lags": 4}
    ic = {**RUN, "subject": "score", "name": "all", "horizon": 5, "statistic": "ic", "value": 0.04}
    money = {**RUN, "assets": 1e6, "sharpe": 0.77, "slippage_bps": 4.25, "largest_share": 0.015}
    frames = {
        CONTRIBUTIONS: [*parts, *symbols, contribution("exit reason", "hard_stop", 1480.25)],
        FACTOR_EXPOSURES: [exposure],
        SIGNAL_QUALITY: [ic],
        CAPACITY: [money],
    }
    tables = {table: table.conform(pl.DataFrame(rows)).sort(table.key) for table, rows in frames.items()}
    warehouse.replace(Rows("strategy", NAME), tables)
    other = {"strategy": NAME, "other": "calm", "measure": "correlation", "value": 0.63, "sessions": 200}
    warehouse.replace(Rows("strategy", NAME), {OVERLAP: OVERLAP.conform(pl.DataFrame([other]))})
    page = page_of(configuration, warehouse)
    text, figures = page.text, "".join(page.scripts)
    for shown in ("Where the return came from", "1,480.25", "low volatility", "3.1%", "0.77", "0.63", "hard stop"):
        assert shown in text, shown
    for drawn in ("entry to close", "5 sessions", "S00", "S29"):
        assert drawn in figures, drawn
    assert '"S15"' not in figures


def test_there_is_no_section_before_the_stage_has_run(configuration: Configuration, warehouse: Warehouse) -> None:
    fill(warehouse, equity=equity(), verdicts=verdict("reject", "It is rejected."))
    assert "Where the return came from" not in page_of(configuration, warehouse).text


def test_analytics_that_failed_take_no_verdict_away(configuration: Configuration, warehouse: Warehouse) -> None:
    fill(warehouse, equity=equity(), verdicts=verdict("reject", "It is rejected."))
    failed = status_row("analytics", NAME, ValueError("a wrong line"))
    warehouse.replace(Rows("asset", f"analytics/{NAME}"), {STATUS: failed})
    text = page_of(configuration, warehouse).text
    assert "It is rejected." in text and "nothing to judge" not in text
