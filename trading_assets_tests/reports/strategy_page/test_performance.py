"""Metrics by split, and returns by month."""

from __future__ import annotations

import pytest

from trading_assets.backtests.tables import METRICS
from trading_assets.reports.strategy_page.performance import metrics_table, monthly
from trading_assets_tests.backtests.results.test_over_time import curve
from trading_assets_tests.reports.pages import frame


def test_splits_are_columns_and_what_is_unknown_is_a_dash() -> None:
    metrics = frame(
        METRICS,
        {"split": "holdout", "metric": "sharpe", "value": 1.25, "reference": "risk-free 0"},
        {"split": "train", "metric": "max_drawdown", "value": -0.125},
    )
    table = metrics_table(metrics, ["sharpe", "max_drawdown", "calmar"], "", meaning=True)
    assert [head.text for head in table.heads] == ["metric", "train", "holdout", "what it is"]
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["Sharpe ratio (risk-free 0)", "–", "1.25", "a year"],
        ["deepest fall", "-12.5%", "–", "deepest fall from a peak, from the initial capital on; negative fraction"],
    ]


def test_months_are_compounded() -> None:
    found = monthly(curve([0.1, 0.1, -0.5, 1.0]))  # two sessions of December, two of January
    assert found["month"].to_list() == [12, 1]
    assert found["return"].to_list() == pytest.approx([0.21, 0.0])
