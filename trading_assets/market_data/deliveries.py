"""What all sources hand over in a run: each for itself, within the time of the run, a second for one that fails."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from trading_assets.asset_factories.step_record import Window
from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration
from trading_assets.config.fallbacks import stand_ins
from trading_assets.config.remote_sources import AnySource, MissingSecretError, SqlSource, StoodInFor
from trading_assets.market_data import sources
from trading_assets.market_data.reference.symbology import NO_SYMBOLOGY, identified, read_symbology
from trading_assets.market_data.sources.standing_in import COMPARED, differing, in_words, stand_in
from trading_assets.market_data.tables import RAW_BARS, REJECTED_ROWS, SOURCES_DOWN
from trading_assets.warehouse import LockedError, Table, Warehouse

#: Seconds that a tick of the daemon waits for who writes.
_PATIENCE = 10.0
_RECEIPT = ("occurrence", "ingested_at")
NOBODY_DOWN = pl.DataFrame(schema={"source": pl.String})
#: A source, and the one that stands in for it.
_Both = tuple[AnySource, AnySource]


class Delivered(NamedTuple):
    """What all sources handed over.

    Attributes
    ----------
    bars, nobody
        Bars under the symbols of their instruments, and those that name none.
    rejected, spans
        As in `sources.Received`.
    down
        `source`: names of those that were down, whatever stood in for them.
    """

    bars: pl.DataFrame
    nobody: pl.DataFrame
    rejected: pl.DataFrame
    spans: pl.DataFrame
    down: pl.DataFrame = NOBODY_DOWN


def deliveries(step: Step, window: Window, stored: pl.DataFrame, failures: list[str]) -> Delivered:
    """Return the bars of every source, and what is none.

    A vendor or a database that fails, or for which the run has no time left, keeps what is `stored` of it. Its
    fallback stands in for what comes after; without one, or if that fails, too, it is one of the `failures`.

    Parameters
    ----------
    step, window
        The step, and the sessions that are read.
    stored
        Rows of `tables.RAW_BARS` on record of the step's months.
    failures
        Takes what is to be said of sources that are down.
    """
    asked = _Asked(step, time.monotonic() + 60 * step.configuration.runs.vendor_minutes)
    all_sources, standing = step.configuration.market_data, stand_ins(step.configuration.market_data)
    empty = stored.drop(_RECEIPT).clear()
    none = sources.Received(stored)
    parts = [Delivered(empty, empty, none.rejected, none.spans)]
    for place, source in enumerate(all_sources):
        if place in standing.values():
            continue
        other = all_sources[standing[place]] if place in standing else None
        try:
            parts.append(_delivered(step, source, asked.read(source, window)))
            if other is not None and isinstance(source, StoodInFor):
                _tell_of_return(step, stored, parts[-1].bars, (source, other), source.fallback_tolerance)
        except (sources.SourceError, MissingSecretError) as error:
            if not isinstance(source, StoodInFor):
                raise
            kept = _of(stored, source).drop(_RECEIPT)
            down = pl.DataFrame({"source": [source.source]})
            parts.append(Delivered(kept, empty, _stored_rejected(step, source.source), none.spans, down))
            if other is None:
                _tell_of_failure(step, failures, source.when_down, str(error))
                continue
            try:
                parts.append(_stand_in(step, asked, window, (source, other), source.fallback_tolerance))
            except (sources.SourceError, MissingSecretError) as second:
                both = f"{error}\nnor could {other.source} stand in for it: {second}"
                _tell_of_failure(step, failures, source.when_down, both)
                kept, down = _of(stored, other).drop(_RECEIPT), pl.DataFrame({"source": [other.source]})
                parts.append(Delivered(kept, empty, _stored_rejected(step, other.source), none.spans, down))
    return Delivered(*(pl.concat(each, how="diagonal") for each in zip(*parts, strict=True)))


class _Asked:
    """Asks sources, which share the time of the run."""

    def __init__(self, step: Step, until: float) -> None:
        configuration = step.configuration
        self._configuration, self._until = configuration, until
        self._access = sources.Access(configuration.home / "cache", configuration.start, step.now.date(), step.now)

    def read(self, source: AnySource, window: Window) -> sources.Received:
        """Return what a source hands over.

        Raises
        ------
        SourceError
            It cannot be used, or the time of the run is over.
        """
        return sources.read(
            self._in_time(source),
            start=window.start,
            end=window.end,
            directory=self._configuration.directory,
            seed=self._configuration.seed,
            access=self._access,
        )

    def _in_time(self, source: AnySource) -> AnySource:
        if not isinstance(source, StoodInFor):
            return source
        left, minutes = self._until - time.monotonic(), self._configuration.runs.vendor_minutes
        if left <= 0:
            raise sources.SourceError(
                f"{source.source} was not asked: the {minutes:g} minutes of all sources of the run are over",
                expected="answers within `runs.vendor_minutes`",
                todo="run it again, or raise the key",
            )
        key = "timeout_seconds" if isinstance(source, SqlSource) else "deadline_seconds"
        return source.model_copy(update={key: min(getattr(source, key), left)})


def _tell_of_failure(step: Step, failures: list[str], when_down: str, said: str) -> None:
    if when_down == "stop":
        failures.append(said)
    else:
        step.log.warning(f"{said}\nthe run goes on with what is there (`when_down: go_on`): nothing late is entered")


def _delivered(step: Step, source: AnySource, received: sources.Received) -> Delivered:
    folder = step.configuration.directory
    spells = read_symbology(source.symbology, folder) if source.symbology else NO_SYMBOLOGY
    own, lost = identified(received.bars.with_columns(calendar=pl.lit(source.calendar)), spells)
    return Delivered(own, lost, received.rejected, received.spans)


def _stand_in(step: Step, asked: _Asked, window: Window, both: _Both, tolerance: float) -> Delivered:
    """What a second source brings in place of one that failed, told with its name.

    Raises
    ------
    SourceError
        The second one cannot be used either.
    """
    source, other = both
    last = _last_of(step, source)
    # However long the first has been down: sessions of both are those before it was.
    newest = last["last"].max()
    up = min(window.start, newest) if isinstance(newest, dt.date) else window.start
    since = max(step.configuration.start, up - COMPARED)
    second = _delivered(step, other, asked.read(other, replace(window, start=since)))
    on_record = as_stored(step, RAW_BARS, "session BETWEEN ? AND ?", [since, window.end])
    taken = stand_in(_of(on_record, source), second.bars, tolerance, last)
    bars = taken.bars.filter(pl.col("session") >= window.start)
    said = f"{other.source} stands in for {source.source}, which is down: {bars.height} bars are of {other.source}"
    if not taken.refused.is_empty():
        said += (
            f"; {taken.refused.height} symbols are not taken, as prices differ by more than "
            f"{tolerance:g}: {in_words(taken.refused, source.source, other.source)}"
        )
    if taken.unseen:
        said += f"; not taken, as no session of both is there to compare: {', '.join(taken.unseen[:10])}"
        said += ", ..." if taken.unseen[10:] else ""
    step.log.warning(said)
    return second._replace(bars=bars)


def _last_of(step: Step, source: AnySource) -> pl.DataFrame:
    """The last session on record of each symbol that a source brought: symbol, last."""
    aside = step.work.aside()
    if not aside.exists(RAW_BARS.name):
        return pl.DataFrame(schema={"symbol": pl.String, "last": pl.Date})
    query = f"""SELECT symbol, max(session) AS last FROM {RAW_BARS.name}
        WHERE source = ? AND asset_class = ? AND calendar = ? GROUP BY symbol"""
    return aside.query(query, [source.source, source.asset_class, source.calendar])


def _tell_of_return(step: Step, stored: pl.DataFrame, bars: pl.DataFrame, both: _Both, tolerance: float) -> None:
    """Say what becomes of bars that a second source brought, once the first is back: revisions name each value."""
    source, other = both
    stood = _of(stored, other)
    if stood.is_empty():
        return
    apart = differing(bars, stood, tolerance)
    said = f"{source.source} is back: its bars take the place of {stood.height} of {other.source}"
    if not apart.is_empty():
        said += f"; {apart.height} prices differ by more than {tolerance:g}: "
        said += in_words(apart, source.source, other.source)
    step.log.warning(said)


def _of(rows: pl.DataFrame, source: AnySource) -> pl.DataFrame:
    """Rows of raw bars that a source brought."""
    return rows.filter(source=source.source, asset_class=source.asset_class, calendar=source.calendar)


def _stored_rejected(step: Step, source: str) -> pl.DataFrame:
    """Rejected rows of a source that failed: they stay as its bars do."""
    months = step.months
    where = "source = ? AND (session BETWEEN ? AND ? OR session IS NULL)"
    return as_stored(step, REJECTED_ROWS, where, [source, months.start, months.end])


def first_to_read(configuration: Configuration, newest: str) -> str:
    """Return the first month, up to the `newest`, that was last read while a source was down, else the newest.

    Bars that are missing there, or that another source brought, stay until that month is read again. While somebody
    writes to the warehouse it is the newest: the next scheduled run asks again.
    """
    try:
        warehouse = Warehouse(configuration.warehouse_path, wait_seconds=_PATIENCE)
        first = warehouse.read_or_empty(SOURCES_DOWN, columns=["session"])["session"].min()
    except LockedError:
        return newest
    return (
        min(max(first, configuration.start.replace(day=1)).isoformat(), newest)
        if isinstance(first, dt.date)
        else newest
    )


def as_stored(step: Step, table: Table, where: str, parameters: Sequence[object]) -> pl.DataFrame:
    """Return rows that a step is about to replace: they are no input of it, so other months do not make it stale.

    Parameters
    ----------
    step, table
        The step, and the table.
    where, parameters
        Condition in SQL, and the values of its placeholders.
    """
    return step.work.aside().read_or_empty(table, where=where, parameters=parameters)
