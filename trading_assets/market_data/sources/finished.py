"""Which bars are of sessions that are over."""

from __future__ import annotations

import datetime as dt
import logging

import polars as pl

from trading_assets.market_data import calendars

#: Every session of a date before this long ago is over, in whatever zone.
_LONG_OVER = dt.timedelta(days=2)
#: A session of the day after can have begun, in the evening or in the east.
_A_DAY = dt.timedelta(days=1)

logger = logging.getLogger(__name__)


def finished(bars: pl.DataFrame, calendar: str, timezone: str, now: dt.datetime) -> pl.DataFrame:
    """Return bars without those whose session is not over at `now`, in their order; a warning counts these.

    Parameters
    ----------
    bars
        symbol, session, source, and anything else.
    calendar, timezone
        When sessions begin and are over: `calendars.session_spans`. A session that is over at `now` is finished.
    now
        When the bars were fetched, UTC.

    Notes
    -----
    A bar of a later date whose session has not even begun has a wrong date, which the rules say of it.
    """
    recent, latest = now.date() - _LONG_OVER, now.date() + _A_DAY
    if not bars["session"].is_between(recent, latest).any():
        return bars
    moment = now.replace(tzinfo=dt.UTC)
    spans = calendars.session_spans(calendar, recent, latest, timezone)
    has_come = (pl.col("session") <= now.date()) | (pl.col("begins") <= moment)
    unfinished = spans.filter(has_come & (pl.col("over") > moment))["session"]
    is_open = pl.col("session").is_in(unfinished.implode())
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
