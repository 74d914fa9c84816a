"""Enter what happened on the trail, and read it.

An append reads what the tables and the protocol have and the trail has not, writes the file of its month, and puts on
record where the trail ends now: all under the lock of the protocol, so that two processes append one after the other.
Whoever is killed before the record is there has entered nothing; the next append enters the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from trading_assets.config import Configuration
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.records import Entry
from trading_assets.trading.audit_trail.events import (
    Known,
    events_of_rows,
    events_of_sheet,
    events_on_record,
    new_events,
)
from trading_assets.trading.audit_trail.monthly_files import (
    Month,
    TrailBrokenError,
    end_of,
    entry_hash,
    month_of,
    months_on,
    read_month,
    remove_superseded,
    trail_folder,
    write_month,
)
from trading_assets.trading.audit_trail.tables import AUDIT_TRAIL
from trading_assets.warehouse import Warehouse


def enter(
    warehouse: Warehouse,
    configuration: Configuration,
    strategy: str,
    now: dt.datetime,
    sheet: pl.DataFrame | None = None,
) -> int:
    """Enter what the trail does not have yet, and return how many entries that makes.

    Parameters
    ----------
    warehouse, configuration, strategy
        Where rows of the strategy are, its configuration, and its name.
    now
        Time of the entries, UTC: never before that of the last one.
    sheet
        Rows of `trading.order_sheets` that are about to be sent; None: none is.

    Raises
    ------
    TrailBrokenError
        The trail is not what was written.
    """
    protocol, root = Protocol.of(configuration), trail_folder(configuration)
    known = _known(protocol.read(), configuration)
    # Not under the lock of the protocol: who writes to the warehouse may be waiting for it.
    found = [events_of_rows(warehouse, strategy, known)]
    if sheet is not None:
        found.append(events_of_sheet(sheet))
    entered = 0

    def decide(records: Sequence[Record]) -> list[Entry]:
        nonlocal entered
        months = months_on(records, configuration.name)
        there = _known(records, configuration)
        new = new_events([events_on_record(records, configuration.name, there), *found], there)
        entered = new.height
        if new.is_empty():
            return []
        remove_superseded(root, months)
        last = _last_of(configuration, months)
        at = now if last is None else max(now, last["recorded_at"])
        month = month_of(at)
        before = next((each for each in months if each.month == month), None)
        rows = chained(new, end_of(months), at)
        if before is not None:
            rows = pl.concat([read_month(root, before), rows])
        return [Entry("account", None, write_month(root, before, rows, month))]

    protocol.append_decided(decide, now=now)
    if sheet is None:  # what is about to be sent waits for no copy
        copy_to(warehouse, configuration)
    return entered


def chained(events: pl.DataFrame, end: tuple[int, str], at: dt.datetime) -> pl.DataFrame:
    """Return entries for events, each with the hash of the one before.

    Parameters
    ----------
    events
        Columns of `events.SCHEMA`, in order.
    end
        Number and hash of the entry that they follow.
    at
        Time of the entries, UTC.
    """
    (number, previous), rows = end, list[dict[str, Any]]()
    for event in events.iter_rows(named=True):
        number += 1
        row = {**event, "entry": number, "recorded_at": at, "previous_hash": previous}
        row["entry_hash"] = previous = entry_hash(row)
        rows.append(row)
    return pl.DataFrame(rows, schema=AUDIT_TRAIL.empty().schema)


def read_trail(
    configuration: Configuration,
    *,
    strategy: str | None = None,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> pl.DataFrame:
    """Return entries of the trail from its files, each file checked against what is on record.

    Parameters
    ----------
    configuration
        Configuration of the accounts.
    strategy
        One strategy, with what concerns all; None: every one.
    first, last
        Days between which they were entered, inclusive; None: from the beginning, to the end.

    Raises
    ------
    TrailBrokenError
        A file that is read is missing, or not as it was written.
    """
    found = [AUDIT_TRAIL.empty(), *months_between(configuration, first, last)]
    day = pl.col("recorded_at").dt.date()
    rows = pl.concat(found).filter(day >= (first or dt.date.min), day <= (last or dt.date.max))
    if strategy is not None:
        rows = rows.filter(pl.col("strategy").is_null() | (pl.col("strategy") == strategy))
    return rows


def months_between(configuration: Configuration, first: dt.date | None, last: dt.date | None) -> Iterable[pl.DataFrame]:
    """Yield the entries of each month between two days; a file that was replaced meanwhile is looked for again.

    Parameters
    ----------
    configuration, first, last
        As `read_trail` takes them.
    """
    root, asked = trail_folder(configuration), (f"{first or dt.date.min:%Y-%m}", f"{last or dt.date.max:%Y-%m}")
    months = {month.month: month for month in months_on(Protocol.of(configuration).read(), configuration.name)}
    for name in [each for each in months if asked[0] <= each <= asked[1]]:
        yield _read_again(configuration, months[name], root)


def copy_to(warehouse: Warehouse, configuration: Configuration) -> None:
    """Bring the table of the warehouse to where the trail is."""
    months = months_on(Protocol.of(configuration).read(), configuration.name)
    copied = 0
    if warehouse.exists(AUDIT_TRAIL.name):
        copied = warehouse.query(f"SELECT coalesce(max(entry), 0) FROM {AUDIT_TRAIL.name}").item()
    root = trail_folder(configuration)
    for month in months:
        if month.last > copied:
            rows = _read_again(configuration, month, root)
            warehouse.append_new(AUDIT_TRAIL, rows.filter(pl.col("entry") > copied))


def _read_again(configuration: Configuration, month: Month, root: Path) -> pl.DataFrame:
    """The entries of a month: of the file that is live now, if it was replaced since it was looked up."""
    while True:
        try:
            return read_month(root, month)
        except TrailBrokenError:
            now = months_on(Protocol.of(configuration).read(), configuration.name)
            again = next(each for each in now if each.month == month.month)
            if again == month:
                raise
            month = again


def _known(records: Sequence[Record], configuration: Configuration) -> Known:
    root, found = trail_folder(configuration), set[tuple[str, str]]()
    for month in months_on(records, configuration.name):
        found.update(read_month(root, month).select("event", "reference").iter_rows())
    return frozenset(found)


def _last_of(configuration: Configuration, months: list[Month]) -> dict[str, Any] | None:
    if not months:
        return None
    return read_month(trail_folder(configuration), months[-1]).row(-1, named=True)
