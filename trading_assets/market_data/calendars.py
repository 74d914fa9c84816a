"""Expected sessions of a calendar, when they are over, and how many of them make a year."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from trading_assets.market_data.calendar_facts import ALWAYS, FACTS, Facts

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

__all__ = [
    "ALWAYS",
    "CalendarError",
    "bounds",
    "canonical_name",
    "evening_open",
    "facts_of",
    "periods_per_year",
    "session_spans",
    "sessions",
    "trading_hours",
    "zone_of",
]

_A_DAY = dt.timedelta(days=1)
#: Years that the sessions of several calendars together are counted in.
_COUNTED = dt.date(2021, 1, 1), dt.date(2025, 12, 31)
#: Years that are recorded for every calendar of the library.
_RECORDED = dt.date(2021, 1, 1), dt.date(2026, 12, 31)
#: Whole years that the library's nanoseconds can tell; it takes up to a minute to fail on others.
_ERA = dt.date(1678, 1, 1), dt.date(2261, 12, 31)


class CalendarError(Exception):
    """A calendar is unknown or does not reach as far as asked; `str()` is the message for people."""


def sessions(calendar: str, start: dt.date, end: dt.date) -> pl.Series:
    """Return the expected sessions of `calendar` in [start, end], ascending.

    Parameters
    ----------
    calendar
        Any name or alias of exchange_calendars, or `24/7` (every UTC day).
    start, end
        Inclusive. Unlike the library's default (the last 20 years to one ahead), any span that the
        exchange's recorded holidays cover (`bounds`); future holidays are those of today's rules.

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
    first, last = bounds(calendar)
    if start < first or end > last:
        raise CalendarError(
            f"calendar {calendar!r} does not cover {start} to {end}\n"
            f"  cause: its holidays are recorded from {_day(first)} to {_day(last)}\n"
            "  do: start later or end earlier, take a calendar whose holidays reach as far, "
            "or upgrade exchange_calendars"
        )
    return trading_hours(calendar, start, end)["session"]


def trading_hours(calendar: str, start: dt.date, end: dt.date) -> pl.DataFrame:
    """Return the regular hours of the recorded sessions of an exchange: session, opens, closes (Datetime, UTC).

    Half days close early; a lunch break is not left out. There is nothing before and after what is recorded for the
    exchange (`bounds`). An unknown name raises like in `sessions`.

    Parameters
    ----------
    calendar
        Name of the exchange calendar, or `24/7`.
    start, end
        First and last session, both inclusive.
    """
    first, last = bounds(calendar)
    start, end = max(start, first), min(end, last)
    if start > end:
        return _hours_of(None)
    return _schedule(calendar, start, end).filter(pl.col("session").is_between(start, end))


def bounds(calendar: str) -> tuple[dt.date, dt.date]:
    """Return the first and last day that the library can build the calendar for; of `24/7`, the ends of `date`."""
    if calendar == ALWAYS:
        return dt.date.min, dt.date.max
    found = _example(calendar)
    first, last = found.bound_min(), found.bound_max()
    return (first.date() if first is not None else _ERA[0], last.date() if last is not None else _ERA[1])


def evening_open(calendar: str) -> tuple[str, dt.timedelta] | None:
    """Return zone and time at which sessions of a calendar open on the evening before; None where they do not.

    CMES: (`America/Chicago`, 17 hours).
    """
    if calendar == ALWAYS:
        return None
    found = _example(calendar)
    if found.open_offset >= 0:
        return None
    opens = found.open_times[-1][1]
    return str(found.tz), dt.timedelta(hours=opens.hour, minutes=opens.minute)


def zone_of(calendar: str) -> str:
    """Return the time zone of an exchange; UTC for `24/7`."""
    return "UTC" if calendar == ALWAYS else str(_example(calendar).tz)


def session_spans(calendar: str, start: dt.date, end: dt.date, timezone: str = "UTC") -> pl.DataFrame:
    """Return when each day begins and is over as a session: session, begins, over (Datetime, UTC).

    The open and the close of an exchange's session, half days included; of every day the calendar does not know, and of
    `24/7`, the day in `timezone`.

    Parameters
    ----------
    calendar
        Name of the exchange calendar, or `24/7`.
    start, end
        First and last day, both inclusive.
    timezone
        IANA name of the zone of days that have no session.
    """
    days = pl.DataFrame({"session": pl.date_range(start, end, eager=True)}).select(
        "session", begins=_midnight(pl.col("session"), timezone), over=_midnight(pl.col("session") + _A_DAY, timezone)
    )
    if calendar == ALWAYS:
        return days
    hours = trading_hours(calendar, start, end)
    return days.join(hours, on="session", how="left", maintain_order="left").select(
        "session", begins=pl.coalesce("opens", "begins"), over=pl.coalesce("closes", "over")
    )


def _midnight(day: pl.Expr, timezone: str) -> pl.Expr:
    """The instant at which a day begins in a zone; in UTC where a clock change skips it there."""
    naive = day.cast(pl.Datetime("us"))
    there = naive.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    return there.fill_null(naive.dt.replace_time_zone("UTC"))


