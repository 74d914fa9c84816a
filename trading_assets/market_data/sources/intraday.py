"""Intraday bars to bars of sessions."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import polars as pl

from trading_assets.market_data import calendars
from trading_assets.market_data.sources.raw import ACTIONS, NUMBERS, PRICES

#: Longest part of a day between a session's local date and the calendar day it is looked up under.
_REACH = dt.timedelta(days=4)


def to_sessions(
    bars: pl.DataFrame, *, calendar: str, timezone: str, interval: dt.timedelta, stamped: Literal["start", "end"]
) -> pl.DataFrame:
    """Bars of sessions from bars of minutes or hours.

    Parameters
    ----------
    bars
        symbol, local (Datetime without a zone, local time of `timezone`), open, high, low, close, volume, adj_close,
        market_cap, source_file, source_line, and anything that is the same for a whole symbol. Any order.
    calendar
        An exchange's sessions are its regular hours, half days included: what starts before the open or after
        the close is left out. A session of `24/7` is the day of `timezone`.
    interval
        Length of a bar.
    stamped
        Which end of its interval a bar's stamp is.

    Returns
    -------
    DataFrame
        A row a symbol and session with at least one sound bar: open of its first, high and low of all, close, adj_close
        and market_cap of its last, sum of volumes (null if none has one), `coverage` (bars found as a fraction of
        those that the session has room for), source_file and source_line of its first bar. No `local`.

    Notes
    -----
    An intraday bar with an empty or non-positive price, or a high below another of its prices, or one of
    several differing ones of one stamp, is not used: it counts as missing in `coverage`, and its neighbours stand.
    """
    start = pl.col("local") if stamped == "start" else pl.col("local") - interval
    sound = sound_bars(bars).with_columns(start=start)
    if calendar == calendars.ALWAYS:
        placed = sound.with_columns(session=pl.col("start").dt.date(), room=pl.lit(dt.timedelta(days=1) / interval))
    else:
        placed = _in_regular_hours(sound, calendar, timezone, interval)
    kept = [name for name in bars.columns if name not in ("local", *NUMBERS)]
    ordered = placed.sort("symbol", "session", "start")
    return (
        ordered.group_by("symbol", "session", maintain_order=True)
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close", "adj_close", "market_cap").last(),
            pl.when(pl.col("volume").count() > 0).then(pl.col("volume").sum()).alias("volume"),
            (pl.len() / pl.col("room").first()).clip(0.0, 1.0).alias("coverage"),
            *[pl.col(name).max() for name in ACTIONS if name in bars.columns],
            *[pl.col(name).first() for name in kept if name not in ("symbol", "session")],
        )
    )  # fmt: skip


def sound_bars(bars: pl.DataFrame) -> pl.DataFrame:
    """Intraday bars that are used: prices above zero and in order, one bar a symbol and stamp."""
    prices = [pl.col(name) for name in PRICES[:4]]
    positive = pl.all_horizontal((price > 0).fill_null(False) for price in prices)
    ordered = (pl.max_horizontal(prices) <= pl.col("high")) & (pl.min_horizontal(prices) >= pl.col("low"))
    values = ["symbol", "local", *PRICES[:4], "volume"]
    distinct = bars.filter(positive & ordered).unique(values, keep="first", maintain_order=True)
    return distinct.filter(~pl.struct("symbol", "local").is_duplicated())


def _in_regular_hours(bars: pl.DataFrame, calendar: str, timezone: str, interval: dt.timedelta) -> pl.DataFrame:
    """Bars that overlap a session's regular hours, with `session` and `room` (bars the session has room for)."""
    first, last = bars["start"].min(), bars["start"].max()
    if not isinstance(first, dt.datetime) or not isinstance(last, dt.datetime):
        return bars.with_columns(session=pl.lit(None, pl.Date), room=pl.lit(None, pl.Float64)).clear()
    hours = calendars.trading_hours(calendar, first.date() - _REACH, last.date() + _REACH)
    local = hours.select(
        "session",
        *[
            pl.col(name).dt.convert_time_zone(timezone).dt.replace_time_zone(None).cast(pl.Datetime("us")).alias(name)
            for name in ("opens", "closes")
        ],
    ).with_columns(room=((pl.col("closes") - pl.col("opens")) / interval).ceil())
    placed = (
        bars.with_columns(end=pl.col("start") + interval)
        .sort("end")
        # The last session that opened before the bar was over: strictly, a bar that ends at the open is before it.
        .join_asof(local.sort("opens"), left_on="end", right_on="opens", allow_exact_matches=False)
    )
    return placed.filter(pl.col("start") < pl.col("closes")).drop("end", "opens", "closes")
