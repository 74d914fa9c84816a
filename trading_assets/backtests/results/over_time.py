"""How a curve fared over time: a year at a time, fall by fall, year by year."""

from __future__ import annotations

import numpy as np
import polars as pl

from trading_assets.backtests.results.return_metrics import annual_sharpes
from trading_assets.backtests.results.settled_curve import excess_return, settled

#: Sessions of a rolling window, in parts of a year.
ROLLING_YEARS = 1


def rolling_year(curve: pl.DataFrame, periods_per_year: int) -> pl.DataFrame:
    """Return Sharpe ratio and volatility of the last year of sessions, at each session that has one behind it.

    Parameters
    ----------
    curve
        Rows of one run of `backtests.equity` in session order.
    periods_per_year
        Sessions a year of the curve's calendar, the length of the window.

    Returns
    -------
    pl.DataFrame
        session, sharpe (a year; 0 where nothing varies), volatility (fraction a year).
    """
    window = ROLLING_YEARS * periods_per_year
    empty = pl.DataFrame(schema={"session": pl.Date, "sharpe": pl.Float64, "volatility": pl.Float64})
    if curve.height < window or window < 2:
        return empty
    measured = settled(curve)
    returns = measured.select(
        own=pl.col("daily_return").cast(pl.Float64).fill_null(0.0), excess=excess_return(measured).fill_null(0.0)
    )
    own, excess = (
        np.lib.stride_tricks.sliding_window_view(returns[name].to_numpy(), window) for name in ("own", "excess")
    )
    return pl.DataFrame(
        {
            "session": curve["session"][window - 1 :],
            "sharpe": annual_sharpes(excess, periods_per_year),
            "volatility": own.std(axis=1, ddof=1) * np.sqrt(periods_per_year),
        }
    )


def falls(curve: pl.DataFrame) -> pl.DataFrame:
    """Return every fall from a highest equity so far, deepest first.

    Parameters
    ----------
    curve
        session and drawdown (fraction, zero or negative) of one run, in session order; the capital at the start is the
        first highest equity.

    Returns
    -------
    pl.DataFrame
        since: the first session below the highest equity; lowest: that of the lowest one; recovered: the first session
        at or above it again, null if it is still below; depth: negative fraction; sessions: below it; falling: of
        these up to the lowest.
    """
    rows = curve.select("session", "drawdown").with_row_index("row").with_columns(below=pl.col("drawdown") < 0)
    spells = (
        rows.with_columns(spell=(~pl.col("below")).cum_sum())
        .filter("below")
        .group_by("spell", maintain_order=True)
        .agg(
            since=pl.col("session").first(),
            lowest=pl.col("session").get(pl.col("drawdown").arg_min()),
            depth=pl.col("drawdown").min(),
            sessions=pl.len().cast(pl.Int64),
            falling=(pl.col("drawdown").arg_min() + 1).cast(pl.Int64),
            next=pl.col("row").last() + 1,
        )
    )
    regained = rows.select(next="row", recovered="session")
    return (
        spells.join(regained, on="next", how="left", maintain_order="left")
        .sort("depth", "since")
        .select("since", "lowest", "recovered", "depth", "sessions", "falling")
    )


def yearly(curve: pl.DataFrame) -> pl.DataFrame:
    """Return compounded returns by calendar year.

    Parameters
    ----------
    curve
        session and daily_return (fraction; null counts as 0) of one run.

    Returns
    -------
    pl.DataFrame
        year, return (fraction) and sessions, ascending; the first and the last year may be incomplete.
    """
    return (
        curve.group_by(year=pl.col("session").dt.year())
        .agg(
            ((1 + pl.col("daily_return").fill_null(0)).product() - 1).alias("return"),
            sessions=pl.len().cast(pl.Int64),
        )
        .sort("year")
    )
