"""How fresh an order sheet is: when it was made, for which open, and how long until then."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.config import Configuration
from trading_assets.trading.opening import open_accounts
from trading_assets.trading.session_times import hours_between


def freshness(configuration: Configuration, sheets: pl.DataFrame, now: dt.datetime) -> list[str]:
    """Return a line for each open that a sheet is for.

    Parameters
    ----------
    configuration
        Configuration whose folder has the sheets as files: their time is when a sheet was last made.
    sheets
        Rows of `trading.order_sheets`.
    now
        Time, UTC.
    """
    universes = {opening.account: opening.universe for opening in open_accounts(configuration).values()}
    found = []
    for account, session, day, symbols in (
        sheets.group_by("account", "session", "for_session").agg("symbol").sort("account", "session", "for_session")
    ).iter_rows():
        path = configuration.home / "orders" / f"{account}-{session}.csv"
        at = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC) if path.exists() else None
        made = "made by nobody knows when" if at is None else f"made at {at:%Y-%m-%d %H:%M} UTC"
        known = universes.get(account, {})
        for calendar in sorted({known[symbol][1] for symbol in symbols if symbol in known}):
            opens = hours_between(calendar, day, day)["opens"].to_list()
            if opens:
                left = opens[0].replace(tzinfo=None) - now
                when = f"opens in {_said(left)}" if left > dt.timedelta() else f"opened {_said(-left)} ago"
                found.append(
                    f"{account}: sheet of the close of {session}, {made}, for the open of {calendar} on {day} at "
                    f"{opens[0]:%H:%M} UTC, which {when}"
                )
    return found


def _said(span: dt.timedelta) -> str:
    """A span in the two largest units that say something.

    Examples
    --------
    >>> _said(dt.timedelta(days=2, hours=3, minutes=4)), _said(dt.timedelta(minutes=65)), _said(dt.timedelta(seconds=5))
    ('2 d 3 h', '1 h 5 min', '0 min')
    """
    minutes = int(span.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
