"""Until when an order may be sent: before the open of its session, by the clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from trading_assets.market_data import calendars
from trading_assets.trading.opening import next_session

_A_WEEK = dt.timedelta(days=7)


def deadlines_of(sheet: pl.DataFrame, calendar_of: Mapping[str, str], late: dt.timedelta) -> dict[str, dt.datetime]:
    """Return until when each order of a sheet may be sent, UTC, by its id.

    An exchange's until its open. A market that opens as the session before it ends opens as the order is decided: an
    order for it may come late.

    Parameters
    ----------
    sheet
        Rows of `trading.order_sheets`.
    calendar_of
        Calendar of each symbol.
    late
        How late.
    """
    rows = sheet.select("client_order_id", "symbol", "for_session").rows()
    opens = {(calendar_of[symbol], session) for _, symbol, session in rows}
    latest = {each: deadline(*each, late) for each in opens}
    return {name: latest[calendar_of[symbol], session] for name, symbol, session in rows}


def next_deadline(calendar: str, session: dt.date, late: dt.timedelta) -> dt.datetime:
    """Return until when what the close of a session decides may be sent, UTC.

    Parameters
    ----------
    calendar, session
        Name of the calendar, and the session.
    late
        How late an order may come where the next session opens as this one ends; with 0 it is the next open.

    Raises
    ------
    CalendarError
        No session is recorded in the thirty days that follow.
    """
    return deadline(calendar, next_session([calendar], session), late)


def deadline(calendar: str, session: dt.date, late: dt.timedelta) -> dt.datetime:
    """Return until when an order for a session may be sent, UTC.

    Parameters
    ----------
    calendar, session
        Name of the calendar, and a session of it.
    late
        How late an order may come that opens as the session before it ends.
    """
    if calendar == calendars.ALWAYS:
        return dt.datetime.combine(session, dt.time()) + late
    rows = calendars.trading_hours(calendar, session - _A_WEEK, session).rows()
    if not rows or rows[-1][0] != session:
        raise calendars.CalendarError(f"{session} is no session of {calendar}: nothing opens")
    opens: dt.datetime = rows[-1][1]
    is_open_at_once = len(rows) > 1 and rows[-2][2] >= opens
    return opens.astimezone(dt.UTC).replace(tzinfo=None) + (late if is_open_at_once else dt.timedelta())
