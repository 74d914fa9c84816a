"""Ticks of schedules against opens and closes of exchange_calendars: each session has one of each phase, in time."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

import exchange_calendars
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from trading_assets.config.accounts import Accounts
from trading_assets.market_data.local_hours import local_hours
from trading_assets.trading.brokers.deadlines import next_deadline
from trading_assets.trading.session_times import PHASES, Phase, crons_of, session_of, sessions_over

ACCOUNTS = Accounts(after_close_minutes=90, before_open_minutes=45, after_open_minutes=15)
#: 400 ticks from here on see the clocks change twice in New York and in London, and half days of the winter.
START = dt.datetime(2025, 10, 10, tzinfo=dt.UTC)
MARKETS = ("XNYS", "XLON", "XTKS", "24/7", "24/5", "CMES", "us_futures")


def ticks(phase: Phase, calendar: str, count: int) -> list[dt.datetime]:
    """The next ticks of a schedule, as the daemon of Dagster makes them."""
    crons, zone = crons_of(phase, calendar, ACCOUNTS), local_hours(calendar).zone
    if not crons:
        return []
    made = schedule_execution_time_iterator(START.timestamp(), crons, zone)
    return [moment.astimezone(dt.UTC) for moment in islice(made, count)]


@lru_cache
def hours(calendar: str) -> list[tuple[dt.date, dt.datetime, dt.datetime]]:
    """Session, open and close as exchange_calendars has them."""
    found = exchange_calendars.get_calendar(calendar, start="2025-09-01", end="2028-12-31")
    opens, closes = found.opens.dt.to_pydatetime(), found.closes.dt.to_pydatetime()
    return [(day.date(), begins, over) for day, begins, over in zip(found.sessions, opens, closes, strict=True)]


@pytest.mark.parametrize("calendar", MARKETS)
@pytest.mark.parametrize("phase", PHASES)
def test_each_session_has_one_tick_at_its_time(phase: Phase, calendar: str) -> None:
    """What is asked for is after the close, before the open, after the open of the very session, half days included."""
    made = ticks(phase, calendar, 400)
    if calendar in MARKETS[3:] and phase == "before_open":
        assert made == []
        return
    found = {}
    for moment in made:
        tick = session_of(phase, calendar, moment, ACCOUNTS)
        assert (tick.session is None) == bool(tick.why)
        if tick.session is not None:
            assert tick.session not in found, "a session is worked on once"
            found[tick.session] = moment
    minutes = {"after_close": 90, "before_open": -45, "after_open": 15}
    if calendar in MARKETS[3:]:
        minutes = {"after_close": 5, "after_open": 20}
    expected = {}
    for session, opens, closes in hours(calendar):
        if calendar == "24/7":
            closes = opens + dt.timedelta(days=1)  # to the library its day ends a minute before
        moment = (closes if phase == "after_close" else opens) + dt.timedelta(minutes=minutes[phase])
        if START < moment <= made[-1]:
            expected[session] = moment
    assert found == expected
    assert len(expected) > 190


def test_the_ticks_meet_half_days_and_both_changes_of_the_clocks() -> None:
    """27 November 2025 is Thanksgiving: a day later New York closes at 13:00, 18:00 UTC, and is worked on at 14:30.

    New York's clocks go back on 2 November 2025 and forward on 8 March 2026: 21:30 UTC, then 22:30, then 21:30.
    """
    moments = {
        tick.session: moment
        for moment in ticks("after_close", "XNYS", 400)
        if (tick := session_of("after_close", "XNYS", moment, ACCOUNTS)).session
    }
    assert dt.date(2025, 11, 27) not in moments
    assert moments[dt.date(2025, 11, 28)] == dt.datetime(2025, 11, 28, 19, 30, tzinfo=dt.UTC)
    for day, hour in ((dt.date(2025, 10, 31), 21), (dt.date(2025, 11, 3), 22), (dt.date(2026, 3, 9), 21)):
        assert moments[day] == dt.datetime.combine(day, dt.time(hour, 30), dt.UTC)
    london = dt.datetime(2025, 12, 24, 14, 0, tzinfo=dt.UTC)  # closes at 12:30
    assert session_of("after_close", "XLON", london, ACCOUNTS).session == dt.date(2025, 12, 24)


@pytest.mark.parametrize(
    ("moment", "why"),
    [
        ("2025-11-28T17:30", "session 2025-11-28 of XNYS has hours of its own: 14:30 to 18:00 UTC"),
        ("2025-12-01T14:30", "session 2025-12-01 of XNYS has hours of its own: 14:30 to 21:00 UTC"),
        ("2025-12-25T17:30", "2025-12-25 has no session of XNYS that it is for"),
    ],
)
def test_a_tick_of_no_session_says_why(moment: str, why: str) -> None:
    at = dt.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("America/New_York"))
    assert session_of("after_close", "XNYS", at, ACCOUNTS).why == why


def test_a_session_is_over_once_every_market_that_has_it_has_closed() -> None:
    """London is shut on 4 May 2026 and open to 15:30 UTC on the 5th; New York closes at 20:00; coins go on."""
    first, last = dt.date(2026, 5, 2), dt.date(2026, 5, 5)
    exchanges = {dt.date(2026, 5, day): dt.datetime(2026, 5, day, 20) for day in (4, 5)}
    assert dict(sessions_over(["XLON", "XNYS"], first, last).rows()) == exchanges
    assert dict(sessions_over(["XLON"], first, last).rows()) == {last: dt.datetime(2026, 5, 5, 15, 30)}
    days = {dt.date(2026, 5, day): dt.datetime(2026, 5, day + 1) for day in (2, 3, 4, 5)}
    assert dict(sessions_over(["XNYS", "24/7"], first, last).rows()) == days


def test_a_late_open_is_worked_on_after_it() -> None:
    """On 2 January 2026 Seoul opens at 10:00, an hour late; the usual tick would be before the open."""
    zone = ZoneInfo("Asia/Seoul")
    usual, late = (dt.datetime(2026, 1, 2, hour, 15, tzinfo=zone) for hour in (9, 10))
    assert session_of("after_open", "XKRX", usual, ACCOUNTS).session is None
    assert session_of("after_open", "XKRX", late, ACCOUNTS).session == dt.date(2026, 1, 2)


def test_what_opens_on_the_evening_before_is_worked_on_then() -> None:
    """Energy of Monday opens in New York on Sunday at 20:00: orders are sent at 19:15."""
    assert crons_of("before_open", "IEPA", ACCOUNTS) == ["15 19 * * 0-4"]
    sunday = dt.datetime(2026, 1, 11, 19, 15, tzinfo=ZoneInfo("America/New_York"))
    assert session_of("before_open", "IEPA", sunday, ACCOUNTS).session == dt.date(2026, 1, 12)


@pytest.mark.parametrize("calendar", MARKETS)
def test_what_is_worked_on_after_a_close_can_be_sent(calendar: str) -> None:
    """The tick of each session is before the end of sending for the next one, an hour late where it must be."""
    for moment in ticks("after_close", calendar, 60):
        session = session_of("after_close", calendar, moment, ACCOUNTS).session
        until = None if session is None else next_deadline(calendar, session, dt.timedelta(hours=1))
        assert until is None or moment < until.replace(tzinfo=dt.UTC)
