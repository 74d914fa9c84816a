"""What the report says of when a result was made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from trading_assets.reports.strategy_page.breakdown import breakdown_tables, in_words, spans
from trading_assets.reports.strategy_page.data import StrategyContent, strategy_content
from trading_assets.robustness.tables import BREAKDOWN
from trading_assets.warehouse import Warehouse
from trading_assets_tests.backtests.frames import loaded


@pytest.fixture
def empty(tmp_path: Path) -> StrategyContent:
    configuration = loaded(tmp_path, strategies={"momentum": {"type": "equity_momentum"}})
    return strategy_content(Warehouse(tmp_path / "none.duckdb"), configuration, "momentum")


def with_values(content: StrategyContent, values: dict[tuple[str, str, str], float | None]) -> StrategyContent:
    rows = [("momentum", "holdout", *key, value) for key, value in values.items()]
    return replace(content, breakdown=pl.DataFrame(rows, schema=BREAKDOWN.empty().schema, orient="row"))


def profits(*by_left_out: tuple[str, float]) -> dict[tuple[str, str, str], float | None]:
    return {("trades", condition, "profit"): profit for condition, profit in by_left_out}


def test_nothing_on_record_says_nothing(empty: StrategyContent) -> None:
    assert (spans(empty), breakdown_tables(empty, "holdout"), in_words(empty)) == ([], [], "")


@pytest.mark.parametrize(("correlation", "says"), [(0.71, True), (0.70, False), (None, False)])
def test_one_bet_is_named(empty: StrategyContent, correlation: float | None, says: bool) -> None:
    content = with_values(empty, {("holdings", "drawdown", "mean_correlation"): correlation})
    assert ("moves as one (holdout): a mean correlation of 0.71, above 0.70" in in_words(content)) is says


def test_the_fewest_trades_without_which_it_is_a_loss(empty: StrategyContent) -> None:
    said = profits(("all", 400.0), ("without best 10", -90.0), ("without best 3", 10.0), ("without best 5", -20.0))
    content = with_values(empty, {**said, ("trades", "all", "top_share"): 0.785})
    assert in_words(content) == (
        "The best twentieth of the trades earned 78.5% of the profit (holdout). "
        "Without the best 5 trades the profit is a loss (holdout)."
    )
    assert in_words(with_values(empty, profits(("all", -5.0), ("without best 1", -20.0)))) == ""


def test_conditions_are_in_the_order_that_people_read(empty: StrategyContent) -> None:
    many = profits(("without best 10", 1.0), ("all", 3.0), ("without best 3", 2.0))
    months = {("months", kind, "months"): 7.0 for kind in ("down", "flat", "up")}
    tables = breakdown_tables(with_values(empty, {**many, **months}), "holdout")
    assert [[row[0].text for row in table.rows] for table in tables] == [
        ["up", "flat", "down"],
        ["all", "without best 3", "without best 10"],
    ]
