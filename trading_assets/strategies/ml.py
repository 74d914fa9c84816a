"""Stocks that a model expects to beat the index over the next week (trading rules, section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import polars as pl
from pydantic import Field

from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.interface.rules import Rules, Trigger

#: Stable name of this strategy on record, wherever this file moves to.
IDENTITY = "ml"


class Parameters(OrderParameters):
    """Model, and the score above which it is believed."""

    stop_atr: float = Field(default=2.5, gt=0)
    capacity: float = Field(default=0.005, gt=0, le=1)
    max_hold: int | None = Field(default=5, ge=1, description="sessions after which a position is left")
    model: str = Field(default="forward_return", description="name of a model of the configuration")
    entry_score: float = Field(default=0.55, ge=0, lt=1, description="enter above this score")


GRID: Mapping[str, Sequence[float | str]] = {
    "stop_atr": (2.0, 2.5, 3.0, 3.5),
    "entry_score": (0.50, 0.525, 0.55, 0.575, 0.60),
    "volatility_scaling": ("continuous", "regime", "off"),
}


def rules(parameters: Parameters) -> Rules:
    """Return the rules: enter the best scores first, leave after `max_hold` sessions.

    The scores are out of sample: each is of a fold that was trained before it. A trigger fires at its
    threshold, and a score has to exceed `entry_score`: the threshold is the next number above it.

    Examples
    --------
    A score of exactly one half does not exceed it.

    >>> own = rules(Parameters(entry_score=0.5))
    >>> fires = own.triggers[0].strength >= own.triggers[0].threshold
    >>> pl.DataFrame({"score": [0.4, 0.5, 0.6]}).select(fires).to_series().to_list()
    [False, False, True]
    """
    score = pl.col("score")
    return Rules(
        eligible=score.is_not_null(),
        triggers=(
            Trigger(
                name="score",
                strength=score,
                threshold=math.nextafter(parameters.entry_score, math.inf),
                rank=score,
            ),
        ),
        rank_weights=(1.0, 0.0, 0.0),
        model=parameters.model,
    )
