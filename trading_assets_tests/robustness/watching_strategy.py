"""A strategy that enters only if the last session that it is shown is the one it is told."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import polars as pl

from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.interface.rules import ExitRule, Rules, Trigger


class Parameters(OrderParameters):
    last_seen: dt.date
    stop_atr: float = 2.5
    capacity: float = 1.0
    volatility_scaling: Literal["continuous", "regime", "off"] = "off"


def rules(parameters: Parameters) -> Rules:
    """Enter what rises, if nothing after `last_seen` is there."""
    rising = pl.col("adj_close") / pl.col("ma_20")
    return Rules(
        eligible=pl.col("session").max() == pl.lit(parameters.last_seen),
        triggers=(Trigger("rising", strength=rising, threshold=1.0, rank=rising),),
        exits={"below": pl.col("ma_20") > pl.col("adj_close")},
        exit=ExitRule("below"),
    )
