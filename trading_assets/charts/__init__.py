"""Charts of tables: Plotly figures for the report, the same figures as PNG for the Dagster UI."""

from trading_assets.charts.account_figures import account_equity, divergence_money
from trading_assets.charts.comparison_figures import ratio_of_curves, two_curves
from trading_assets.charts.figures import (
    bars,
    drawdown,
    equity,
    exposure,
    histogram,
    monthly_returns,
    parameter_heat_map,
    scenarios,
)
from trading_assets.charts.model_figures import importance, reliability
from trading_assets.charts.png import markdown, png

__all__ = [
    "account_equity",
    "bars",
    "divergence_money",
    "drawdown",
    "equity",
    "exposure",
    "histogram",
    "importance",
    "markdown",
    "monthly_returns",
    "parameter_heat_map",
    "png",
    "ratio_of_curves",
    "reliability",
    "scenarios",
    "two_curves",
]
