"""When running accounts are worked on: after a close, before an open, after an open, by the calendar of a market.

Cron knows the zone of a market and its usual hours, but neither holidays nor on which days it closes early. So it ticks
at each time of day that occurs, and whoever is woken asks the calendar whether this is the tick of a session: of all of
a session exactly one is. What opens as it closes, as coins do at 00:00 UTC, is worked on five minutes later.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from trading_assets.config.accounts import Accounts
from trading_assets.market_data import calendars
from trading_assets.market_data.calendar_facts import ALWAYS
from trading_assets.market_data.local_hours import local_hours

Phase = Literal["after_close", "before_open", "after_open"]
PHASES: Sequence[Phase] = ("after_close", "before_open", "after_open")
#: Minutes after its close at which bars of a market that opens as it closes are there and orders are sent.
AT_ONCE = 5
_AROUND = dt.timedelta(days=4)
_MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True)
class Tick:
    """What the tick of a schedule is for.

    Attributes
    ----------
    session
        Session of the calendar; None: the tick is none of any session.
    why
        In words why there is nothing to do; empty where there is.
    """

    session: dt.date | None
    why: str = ""


def offset_of(phase: Phase, calendar: str, accounts: Accounts) -> int | None:
    """Return the minutes from the open or close of a session to the work of a phase; None: it has none there.

    Parameters
    ----------
    phase, calendar, accounts
        Phase, calendar, and the section `accounts`. A market that opens as it closes has no time before its open: its
        orders are sent as they are made.
    """
    if opens_as_it_closes(calendar):
        return {"after_close": AT_ONCE, "after_open": AT_ONCE + accounts.after_open_minutes}.get(phase)
    return {
        "after_close": accounts.after_close_minutes,
        "before_open": -accounts.before_open_minutes,
        "after_open": accounts.after_open_minutes,
    }[phase]


def opens_as_it_closes(calendar: str) -> bool:
    """Return whether a session begins as the one before it ends.

    Examples
    --------
    >>> [opens_as_it_closes(each) for each in ("24/7", "24/5", "CMES", "XNYS")]
    [True, True, True, False]
    """
    hours = local_hours(calendar)
    return min(hours.opens) + _MINUTES_OF_A_DAY <= max(hours.closes)


def crons_of(phase: Phase, calendar: str, accounts: Accounts) -> list[str]:
    """Return the cron expressions of a phase, in the zone of the calendar; none where it has no such phase.

    Parameters
    ----------
    phase, calendar, accounts
        Phase, calendar, and the section `accounts`.

    Examples
    --------
    >>> crons_of("after_close", "XNYS", Accounts(after_close_minutes=90))
    ['30 14 * * 1-5', '30 17 * * 1-5']
    """
    facts, found = calendars.facts_of(calendar), []
    for minutes in _times(phase, calendar, accounts):
        later, of_day = divmod(minutes, _MINUTES_OF_A_DAY)
        found.append(f"{of_day % 60} {of_day // 60} * * {facts.cron_days(later)}")
    return found


def session_of(phase: Phase, calendar: str, moment: dt.datetime, accounts: Accounts) -> Tick:
    """Return the session whose work is due at a tick.

    Parameters
    ----------
    phase, calendar, accounts
        Phase, calendar, and the section `accounts`.
    moment
        Time of the tick, with its zone.
    """
    offset, at = offset_of(phase, calendar, accounts), moment.astimezone(dt.UTC)
    if offset is None:
        return Tick(None, f"{calendar} opens as it closes: orders are sent as they are made")
    zone = ZoneInfo(local_hours(calendar).zone)
    day = moment.astimezone(zone).date()
    said = f"{day} has no session of {calendar} that it is for"
    for session, opens, closes in hours_between(calendar, day - _AROUND, day + _AROUND).iter_rows():
        due = (closes if phase == "after_close" else opens) + dt.timedelta(minutes=offset)
        midnight = dt.datetime.combine(session, dt.time(), zone)
        ticks = [
            (midnight + dt.timedelta(minutes=minutes)).astimezone(dt.UTC)  # the wall clock, as cron has it
            for minutes in _times(phase, calendar, accounts)
        ]
        chosen = _chosen(ticks, due, is_before=offset < 0)
        if chosen == at:
            return Tick(session)
        if at in ticks:
            said = f"session {session} of {calendar} has hours of its own: {_clock(opens)} to {_clock(closes)} UTC"
    return Tick(None, said)


def hours_between(calendar: str, start: dt.date, end: dt.date) -> pl.DataFrame:
    """Return the hours of the sessions of a calendar: session, opens, closes (UTC).

    Parameters
    ----------
    calendar, start, end
        Calendar, and the first and last day.
    """
    if calendar != ALWAYS:
        return calendars.trading_hours(calendar, start, end)
    spans = calendars.session_spans(calendar, start, end)
    return spans.rename({"begins": "opens", "over": "closes"})


def sessions_over(of_calendars: Collection[str], start: dt.date, end: dt.date) -> pl.DataFrame:
    """Return when each session is over on every one of some calendars that has it: session, over (UTC, without a zone).

    Parameters
    ----------
    of_calendars, start, end
        Calendars, and the first and last day.
    """
    hours = pl.concat(hours_between(each, start, end) for each in sorted(set(of_calendars)))
    over = pl.col("closes").max().dt.replace_time_zone(None).alias("over")
    return hours.group_by("session").agg(over).sort("session")


def _times(phase: Phase, calendar: str, accounts: Accounts) -> list[int]:
    """Minutes from 00:00 of the session's date, in the zone of the calendar, at which a phase may be due."""
    offset = offset_of(phase, calendar, accounts)
    if offset is None:
        return []
    hours = local_hours(calendar)
    return [minutes + offset for minutes in (hours.closes if phase == "after_close" else hours.opens)]


def _chosen(ticks: Sequence[dt.datetime], due: dt.datetime, *, is_before: bool) -> dt.datetime | None:
    """The tick of a session: none is before what it waits for, and none after what has to be done before."""
    if is_before:
        return max((tick for tick in ticks if tick <= due), default=None)
    return min((tick for tick in ticks if tick >= due), default=None)


def _clock(moment: dt.datetime) -> str:
    return f"{moment:%H:%M}"
