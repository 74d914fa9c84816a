"""Intraday bars to bars of sessions."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import polars as pl

from trading_assets.market_data import calendars
from trading_assets.market_data.sources.raw import ACTIONS, NUMBERS, PRICES

#: Longest part of a day between a session's local date and the calendar day it is looked up under.
_REACH = dt.timedelta(days=4)
#: Trades come in bursts: a day counts as many of them as quarters of an hour that have one.
_QUARTERS = 96
#: A gap that so few trades, spread by chance, leave more often than this is no hole.
_LIKELY = 0.002


def to_sessions(
    bars: pl.DataFrame, *, calendar: str, timezone: str, interval: dt.timedelta, stamped: Literal["start", "end"]
) -> pl.DataFrame:
    """Return bars of sessions from bars of minutes or hours.

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
        those that the session has room for; on `24/7` minutes without a trade are not missing), source_file and
        source_line of its first bar. No `local`.

    Notes
    -----
    Many feeds of coins write no bar for a minute without a trade, and such a minute is no hole: on `24/7` a bar is
    missing only within a hole, a gap that trades spread by chance rarely leave. A bad bar elsewhere is as a minute
    without a trade there.

    An intraday bar with an empty or non-positive price, or a high below another of its prices, or one of
    several differing ones of one stamp, is not used: it counts as missing in `coverage`, and its neighbours stand.
    """
    start = pl.col("local") if stamped == "start" else pl.col("local") - interval
    sound = sound_bars(bars).with_columns(start=start)
    if calendar == calendars.ALWAYS:
        day = pl.col("start").dt.date()
        placed = _with_room_but_for_trades(sound.with_columns(session=day), dt.timedelta(days=1) / interval, interval)
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


def _with_room_but_for_trades(bars: pl.DataFrame, slots: float, interval: dt.timedelta) -> pl.DataFrame:
    """Add `room`: bars found over the share of the day that no hole takes; all it has if holes take more than half."""
    day = ["symbol", "session"]
    slot = ((pl.col("start") - pl.col("session").cast(pl.Datetime("us"))) / interval).floor().cast(pl.Int64)
    placed = bars.select(*day, slot=slot).unique().sort(*day, "slot")
    ends = pl.col("slot") == pl.col("slot").max()
    gaps = placed.with_columns(
        before=pl.col("slot").diff().over(day) - 1, first=pl.col("slot").min().over(day), last=ends.over(day)
    ).with_columns(
        before=pl.col("before").fill_null(pl.col("first")),
        after=pl.when("last").then(slots - pl.col("slot") - 1).otherwise(0.0),
        quarter=(pl.col("slot") * (_QUARTERS / slots)).floor() if slots > _QUARTERS else pl.col("slot"),
    )
    # Without a gap between its first and last bar a day tells of no illiquid minutes, and a quarter of an hour of none.
    gapless = pl.col("slot").max() - pl.col("slot").min() + 1 == pl.len()
    occupied = gaps.group_by(day).agg(pl.col("quarter").n_unique().alias("occupied"), found=pl.len(), gapless=gapless)
    gaps = gaps.join(occupied, on=day)

    def hole(gap: str) -> pl.Expr:
        odds = (pl.col("occupied") + 1) * (1 - pl.col(gap) / slots) ** pl.col("occupied")
        return (
            pl.when((odds < _LIKELY) | (pl.col("occupied") == 1) | pl.col("gapless")).then(pl.col(gap)).otherwise(0.0)
        )

    lost = gaps.group_by(day).agg(holes=(hole("before") + hole("after")).sum(), found=pl.col("found").first())
    most = pl.col("holes") > slots / 2
    room = pl.when(most).then(slots).otherwise(pl.col("found") * slots / (slots - pl.col("holes")))
    return bars.join(lost.select(*day, room=room), on=day, how="left", maintain_order="left")


def sound_bars(bars: pl.DataFrame) -> pl.DataFrame:
    """Return intraday bars that are used: prices above zero and in order, one bar a symbol and stamp."""
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
