"""Which bars are of sessions that are over."""

from __future__ import annotations

import datetime as dt
import logging

import polars as pl

from trading_assets.market_data import calendars

#: Every session of a date before this long ago is over, in whatever zone.
_LONG_OVER = dt.timedelta(days=2)

logger = logging.getLogger(__name__)


def finished(bars: pl.DataFrame, calendar: str, timezone: str, now: dt.datetime) -> pl.DataFrame:
    """Bars whose session was over at `now`, in their order; a warning counts the others.

    Parameters
    ----------
    bars
        symbol, session, source, and anything else.
    calendar, timezone
        When sessions are over: `calendars.session_ends`. A session that is over at `now` is finished.
    now
        When the bars were fetched, UTC.
    """
    recent = now.date() - _LONG_OVER
    doubtful = bars["session"].filter(bars["session"] >= recent).unique()
    if doubtful.is_empty():
        return bars
    ends = calendars.session_ends(calendar, recent, now.date() + _LONG_OVER, timezone)
    over = ends.filter(pl.col("over") <= now.replace(tzinfo=dt.UTC))["session"]
    is_open = (pl.col("session") >= recent) & ~pl.col("session").is_in(over.implode())
    left_out = bars.filter(is_open)
    if left_out.is_empty():
        return bars
    first = left_out.row(0, named=True)
    logger.warning(
        "%s: %d bars of sessions that are not over at %s UTC left out, the first %s on %s",
        first["source"],
        left_out.height,
        f"{now:%Y-%m-%d %H:%M}",
        first["symbol"],
        first["session"],
    )
    return bars.filter(~is_open)
