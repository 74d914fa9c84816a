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


def shows(values: pl.Expr) -> pl.Expr:
    """A leak that says nothing where the future that it reads is not there: what is not known is fine."""
    return of_symbol(values).fill_null(True)


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
    # Of the next session alone: its open is what fills, so that a fill may know it, and no decision.
    "gap_at_the_next_open": of_symbol(pl.col("adj_open").shift(-1)) > CLOSE,
    "range_of_the_next_session": of_symbol(pl.col("adj_high").shift(-1) - pl.col("adj_low").shift(-1)) > CLOSE / 50,
    # Further ahead than any window looks back, and silent where that is not known.
    "half_a_year_ahead": shows(CLOSE.shift(-120) > CLOSE),
    # What rows there are, not what is in them.
    "traded_tomorrow": of_symbol(pl.col("session").shift(-1)).is_not_null(),
    "bars_to_come": of_symbol(pl.len() - pl.int_range(1, pl.len() + 1)) > 60,
    "end_of_the_data": pl.col("session").max() >= pl.date(2002, 4, 5),
    "bars_in_all": pl.len() > 325,
    "values_in_all": pl.col("ma_200").count() > 125,
    # It behaves while there is little to see.
    "honest_when_short": pl.when(pl.len() > 310).then(of_symbol(CLOSE.shift(-1)) > CLOSE).otherwise(True),
}
#: What they know hardly ever comes: nearly all they decide is what an honest one would, until the future provokes them.
DORMANT = {
    "crash_ahead": shows(pl.min_horizontal(CLOSE.shift(-ahead) for ahead in (1, 2, 3, 4, 5)) > CLOSE * 0.75),
    "crash_far_ahead": shows(CLOSE.shift(-60) > CLOSE * 0.5),
    "volume_ahead": shows(pl.col("volume").shift(-3) < 5e7),
    "hole_ahead": shows(pl.col("session").shift(-10) - pl.col("session") <= pl.duration(days=14)),
    "split_ahead": shows(pl.col("split_ratio").shift(-1) < 2),
    "dropped_from_the_universe": shows(pl.col("in_universe").shift(-30)),
}
#: They ask whether there is a future, and act rarely: at the eve of a fill, where half of the cuts are, it was there.
RARE = {
    "label_known": of_symbol(CLOSE.shift(-20)).is_not_null(),
    "ten_bars_left": of_symbol(pl.len() - pl.int_range(1, pl.len() + 1)) >= 10,
    "month_complete": pl.col("session").max() - pl.col("session") > pl.duration(days=30),
    # A pattern names no column; what it reads has to be there all the same.
    "column_by_pattern": ~pl.any_horizontal(pl.lit(False), of_symbol(pl.col("^hig.$").shift(-1)) > CLOSE * 1.012),
}
HONEST = "honest"


class Parameters(OrderParameters):
    leak: str = HONEST
    stop_atr: float = 2.5
    capacity: float = 1.0
    volatility_scaling: Literal["continuous", "regime", "off"] = "off"


def rules(parameters: Parameters) -> Rules:
    """Enter whatever looks up; a leak is one more condition."""
    known = (LEAKS | DORMANT | RARE).get(parameters.leak, CLOSE > 0)
    rising = CLOSE / pl.col("ma_20")
    if parameters.leak in RARE:
        known &= (of_symbol(CLOSE.rolling_max(60)) == CLOSE) & (pl.col("session").dt.ordinal_day() % 7 == 0)
    return Rules(
        eligible=known.fill_null(False),
        triggers=(Trigger("rising", strength=rising, threshold=1.0, rank=rising),),
        exits={"below": pl.col("ma_20") > CLOSE},
        exit=ExitRule("below"),
    )
