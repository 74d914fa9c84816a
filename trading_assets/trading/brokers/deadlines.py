"""Until when an order may be sent: before the open of its session, by the clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from trading_assets.market_data import calendars


def deadlines_of(sheet: pl.DataFrame, calendar_of: Mapping[str, str], late: dt.timedelta) -> dict[str, dt.datetime]:
    """Return until when each order of a sheet may be sent, UTC, by its id.

    An exchange's until its open. A market that never closes opens as the session before it ends, and so as the order is
    decided: an order for it may come late.

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


def deadline(calendar: str, session: dt.date, late: dt.timedelta) -> dt.datetime:
    """Return until when an order for a session may be sent, UTC.

    Parameters
    ----------
    calendar, session
        Name of the calendar, and a session of it.
    late
        How late an order for a market that never closes may come.
    """
    if calendar == calendars.ALWAYS:
        return dt.datetime.combine(session, dt.time()) + late
    opens = calendars.trading_hours(calendar, session, session)["opens"].to_list()
    if not opens:
        raise calendars.CalendarError(f"{session} is no session of {calendar}: nothing opens")
    found: dt.datetime = opens[0]
    return found.astimezone(dt.UTC).replace(tzinfo=None)
