"""Strategies that know the future, one a way of knowing it; and the honest one beside them."""

from __future__ import annotations

from typing import Literal

import polars as pl

from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.interface.rules import ExitRule, Rules, Trigger

CLOSE = pl.col("adj_close")


def of_symbol(values: pl.Expr) -> pl.Expr:
    return values.over("symbol", order_by="session")


def weekly(values: pl.Expr) -> pl.Expr:
    return values.over("symbol", pl.col("session").dt.truncate("1w"), order_by="session")


LEAKS = {
    "tomorrow": of_symbol(CLOSE.shift(-1)) > CLOSE,
    "centred_window": of_symbol(CLOSE.rolling_mean(5, center=True)) > CLOSE,
    "full_sample_scaling": (CLOSE - of_symbol(CLOSE.mean())) / of_symbol(CLOSE.std()) > 0,
    "filled_from_the_future": of_symbol(
        pl.when(pl.col("session").dt.day() == 15).then(CLOSE).otherwise(None).backward_fill()
    )
    > CLOSE,
    "week_labelled_at_its_start": weekly(CLOSE.last()) > CLOSE,
    "members_of_today": of_symbol(pl.col("in_universe").last()),
    "level_adjusted_by_later_splits": pl.col("close")
    * of_symbol(pl.col("forward_factor"))
    / of_symbol(pl.col("forward_factor").last())
    > 50,
    "rank_among_future_peers": CLOSE.rank() > pl.len() / 2,
    "return_that_the_label_is_made_of": of_symbol(CLOSE.shift(-6) / CLOSE.shift(-1)) > 1,
    # Repainting indicators: a pivot is known some sessions after it was one.
    "zigzag": of_symbol(CLOSE.rolling_min(11, center=True) == CLOSE),
    "fractal": of_symbol(
        (CLOSE.shift(1) > CLOSE) & (CLOSE.shift(2) > CLOSE) & (CLOSE.shift(-1) > CLOSE) & (CLOSE.shift(-2) > CLOSE)
    ),
    "chikou": of_symbol(CLOSE.shift(-26)) > CLOSE,
    "detrended_price": of_symbol(CLOSE - CLOSE.rolling_mean(20).shift(-11)) > 0,
}
HONEST = "honest"


class Parameters(OrderParameters):
    leak: str = HONEST
    stop_atr: float = 2.5
    capacity: float = 1.0
    volatility_scaling: Literal["continuous", "regime", "off"] = "off"


def rules(parameters: Parameters) -> Rules:
    """Enter whatever looks up; a leak is one more condition."""
    known = LEAKS.get(parameters.leak, CLOSE > 0)
    rising = CLOSE / pl.col("ma_20")
    return Rules(
        eligible=known.fill_null(False),
        triggers=(Trigger("rising", strength=rising, threshold=1.0, rank=rising),),
        exits={"below": pl.col("ma_20") > CLOSE},
        exit=ExitRule("below"),
    )
