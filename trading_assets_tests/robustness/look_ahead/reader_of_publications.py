"""A strategy that buys on a number that was published."""

from __future__ import annotations

import polars as pl

from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.interface.rules import ExitRule, Rules, Trigger


class Parameters(OrderParameters):
    stop_atr: float = 3.0
    capacity: float = 0.005


def rules(parameters: Parameters) -> Rules:
    level, age = pl.col("alt_macro_level"), pl.col("alt_macro_level_age")
    surprise = pl.col("alt_macro_level_surprise").fill_null(0)
    return Rules(
        eligible=age <= 1,
        triggers=(Trigger("high", strength=level, threshold=3.0, rank=surprise),),
        exits={"low": level < 2},
        exit=ExitRule("low"),
    )
