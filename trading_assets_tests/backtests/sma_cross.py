"""A strategy of the reference test: always all in, long above and short below a cross of two means."""

from __future__ import annotations

import datetime as dt

import polars as pl
from pydantic import Field

from trading_assets.config.strategies import TargetWeightParameters, Window


class Parameters(TargetWeightParameters):
    """Windows of the means, the weight on each side, and the close that ends it."""

    capacity: float = Field(default=1.0, gt=0, le=1)
    fast: Window = 10
    slow: Window = 30
    weight: float = Field(default=0.9999, gt=0, le=1)
    last: dt.date


def target_weights(parameters: Parameters, panel: pl.DataFrame) -> pl.DataFrame:
    """A row where one mean crosses the other, and one of 0 on the last session."""
    spread = pl.col("adj_close").rolling_mean(parameters.fast) - pl.col("adj_close").rolling_mean(parameters.slow)
    now, before = spread.over("symbol"), spread.shift(1).over("symbol")
    crossed = pl.when((now > 0) & (before < 0)).then(1).when((now < 0) & (before > 0)).then(-1)
    last = pl.col("session") == parameters.last
    return (
        panel.select(
            "session",
            "symbol",
            target_weight=pl.when(last).then(0.0).otherwise(crossed * parameters.weight),
            reason=pl.lit("cross"),
        )
        .drop_nulls("target_weight")
        .filter(pl.col("session") <= parameters.last)
    )
