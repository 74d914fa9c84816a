"""Entries of another strategy that a model believes in (trading rules, section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl
from pydantic import Field

from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.interface.rules import Rules

#: Stable name of this strategy on record, wherever this file moves to.
IDENTITY = "meta_labels"


class Parameters(OrderParameters):
    """Model whose `primary` is gated, and the score above which an entry is taken."""

    stop_atr: float = Field(default=2.5, gt=0)
    capacity: float = Field(default=0.005, gt=0, le=1)
    model: str = Field(description="name of a model or a champion of the configuration, with a `primary`")
    entry_score: float = Field(default=0.55, ge=0, lt=1, description="take entries above this score")


GRID: Mapping[str, Sequence[float | str]] = {
    "entry_score": (0.50, 0.525, 0.55, 0.575, 0.60),
    "stop_atr": (2.0, 2.5, 3.0, 3.5),
    "volatility_scaling": ("continuous", "regime", "off"),
}


def gated_rules(parameters: Parameters, primary: Rules) -> Rules:
    """Return the rules of the primary, entered only where the score is above `entry_score`, the best scores first.

    Triggers, side and exits are the primary's own. A session without a score is none that the model was asked about,
    and no entry.

    Parameters
    ----------
    parameters
        Parameters of this strategy.
    primary
        Rules of the strategy whose entries the model scores.

    Examples
    --------
    A score of exactly one half does not exceed it.

    >>> from trading_assets.strategies import mean_reversion
    >>> own = gated_rules(Parameters(model="bets", entry_score=0.5), mean_reversion.rules(mean_reversion.Parameters()))
    >>> rows = {"score": [0.5, 0.6, None], "adj_close": [2.0] * 3, "ma_200": [1.0] * 3}
    >>> pl.DataFrame(rows).select(own.eligible.fill_null(False)).to_series().to_list()
    [False, True, False]
    """
    score = pl.col("score")
    return replace(
        primary,
        eligible=primary.eligible & (score >= math.nextafter(parameters.entry_score, math.inf)),
        triggers=tuple(replace(each, rank=score) for each in primary.triggers),
        rank_weights=(1.0, 0.0, 0.0),
        model=parameters.model,
    )
