"""Daily bars to the sessions that they cover, and a look at whether the sessions fit the calendar."""

from __future__ import annotations

import datetime as dt
from typing import Literal, NamedTuple

import polars as pl

from trading_assets.config.sources import INTERVALS
from trading_assets.market_data import calendars
from trading_assets.market_data.sources.errors import SourceError, shown

#: Longest part of a day between a stamp and the session it is looked up under.
_REACH = dt.timedelta(days=4)
_A_DAY = dt.timedelta(days=1)
_MOMENT = dt.timedelta(microseconds=1)
#: From here on, a time of day says "the end of this day".
_END_OF_DAY = dt.time(23, 59)

#: Bars of a symbol and quarter that there must be, those off the calendar among them, and how many of these fit again
#: a day later or earlier, for a shift to be certain.
_FEWEST_BARS, _FEWEST_OFF, _MENDED = 10, 3, 0.75


#: Stamps of a session, in most of its sessions, from which on bars are those of a shorter time.
_SEVERAL, _FEWEST_SESSIONS = 3, 5


class Shift(NamedTuple):
    """Sessions of a symbol that fit the calendar a day later or earlier.

    Attributes
    ----------
    symbol, first, last
        Which bars.
    days
        1: they fit a day later; -1: a day earlier.
    fit, shifted_fit
        Share of the bars that are on a session, as they are and moved by `days`.
    """

    symbol: str
    first: dt.date
    last: dt.date
    days: int
    fit: float
    shifted_fit: float


def to_sessions(bars: pl.DataFrame, *, calendar: str, timezone: str, stamped: Literal["start", "end"]) -> pl.DataFrame:
    """Add `session` to daily bars: the one that the interval of the bar covers.

    Parameters
    ----------
    bars
        local (Datetime without a zone, of `dates.to_daily_times`), and anything else.
    calendar
        A stamp between the open and the close of a session is of that session, wherever midnight is meanwhile. Where
        sessions open on the evening before (futures), what is stamped after that time is of the day after.
    timezone
        Zone of `local`.
    stamped
        Which end of its interval a bar's stamp is: 00:00 is the start of its date, or the end of the one before.

    Notes
    -----
    A stamp at midnight, or in the last minute of a day, is a date.
    """
    stamps = bars.select("local").unique().with_columns(start=pl.col("local"))
    if stamped == "end":
        stamps = stamps.with_columns(start=pl.col("start") - _MOMENT)
    clock = pl.col("start").dt.time()
    timed = stamps.filter((clock != dt.time()) & (clock < _END_OF_DAY)).sort("start")
    if calendar == calendars.ALWAYS or timed.is_empty():
        start = pl.col("local") if stamped == "start" else pl.col("local") - _MOMENT
        return bars.with_columns(session=start.dt.date())
    covered = _covering(timed, calendar, timezone)
    sessions = stamps.join(covered, on="local", how="left").select(
        "local", session=pl.coalesce("session", pl.col("start").dt.date())
    )
    return bars.join(sessions, on="local", how="left", maintain_order="left")


def refuse_intraday(bars: pl.DataFrame) -> None:
    """Raise if bars that are declared daily come several times a session: each would conflict with the others.

    Parameters
    ----------
    bars
        symbol, session, local, source_file, source_line.

    Raises
    ------
    SourceError
        Names the interval to declare. It takes five sessions of a symbol, most of which have three stamps or more.
    """
    if not (bars["local"].dt.time() != dt.time()).any():
        return
    stamps = bars.group_by("symbol", "session").agg(
        pl.col("local").unique().sort(), *(pl.col(name).min() for name in ("source_file", "source_line"))
    )
    several = stamps.with_columns(is_several=pl.col("local").list.len() >= _SEVERAL)
    found = several.group_by("symbol").agg(pl.len(), pl.col("is_several").sum()).sort("symbol")
    found = found.filter(pl.col("len") >= _FEWEST_SESSIONS, pl.col("is_several") * 2 > pl.col("len"))
    if found.is_empty():
        return
    own = several.filter("is_several", symbol=found["symbol"][0]).sort("session")
    apart = own["local"].list.diff().explode().drop_nulls().median()
    row = own.row(0, named=True)
    nearest = min(INTERVALS, key=lambda name: abs(INTERVALS[name] - apart) if isinstance(apart, dt.timedelta) else name)
    raise SourceError(
        f"{len(row['local'])} bars of {shown(row['symbol'])} on {row['session']}, "
        f"at {', '.join(f'{at:%H:%M}' for at in row['local'][:3])}, ...: bars of less than a day",
        file=row["source_file"],
        line=row["source_line"],
        expected="one bar a session, as `interval` says nothing else",
        todo=f"set `interval: {nearest}`, `timezone` to the zone of the stamps, `stamped: end` if they are its ends",
    )


