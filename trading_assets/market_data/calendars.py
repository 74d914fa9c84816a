"""Expected sessions of a calendar, and how many of them make a year."""

from __future__ import annotations

import datetime as dt
import difflib
from functools import lru_cache

import polars as pl

ALWAYS = "24/7"


class CalendarError(Exception):
    """A calendar is unknown or does not reach as far as asked; `str()` is the message for people."""


def sessions(calendar: str, start: dt.date, end: dt.date) -> pl.Series:
    """Expected sessions of `calendar` in [start, end], ascending.

    Parameters
    ----------
    calendar
        Any name or alias of exchange_calendars, or `24/7` (every UTC day).
    start, end
        Inclusive. Unlike the library's default (the last 20 years to one ahead), any span that the
        exchange's recorded holidays cover; future holidays are those of today's rules.

    Returns
    -------
    Series
        `session` (Date); empty if no session lies in the span.

    Raises
    ------
    CalendarError
        Unknown name (with the nearest), or a span beyond what is recorded for the exchange.
    """
    if start > end:
        return pl.Series("session", [], dtype=pl.Date)
    if calendar == ALWAYS:
        return pl.date_range(start, end, eager=True).alias("session")
    return trading_hours(calendar, start, end)["session"]


def trading_hours(calendar: str, start: dt.date, end: dt.date) -> pl.DataFrame:
    """Regular hours of each session of an exchange in [start, end]: session, opens, closes (Datetime, UTC).

    Half days close early; a lunch break is not left out. Raises like `sessions`.
    """
    years = _schedule(calendar, start.year, end.year)
    return years.filter(pl.col("session").is_between(start, end))


def periods_per_year(calendar: str) -> int:
    """Sessions in a year, for annualisation: 365 for `24/7`, 252 for every exchange."""
    return 365 if calendar == ALWAYS else 252


@lru_cache(maxsize=64)
def _schedule(calendar: str, first_year: int, last_year: int) -> pl.DataFrame:
    """Whole years: no calendar is empty over one, and neighbouring requests share the work."""
    import exchange_calendars  # takes seconds

    first, last = dt.date(first_year, 1, 1), dt.date(last_year, 12, 31)
    try:
        found = exchange_calendars.get_calendar(calendar, start=first.isoformat(), end=last.isoformat())
    except exchange_calendars.errors.InvalidCalendarName:
        names = [*exchange_calendars.get_calendar_names(include_aliases=True), ALWAYS]
        raise CalendarError(_unknown(calendar, names)) from None
    except ValueError as error:
        raise CalendarError(
            f"calendar {calendar!r} does not cover {first} to {last}\n"
            f"  cause: {error}\n"
            "  do: start later or end earlier, or take a calendar whose holidays reach as far"
        ) from None
    instants = [
        pl.Series(name, hours.dt.tz_localize(None).to_numpy()).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        for name, hours in (("opens", found.opens), ("closes", found.closes))
    ]
    return pl.DataFrame([pl.Series("session", found.sessions.to_numpy()).cast(pl.Date), *instants])


def _unknown(calendar: str, names: list[str]) -> str:
    nearest = difflib.get_close_matches(calendar.upper(), names, n=1, cutoff=0.5)
    expected = f"did you mean {nearest[0]!r}?" if nearest else "a name of exchange_calendars, like 'XNYS', or '24/7'"
    return f"unknown calendar {calendar!r}\n  expected: {expected}"