def periods_per_year(*of: str) -> int:
    """Return sessions in a year, for annualisation: a fixed number a calendar (`calendar_facts`).

    Parameters
    ----------
    of
        Calendars of one equity curve, which has a value at the sessions of each: with `24/7` among them 365, else the
        mean count of their sessions together, 2021 to 2025. Without any, as for XNYS.

    Raises
    ------
    CalendarError
        Unknown name.
    """
    names = sorted(set(of))
    if ALWAYS in names:
        return FACTS[ALWAYS].periods
    if len(names) <= 1:
        return facts_of(names[0] if names else "XNYS").periods
    return _together(tuple(names))


def facts_of(calendar: str) -> Facts:
    """Return the facts of a calendar, by its name or an alias of it.

    Raises
    ------
    CalendarError
        Unknown name.
    """
    return FACTS[canonical_name(calendar)]


def canonical_name(calendar: str) -> str:
    """Return the name under which a calendar's facts are kept, of a name or an alias.

    Raises
    ------
    CalendarError
        Unknown name.
    """
    return calendar if calendar in FACTS else _example(calendar).name


@lru_cache(maxsize=64)
def _together(names: tuple[str, ...]) -> int:
    found: Collection[pl.Series] = [trading_hours(name, *_COUNTED)["session"] for name in names]
    first, last = _COUNTED
    together = round(pl.concat(found).n_unique() / (last.year - first.year + 1))
    # Of calendars that are the same in all but name: the number that each of them has.
    return max(together, *(facts_of(name).periods for name in names))


class _Schedule(NamedTuple):
    """Hours of the sessions from `first` to `last`."""

    first: dt.date
    last: dt.date
    hours: pl.DataFrame


#: What was built of each calendar: the library takes as long for a year as for ten.
_BUILT: dict[str, _Schedule] = {}


def _schedule(calendar: str, first: dt.date, last: dt.date) -> pl.DataFrame:
    """At least the sessions in [first, last], which are recorded: what is built grows by whole decades."""
    built = _BUILT.get(calendar)
    if built is None:
        built = _BUILT[calendar] = _Schedule(*_RECORDED, _hours_of(_example(calendar)))
    if built.first <= first and last <= built.last:
        return built.hours
    earliest, latest = bounds(calendar)
    decades = (
        max(dt.date(min(first, built.first).year // 10 * 10, 1, 1), earliest),
        min(dt.date(max(last, built.last).year // 10 * 10 + 9, 12, 31), latest),
    )
    try:
        built = _Schedule(*decades, _hours_between(calendar, *decades))
    except CalendarError:  # years that nobody asked for
        return _hours_between(calendar, first, last)
    _BUILT[calendar] = built
    return built.hours


def _hours_between(calendar: str, first: dt.date, last: dt.date) -> pl.DataFrame:
    import exchange_calendars  # takes seconds

    try:
        found = exchange_calendars.get_calendar(calendar, start=first.isoformat(), end=last.isoformat())
    except exchange_calendars.errors.NoSessionsError:
        return _hours_of(None)
    except ValueError as error:
        raise CalendarError(
            f"calendar {calendar!r} does not cover {first} to {last}\n"
            f"  cause: {error}\n"
            "  do: start later or end earlier, or take a calendar whose holidays reach as far"
        ) from None
    return _hours_of(found)


def _hours_of(found: ExchangeCalendar | None) -> pl.DataFrame:
    """Hours of what was found; of nothing, no rows."""
    instant = pl.Datetime("us", "UTC")
    if found is None:
        return pl.DataFrame(schema={"session": pl.Date, "opens": instant, "closes": instant})
    instants = [
        pl.Series(name, hours.dt.tz_localize(None).to_numpy()).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        for name, hours in (("opens", found.opens), ("closes", found.closes))
    ]
    return pl.DataFrame([pl.Series("session", found.sessions.to_numpy()).cast(pl.Date), *instants])


@lru_cache(maxsize=64)
def _example(calendar: str) -> ExchangeCalendar:
    """The calendar over some years that are recorded for all, for what does not depend on the span."""
    import exchange_calendars

    try:
        return exchange_calendars.get_calendar(calendar, start=_RECORDED[0].isoformat(), end=_RECORDED[1].isoformat())
    except exchange_calendars.errors.InvalidCalendarName:
        names = [*exchange_calendars.get_calendar_names(include_aliases=True), ALWAYS]
        raise CalendarError(_unknown(calendar, names)) from None


def _day(day: dt.date) -> str:
    return "ever" if day in (dt.date.min, dt.date.max) else day.isoformat()


def _unknown(calendar: str, names: list[str]) -> str:
    nearest = difflib.get_close_matches(calendar.upper(), names, n=1, cutoff=0.5)
    expected = f"did you mean {nearest[0]!r}?" if nearest else "a name of exchange_calendars, like 'XNYS', or '24/7'"
    return f"unknown calendar {calendar!r}\n  expected: {expected}"
