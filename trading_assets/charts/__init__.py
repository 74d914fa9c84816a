"""Charts of tables: Plotly figures for the report, the same figures as PNG for the Dagster UI."""

from trading_assets.charts.figures import (
    bars,
    drawdown,
    equity,
    exposure,
    histogram,
    monthly_returns,
    parameter_heat_map,
    scenarios,
    watched,
)
from trading_assets.charts.png import markdown, png

__all__ = [
    "bars",
    "drawdown",
    "equity",
    "exposure",
    "histogram",
    "markdown",
    "monthly_returns",
    "parameter_heat_map",
    "png",
    "scenarios",
    "watched",
]
