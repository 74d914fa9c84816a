"""Rules about data: sessions that have not come, bars that cannot be used, features that drift."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import polars as pl

from trading_assets.market_data.calendars import facts_of, sessions
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, SOURCES_DOWN
from trading_assets.monitoring.rules.situation import Finding, Situation
from trading_assets.monitoring.tables import DRIFT

#: After a session is over, until its bars should have been asked for.
GRACE = dt.timedelta(hours=12)
#: Sessions whose bars are counted.
_NEWEST = 21


def newest_sessions(situation: Situation) -> dict[str, dt.date]:
    """Return the newest session that has a bar, by calendar of the universe."""
    rows = situation.warehouse.read_or_empty(
        INSTRUMENTS, columns=["calendar", "last_session"], where="in_universe AND last_session IS NOT NULL"
    )
    newest = rows.group_by("calendar").agg(pl.col("last_session").max()).sort("calendar")
    return {str(calendar): session for calendar, session in newest.iter_rows()}


def sessions_missing(calendar: str, newest: dt.date, now: dt.datetime) -> list[dt.date]:
    """Return the sessions after `newest` that have been over for long enough that their bars should be there.

    Parameters
    ----------
    calendar, newest
        Calendar, and the newest session that has a bar.
    now
        UTC.
    """
    over = facts_of(calendar).over_after + GRACE
    days = sessions(calendar, newest + dt.timedelta(days=1), now.date()).to_list()
    return [day for day in days if dt.datetime.combine(day, dt.time()) + over <= now]


def stale_data(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each calendar of which more than `threshold` sessions have no bar though they are over."""
    if situation.configuration.as_of is not None:
        return
    for calendar, newest in newest_sessions(situation).items():
        missing = sessions_missing(calendar, newest, situation.now)
        if len(missing) > threshold:
            yield Finding(calendar, f"{calendar}: the newest bar is of {newest}, {len(missing)} sessions are missing")


def source_down(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each source that was down when a month was last read: a run went on, another stood in, or it failed."""
    rows = situation.warehouse.read_or_empty(SOURCES_DOWN)
    for source, first in rows.group_by("source").agg(pl.col("session").min()).sort("source").iter_rows():
        said = (
            f"{source} was down when {first:%Y-%m} was last read: bars are missing, or are of the source that stood in"
        )
        yield Finding(source, said)


def data_quality(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield that more than `threshold` of the bars of the newest sessions are not used, where data still come."""
    newest = newest_sessions(situation)
    if situation.configuration.as_of is not None or not newest:
        return
    since = max(newest.values()) - dt.timedelta(days=_NEWEST * 7 // 5)
    used, refused = (
        situation.warehouse.read_or_empty(table, columns=["symbol"], where="session > ?", parameters=[since]).height
        for table in (BARS, QUARANTINE)
    )
    if refused > threshold * (used + refused):
        yield Finding("bars", f"{refused} of {used + refused} bars since {since} are in quarantine")


def drift(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield that more features drift than `monitoring.alarm_share` allows."""
    from trading_assets.monitoring.drift import is_drift_event

    table = situation.warehouse.read_or_empty(DRIFT)
    share = situation.configuration.monitoring.alarm_share
    if table.height and is_drift_event(table, share):
        alarms = table.filter("alarm")
        first = ", ".join(alarms.sort("psi", descending=True)["feature"].unique(maintain_order=True).head(5))
        yield Finding("features", f"{alarms.height} of {table.height} features drift, {share:.0%} are allowed: {first}")