def _covering(stamps: pl.DataFrame, calendar: str, timezone: str) -> pl.DataFrame:
    """local, session of stamps with a time of day: that whose hours hold `start`, null where none does."""
    first, last = stamps["start"].dt.date().sort().gather([0, -1])
    hours = calendars.trading_hours(calendar, *_around(first, last)).rename({"session": "covering"})
    moment = pl.col("start").dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    placed = (
        stamps.with_columns(moment=moment.dt.convert_time_zone("UTC"))
        .sort("moment")
        .join_asof(hours.sort("opens"), left_on="moment", right_on="opens", check_sortedness=False)
    )
    inside = pl.when(pl.col("moment") < pl.col("closes")).then("covering")
    evening = calendars.evening_open(calendar)
    if evening is None:
        return placed.select("local", session=inside)
    zone, opens = evening
    there = pl.col("moment").dt.convert_time_zone(zone).dt.replace_time_zone(None)
    return placed.select("local", session=pl.coalesce(inside, (there + (_A_DAY - opens)).dt.date()))


def _around(first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
    return first - min(_REACH, first - dt.date.min), last + min(_REACH, dt.date.max - last)


def shift_of(bars: pl.DataFrame, calendar: str) -> Shift | None:
    """Return the first symbol whose sessions fit the calendar much better a day off, in some quarter of a year.

    Parameters
    ----------
    bars
        symbol, session.

    Notes
    -----
    By quarter, as midnight in London is a day early in UTC in summer only. It takes ten bars of a quarter, most of its
    sessions, three of them off the calendar, and three quarters of those on it when moved, so that neither a bar on a
    holiday nor a week of them is taken for a shift; nothing is known of `24/7`.
    """
    days = bars["session"].unique().drop_nulls().sort()
    if calendar == calendars.ALWAYS or days.len() < _FEWEST_BARS:
        return None
    recorded = calendars.bounds(calendar)
    days = days.filter((days >= recorded[0]) & (days <= recorded[1]))
    if days.is_empty():
        return None
    try:
        known = calendars.trading_hours(calendar, *_around(days[0], days[-1]))["session"]
    except calendars.CalendarError:  # a stray date of another age: what follows says so
        return None
    off = days.filter(~days.is_in(known.implode()))
    if off.len() < _FEWEST_OFF:
        return None
    quarter = pl.col("session").dt.truncate("1q").alias("quarter")
    key = ["symbol", "quarter"]
    suspects = bars.filter(pl.col("session").is_in(off.implode())).select("symbol", quarter).unique()
    if suspects.is_empty():
        return None
    fits = {
        name: pl.col("session").dt.offset_by(f"{by}d").is_in(known.implode()).sum().cast(pl.Int64)  # below: differences
        for name, by in (("now", 0), ("later", 1), ("earlier", -1))
    }
    counted = (
        bars.select("symbol", "session", quarter)
        .join(suspects, on=key, how="semi")
        .unique()
        .group_by(key)
        .agg(
            pl.len().cast(pl.Int64).alias("bars"),
            pl.col("session").min().alias("first"),
            pl.col("session").max().alias("last"),
            **fits,
        )
        .sort(key)
    )
    best = pl.max_horizontal("later", "earlier")
    missed = pl.col("bars") - pl.col("now")
    span = (pl.col("last") - pl.col("first")).dt.total_days() + 1
    shifted = counted.filter(
        (pl.col("bars") >= _FEWEST_BARS)
        & (pl.col("bars") * 2 >= span)  # daily bars: one a week fits any day as well
        & (missed >= _FEWEST_OFF)
        & (best - pl.col("now") >= missed * _MENDED)
    )
    if shifted.is_empty():
        return None
    row = shifted.row(0, named=True)
    by = 1 if row["later"] >= row["earlier"] else -1
    return Shift(
        symbol=row["symbol"],
        first=row["first"],
        last=row["last"],
        days=by,
        fit=row["now"] / row["bars"],
        shifted_fit=max(row["later"], row["earlier"]) / row["bars"],
    )
