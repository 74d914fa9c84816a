"""Whether bars in use are what every reader relies on; counted apart from the rules that let them in."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from trading_assets.market_data.quality.values import PRICES


def faults(bars: pl.DataFrame, instruments: pl.DataFrame, sessions: pl.DataFrame) -> dict[str, int]:
    """Count the bars in use that break what every reader relies on, apart from the rules that let them in.

    Parameters
    ----------
    bars, instruments, sessions
        Whole tables.
    """
    prices = [*PRICES, *(f"adj_{name}" for name in PRICES)]
    unsound = pl.any_horizontal(~(pl.col(name).is_finite() & (pl.col(name) > 0)).fill_null(False) for name in prices)
    outside = (pl.max_horizontal(PRICES) > pl.col("high")) | (pl.min_horizontal(PRICES) < pl.col("low"))
    expected = instruments.select("symbol", "calendar").join(sessions, on="calendar")
    return {
        "price not finite and positive": bars.filter(unsound).height,
        "open or close outside [low, high]": bars.filter(outside).height,
        "more than one row of a symbol and session": bars.height - bars.unique(["symbol", "session"]).height,
        "not a session of the calendar": bars.join(expected, on=["symbol", "session"], how="anti").height,
    }


def missing_sessions(bars: Iterable[pl.DataFrame], instruments: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """Count the sessions between a symbol's first and last bar that have none: symbol, expected, missing; worst first.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`, all of some symbols at a time.
    instruments, sessions
        Rows of `market_data.instruments` and `market_data.sessions`.
    """
    left = instruments.select("symbol", "calendar", "first_session", "last_session")
    counts = []
    for rows in bars:
        own = pl.col("symbol").is_in(rows["symbol"].unique().implode())
        counts.append(_missing(rows.select("symbol", "session"), left.filter(own), sessions))
        left = left.filter(~own)
    counts.append(_missing(left.select("symbol", session="first_session").clear(), left, sessions))
    together = pl.concat(counts)
    return together.sort(pl.col("missing") / pl.col("expected"), "symbol", descending=[True, False])


def _missing(bars: pl.DataFrame, listed: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    spans = listed.join(sessions, on="calendar")
    expected = spans.filter(pl.col("session").is_between("first_session", "last_session"))
    found = expected.join(bars.with_columns(_found=True), on=["symbol", "session"], how="left")
    return found.group_by("symbol").agg(pl.len().alias("expected"), pl.col("_found").is_null().sum().alias("missing"))
