"""Kinds of months of the benchmark: bear and range months of the stress suite, and up, flat and down months.

A month is classified by its last session, so its class is known at that close and not before. Here it only sorts
results after the fact; a rule that trades on it would have to wait for the month's end.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.features.history import split_factor
from trading_assets.features.indicators import indicators

BEAR, RANGE = "bear", "range"
#: A month whose highest high is less than this above its lowest low is a range month (trading rules, section 7).
RANGE_LIMIT = 0.10
UP, DOWN, FLAT = "up", "down", "flat"
#: A month in which the benchmark moves by less than this part of its usual month is flat.
FLAT_PART = 0.5


def benchmark_levels(bars: pl.DataFrame, benchmark: str | None, end: dt.date) -> pl.DataFrame:
    """Return what classifies months: session, high, low, close and ma_200 of the benchmark's price index, up to `end`.

    Splits are followed, dividends are not: a month is as bad as its prices.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`.
    benchmark
        Symbol of the benchmark; None: no rows.
    end
        Last session.
    """
    rows = bars.filter(pl.col("symbol") == pl.lit(benchmark), pl.col("session") <= end)
    rows = rows.with_columns(**{f"adj_{name}": pl.col(name) * split_factor() for name in ("high", "low", "close")})
    means = indicators(rows).select("session", "ma_200")
    return (
        rows.select("session", high="adj_high", low="adj_low", close="adj_close")
        .join(means, on="session", how="left")
        .sort("session")
    )


def classify_months(levels: pl.DataFrame) -> pl.DataFrame:
    """Return which months are bear months and which are range months; a month can be both or neither.

    Bear: the last close of the month is below its 200-session mean (null while the mean is). Range: the month's
    highest high is less than `RANGE_LIMIT` above its lowest low. A month that has only begun counts as far as it goes.

    Parameters
    ----------
    levels
        See `benchmark_levels`.

    Returns
    -------
    month (its first day), bear, range; by month.
    """
    return (
        levels.group_by(pl.col("session").dt.truncate("1mo").alias("month"), maintain_order=True)
        .agg(
            (pl.col("close").last() < pl.col("ma_200").last()).alias(BEAR),
            (pl.col("high").max() / pl.col("low").min() - 1 < RANGE_LIMIT).alias(RANGE),
        )
        .sort("month")
    )


def in_months(frame: pl.DataFrame, session: str, months: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Return the rows of `frame` whose `session` lies in a month of a kind (`BEAR` or `RANGE`), in the same order.

    Parameters
    ----------
    frame, session
        Rows, and the name of their column with a date.
    months, kind
        See `classify_months`; the name of one of its columns.
    """
    chosen = months.filter(pl.col(kind))["month"]
    return frame.filter(pl.col(session).dt.truncate("1mo").is_in(chosen.implode()))


def kinds_of_months(levels: pl.DataFrame) -> pl.DataFrame:
    """Return whether the benchmark rose, fell or was flat in each month.

    A month is flat if its return, last close to last close, is within `FLAT_PART` of the standard deviation of
    all its months' returns. The first month has no return and no kind.

    Returns
    -------
    month (its first day), benchmark_return, kind; by month.
    """
    months = (
        levels.sort("session")
        .group_by(pl.col("session").dt.truncate("1mo").alias("month"), maintain_order=True)
        .agg(pl.col("close").last())
        .select("month", benchmark_return=pl.col("close") / pl.col("close").shift(1) - 1)
        .drop_nulls()
    )
    edge = FLAT_PART * pl.col("benchmark_return").std()
    kind = (
        pl.when(pl.col("benchmark_return").abs() <= edge)
        .then(pl.lit(FLAT))
        .when(pl.col("benchmark_return") > 0)
        .then(pl.lit(UP))
        .otherwise(pl.lit(DOWN))
    )
    return months.with_columns(kind=kind)
