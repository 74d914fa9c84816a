"""A strategy of a test: half of the money in one symbol from a session on."""

from __future__ import annotations

import datetime as dt

import polars as pl
from pydantic import Field

from trading_assets.config.strategies import TargetWeightParameters


class Parameters(TargetWeightParameters):
    """What is held, and since when."""

    capacity: float = Field(default=1.0, gt=0, le=1)
    symbol: str
    session: dt.date


def target_weights(parameters: Parameters, panel: pl.DataFrame) -> pl.DataFrame:
    """One row."""
    hit = panel.filter(symbol=parameters.symbol, session=parameters.session)
    return hit.select("session", "symbol", target_weight=pl.lit(0.5), reason=pl.lit("hold"))
