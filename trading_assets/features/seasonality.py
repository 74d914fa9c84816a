"""Calendar: where in the week and the year a session is, on a circle so that Sunday is next to Monday."""

from __future__ import annotations

import math

import polars as pl

from trading_assets.features.feature import Feature

_SESSION = pl.col("session")


def _circle(name: str, position: pl.Expr, period: int, what: str) -> tuple[Feature, Feature]:
    angle = 2 * math.pi * (position - 1).cast(pl.Float64) / period
    sine, cosine = (
        Feature(
            column=f"{name}_{function}",
            category="calendar",
            expression=value,
            lookback=0,
            description=f"{function} of the {what} on a circle of {period}",
            source="definition",
        )
        for function, value in (("sine", angle.sin()), ("cosine", angle.cos()))
    )
    return sine, cosine


FEATURES = (
    *_circle("weekday", _SESSION.dt.weekday(), 7, "day of the week"),
    *_circle("month", _SESSION.dt.month(), 12, "month"),
)
