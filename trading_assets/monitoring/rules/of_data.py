"""Rules about data: sessions that have not come, bars that cannot be used, features that drift."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from trading_assets.market_data.calendars import facts_of, sessions
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, SOURCES_DOWN, UNIVERSE
from trading_assets.monitoring.rules.situation import Finding, Situation
from trading_assets.monitoring.tables import DRIFT

#: After a session is over, until its bars should have been asked for.
GRACE = dt.timedelta(hours=12)
#: Sessions whose bars are counted.
_NEWEST = 21
#: Part of the symbols that may be behind the others: one of many may be halted, and its account waits for it.
_BEHIND = 0.1
_NAMED = 3


class Staleness(NamedTuple):
    """How far the bars of a calendar go.

    Attributes
    ----------
    newest, missing
        Newest session that has a bar of any symbol, and how many after it should be there.
    live
        Symbols from which bars are to be expected.
    behind
        Those of them that lack more sessions than are allowed, and the last session of each, the oldest first.
    """

    newest: dt.date
    missing: int
    live: int
    behind: tuple[tuple[str, dt.date], ...]

    @property
    def are_too_many_behind(self) -> bool:
        """Whether more than a tenth of the symbols is behind."""
        return len(self.behind) > _BEHIND * self.live

    def __str__(self) -> str:
        said = f"the newest bar is of {self.newest}"
        if self.missing:
            said += f", {self.missing} sessions are missing"
        if self.behind:
            named = ", ".join(f"{symbol} since {last}" for symbol, last in self.behind[:_NAMED])
            more = ", ..." if self.behind[_NAMED:] else ""
            said += f", {len(self.behind)} of {self.live} symbols are behind: {named}{more}"
        return said


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


def staleness(situation: Situation, allowed: float) -> dict[str, Staleness]:
    """Return how far bars go, by calendar: one fresh symbol does not hide those of which nothing comes any more.

    A symbol that has ended is not behind: one that is delisted, that has left the universe, or that lacks so many
    sessions (`risk.delisting_sessions`) that the engine has given it up, too.

    Parameters
    ----------
    situation, allowed
        How things are, and the sessions that a symbol may lack.
    """
    rows = situation.warehouse.read_or_empty(
        INSTRUMENTS,
        columns=["symbol", "calendar", "last_session"],
        where="in_universe AND last_session IS NOT NULL AND delisted IS NULL",
    )
    spells = situation.warehouse.read_or_empty(UNIVERSE, columns=["symbol", "end"])
    lasting = pl.col("end").is_null().any()
    left = spells.group_by("symbol").agg(left=pl.when(lasting).then(None).otherwise(pl.col("end").max()))
    rows = rows.join(left, on="symbol", how="left").sort("last_session", "symbol")
    given_up, found = situation.configuration.risk.delisting_sessions, dict[str, Staleness]()
    for calendar, newest in newest_sessions(situation).items():
        # Far enough back for so many sessions: with holidays, too, most weeks have more than one.
        since = newest - dt.timedelta(days=7 * given_up)
        live = rows.filter(
            pl.col("last_session") >= since,
            pl.col("left").is_null() | (pl.col("left") > newest),
            calendar=calendar,
        )
        over = sessions_missing(calendar, since, situation.now)
        missing = len(over) - bisect_right(over, newest)
        lacking = [
            (symbol, last, len(over) - bisect_right(over, last))
            for symbol, last in live.select("symbol", "last_session").iter_rows()
        ]
        lacking = [each for each in lacking if each[2] - missing < given_up]
        behind = tuple((symbol, last) for symbol, last, count in lacking if count > max(allowed, missing))
        found[calendar] = Staleness(newest, missing, len(lacking), behind)
    return found


def stale_data(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each calendar that lacks more than `threshold` sessions that are over, or a tenth of its symbols does."""
    if situation.configuration.as_of is not None:
        return
    for calendar, found in staleness(situation, threshold).items():
        if found.missing > threshold or found.are_too_many_behind:
            yield Finding(calendar, f"{calendar}: {found}")


def source_down(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each source that was down when a month was last read: a run went on, another stood in, or it failed."""
    rows = situation.warehouse.read_or_empty(SOURCES_DOWN)
    for source, first in rows.group_by("source").agg(pl.col("session").min()).sort("source").iter_rows():
        said = (
            f"{source} was down when {first:%Y-%m} was last read: bars are missing, or are of the source that stood in"
        )
        yield Finding(source, said)


def data_quality(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield that too many bars are not used, where data still come.

    Too many are more than `threshold` of those of the newest sessions, and those of the newest session itself of more
    than half of the symbols: a delivery that is bad as a whole is told before the next one is missing.
    """
    newest = newest_sessions(situation)
    if situation.configuration.as_of is not None or not newest:
        return
    since = max(newest.values()) - dt.timedelta(days=_NEWEST * 7 // 5)
    columns = ["asset_class", "session", "symbol"]
    bars = pl.concat(
        situation.warehouse.read_or_empty(table, columns=columns, where="session > ?", parameters=[since])
        .select(columns)
        .with_columns(refused=pl.lit(table is QUARANTINE))
        for table in (BARS, QUARANTINE)
    )
    refused = bars["refused"].sum()
    if refused > threshold * bars.height:
        yield Finding("bars", f"{refused} of {bars.height} bars since {since} are in quarantine")
    last = bars.filter(pl.col("session") == pl.col("session").max().over("asset_class"))
    by_symbol = last.group_by("asset_class", "session", "symbol").agg(pl.col("refused").all())  # not one was of use
    counted = by_symbol.group_by("asset_class", "session").agg(pl.len(), pl.col("refused").sum()).sort("asset_class")
    for asset_class, session, count, lost in counted.iter_rows():
        if lost > count / 2:
            yield Finding(
                f"newest of {asset_class}",
                f"of {lost} of {count} symbols ({asset_class}) the bars of {session} are in quarantine",
            )


def drift(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield that more features drift than `monitoring.alarm_share` allows."""
    from trading_assets.monitoring.drift import is_drift_event

    table = situation.warehouse.read_or_empty(DRIFT)
    share = situation.configuration.monitoring.alarm_share
    if table.height and is_drift_event(table, share):
        alarms = table.filter("alarm")
        first = ", ".join(alarms.sort("psi", descending=True)["feature"].unique(maintain_order=True).head(5))
        yield Finding("features", f"{alarms.height} of {table.height} features drift, {share:.0%} are allowed: {first}")
