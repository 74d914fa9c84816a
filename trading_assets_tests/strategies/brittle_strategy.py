"""A strategy of target weights whose code fails on one bar."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.config.strategies import TargetWeightParameters, Window


class Parameters(TargetWeightParameters):
    capacity: float = 0.01
    session: dt.date = dt.date(2001, 6, 13)
    symbol: str = "BBB"
    window: Window = 20


def target_weights(parameters: Parameters, panel: pl.DataFrame) -> pl.DataFrame:
    if not panel.filter(session=parameters.session, symbol=parameters.symbol).is_empty():
        raise ArithmeticError("this bar is too much")
    return panel.select("session", "symbol", target_weight=pl.lit(0.1), reason=pl.lit("always"))
