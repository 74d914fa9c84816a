"""Written days and times to the instant at which something was public, and to the first day that may know it.

A time is an instant, by its own zone or that of the provider. A day is over before anybody may count on what was
published on it: it stands for its end, and the next session is the first that knows. So does midnight, which most
writers of dates put in place of a time: midnight of the zone that a stamp is written in, and that of the provider, also
where it is written in another one. A true midnight is known a day late, and nothing is known early.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.market_data.sources.dates import to_daily_times

#: A zone that is an hour from UTC all year: the same stamp in both differs exactly if it is an instant.
_ELSEWHERE = "Etc/GMT-1"
_A_DAY = dt.timedelta(days=1)
_AN_HOUR = dt.timedelta(hours=1)
_MIDNIGHT = dt.time()


def to_publications(cells: pl.Series, *, date_format: str, timezone: str) -> pl.DataFrame:
    """Return when each cell says that something was public.

    Parameters
    ----------
    cells
        Text, numbers, dates or datetimes, as the file holds them.
    date_format
        As `dates.to_local_times` takes it.
    timezone
        Zone of stamps without one, and of days.

    Returns
    -------
    polars.DataFrame
        written (Datetime, in the zone of the provider; of a stamp with a zone in UTC), day (Date, in the zone of the
        provider), published_at (Datetime, UTC) and session (Date, no earlier one may know it); null where a cell is
        empty or unreadable, or (the last two) says a time that a clock change skips. Of an hour that it repeats, the
        second one counts.

    Raises
    ------
    DateColumnError
        Stamps with and without a zone in one column, or dates whose order of day and month stays open.
    """
    in_utc, elsewhere = (to_daily_times(cells, date_format=date_format, timezone=zone) for zone in ("UTC", _ELSEWHERE))
    both = pl.DataFrame({"written": in_utc, "elsewhere": elsewhere})
    written = pl.col("written")
    # An instant at midnight in a zone of its own stays as written whatever zone is asked for: it is a day.
    is_own_midnight = (written.dt.time() == _MIDNIGHT) & (written == pl.col("elsewhere"))
    is_instant = bool((in_utc != elsewhere).any())
    local = pl.when(is_own_midnight).then(written).otherwise(_in_zone(written, timezone)) if is_instant else written
    instant = written if is_instant else _in_utc(written, timezone)
    day = local.dt.date()
    # What writes a day as an instant means the first one of its zone.
    is_day = is_own_midnight | (local.dt.time() == _MIDNIGHT) | (instant == _beginning(day, timezone))
    next_day = day + _A_DAY
    return both.select(
        written=written,
        day=day,
        published_at=pl.when(is_day).then(_beginning(next_day, timezone)).otherwise(instant),
        is_day=is_day,
        next_day=next_day,
    ).select(
        "written",
        "day",
        "published_at",
        session=pl.when("is_day")
        .then(pl.max_horizontal("next_day", pl.col("published_at").dt.date()))
        .otherwise(pl.col("published_at").dt.date()),
    )


def days_after(observed: pl.Series, days: int, timezone: str) -> pl.DataFrame:
    """Return `to_publications` of the day that is so many days after each of some times.

    Parameters
    ----------
    observed
        Datetime, as written.
    days
        From the day of each to that of its publication.
    timezone
        Zone of these days.
    """
    return to_publications(observed.dt.date() + dt.timedelta(days=days), date_format="auto", timezone=timezone)


def _beginning(day: pl.Expr, timezone: str) -> pl.Expr:
    """First instant of a day, UTC; where a clock change skips midnight, an hour later by the clock."""
    midnight = day.cast(pl.Datetime("us"))
    return pl.coalesce(_in_utc(each, timezone) for each in (midnight, midnight + _AN_HOUR))


def _in_zone(instant: pl.Expr, timezone: str) -> pl.Expr:
    return instant.dt.replace_time_zone("UTC").dt.convert_time_zone(timezone).dt.replace_time_zone(None)


def _in_utc(local: pl.Expr, timezone: str) -> pl.Expr:
    there = local.dt.replace_time_zone(timezone, ambiguous="latest", non_existent="null")
    return there.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
