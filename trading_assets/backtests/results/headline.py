"""The few numbers of a backtest that are watched from run to run."""

from __future__ import annotations

from collections.abc import Mapping

_NAMED = {
    "Sharpe": "sharpe",
    "total return": "total_return",
    "max drawdown": "max_drawdown",
    "trades": "trades",
}


def headline(metrics: Mapping[str, float | None]) -> dict[str, float | int]:
    """Return the headline of a span as numbers, which the Dagster UI plots from run to run.

    Parameters
    ----------
    metrics
        Metrics of one split, by the names of `backtests.metrics`; what is undefined is left out.
    """
    values = {label: metrics.get(name) for label, name in _NAMED.items()}
    return {
        label: int(value) if label == "trades" else float(value) for label, value in values.items() if value is not None
    }
