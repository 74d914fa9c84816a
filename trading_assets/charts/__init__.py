"""Charts of tables: Plotly figures for the report, the same figures as PNG for the Dagster UI."""

from trading_assets.charts.account_figures import account_equity, divergence_money
from trading_assets.charts.comparison_figures import ratio_of_curves, two_curves
from trading_assets.charts.curve_figures import rolling, yearly_returns
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
from trading_assets.charts.trade_figures import distribution, excursions, holdings, trade_on_bars

__all__ = [
    "account_equity",
    "bars",
    "distribution",
    "divergence_money",
    "drawdown",
    "equity",
    "excursions",
    "exposure",
    "histogram",
    "holdings",
    "importance",
    "markdown",
    "monthly_returns",
    "parameter_heat_map",
    "png",
    "ratio_of_curves",
    "reliability",
    "rolling",
    "scenarios",
    "trade_on_bars",
    "two_curves",
    "yearly_returns",
]
