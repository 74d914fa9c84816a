"""Calendar: where in the week and the year a session is, on a circle so that Sunday is next to Monday."""

from __future__ import annotations

import math

from trading_assets.features.compiled.expression import Expression, col
from trading_assets.features.feature import Feature

_SESSION = col("session")


def _circle(name: str, position: Expression, period: int, what: str) -> tuple[Feature, ...]:
    angles = [2 * math.pi * step / period for step in range(period)]
    return tuple(
        Feature(
            column=f"{name}_{function.__name__[:3]}",
            category="calendar",
            expression=position.look_up(tuple(function(angle) for angle in angles)),
            lookback=0,
            description=f"{'sine' if function is math.sin else 'cosine'} of the {what} on a circle of {period}",
            source="definition",
        )
        for function in (math.sin, math.cos)
    )


POSITION = 70
FEATURES = (
    *_circle("weekday", _SESSION.weekday(), 7, "day of the week"),
    *_circle("month", _SESSION.month(), 12, "month"),
)
