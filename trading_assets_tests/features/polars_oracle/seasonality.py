"""Calendar: where in the week and the year a session is, on a circle so that Sunday is next to Monday."""

from __future__ import annotations

import math

import polars as pl

from trading_assets.features.feature import Feature

_SESSION = pl.col("session")


def _circle(name: str, position: pl.Expr, period: int, what: str) -> tuple[Feature, ...]:
    angles = {step + 1: 2 * math.pi * step / period for step in range(period)}
    return tuple(
        Feature(
            column=f"{name}_{function.__name__[:3]}",
            category="calendar",
            # Looked up, not computed: Polars divides a column of one row and a longer one by a constant differently.
            expression=position.replace_strict({key: function(angle) for key, angle in angles.items()}),
            lookback=0,
            description=f"{'sine' if function is math.sin else 'cosine'} of the {what} on a circle of {period}",
            source="definition",
        )
        for function in (math.sin, math.cos)
    )


POSITION = 70
FEATURES = (
    *_circle("weekday", _SESSION.dt.weekday(), 7, "day of the week"),
    *_circle("month", _SESSION.dt.month(), 12, "month"),
)
