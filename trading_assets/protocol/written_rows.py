"""Rows that later steps read, on record by their hashes as the product writes them, so that an edit by hand is noticed.

The registration holds bars as they were received, and evidence the rows that a verdict is made from. What lies between
the two (adjusted prices, features, scores, regimes, members' weights) is written by one step and read by another, maybe
days later. So whoever writes such rows puts their hashes on record, and whoever reads them compares. What is on record
of a part of a table is what the product last wrote there: to make rows anew is no edit.

Rows that were made from edited rows are no better than these, whoever judges them later. So every step compares,
whether a strategy is registered or not, and makes nothing from what is not as it was written.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.protocol.protocol import Protocol
from trading_assets.protocol.records import Entry, Record
from trading_assets.protocol.row_hashes import Hashes, RowHashes, WrittenRows
from trading_assets.warehouse import Table, UnitOfWork, Warehouse, Whole
from trading_assets.warehouse.by_symbol import read_by_symbol
from trading_assets.warehouse.content import MISSING, Selected, content_of

#: Key of the payload of `evidence` that is of such rows.
WRITTEN = "written"
#: The part of a table that is written as a whole.
ALL = ""
#: Seconds.
_PAUSE = 0.2
#: Of how many selections of rows the hashes are kept.
_RECENT_ROWS = 16
#: Table -> part -> the asset that wrote it, and its hashes.
OnRecord = dict[str, dict[str, tuple[str, Hashes]]]
#: Names of columns, and the hashes of these by part, as a record has them.
_OfColumns = tuple[list[str], dict[str, list[str]]]


class EditedRowsError(Exception):
    """Rows that a registered strategy rests on are not those that the product wrote."""

    def __init__(self, table: str, part: str, column: str, asset: str) -> None:
        super().__init__(
            f"rows of {table} were edited after they were written: {column}{f' of {part}' if part else ''}\n"
            f"  expected: the rows that {asset} wrote, by their hashes on record\n"
            f"  what to do: materialise {asset} and all that follows from it"
        )


def hash_whole(table: Table, frame: pl.DataFrame, part: str = ALL, columns: Sequence[str] | None = None) -> WrittenRows:
    """Return the hashes of rows that are one part of their table.

    Parameters
    ----------
    columns
        Columns that count beside the key; None: all of them.
    """
    hashes = RowHashes(table, pl.lit(part), [part], columns)
    hashes.add(frame)
    return hashes.rows()


def hash_by_month(
    table: Table,
    frame: pl.DataFrame,
    first: dt.date,
    last: dt.date,
    columns: Sequence[str] | None = None,
) -> WrittenRows:
    """Return the hashes of rows of whole months, those without a row included.

    Parameters
    ----------
    first, last
        A day of the first month and one of the last.
    """
    hashes = hashes_by_month(table, first, last, columns)
    hashes.add(frame)
    return hashes.rows()


def hashes_by_month(table: Table, first: dt.date, last: dt.date, columns: Sequence[str] | None = None) -> RowHashes:
    """Return what takes the rows of `hash_by_month` in batches.

    Parameters
    ----------
    table, first, last, columns
        As `hash_by_month` takes them.
    """
    return RowHashes(table, pl.col("session").dt.month_start(), months_between(first, last), columns)


def months_between(first: dt.date, last: dt.date) -> list[str]:
    """Return the months from that of one day to that of another, as ``2016-01``."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    places = (first.month - 1 + each for each in range(count))
    return [f"{first.year + place // 12}-{place % 12 + 1:02d}" for place in places]


def record_written(
    protocol: Protocol,
    asset: str,
    written: Sequence[WrittenRows],
    now: dt.datetime,
    *,
    said: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Put on record what a step has written, as far as it is not what is on record.

    Parameters
    ----------
    asset
        Key of the asset that wrote it, which makes the rows anew if they are edited.
    said
        What else the record says.
    """

    def decide(records: Sequence[Record]) -> list[Entry]:
        known = written_on_record(records, protocol.configuration)
        new: dict[str, list[_OfColumns]] = {}
        for each in written:
            of_table = known.get(each.table, {})
            parts = {part: found for part, found in each.parts.items() if of_table.get(part) != (asset, found)}
            if parts:
                new.setdefault(each.table, []).extend(_compact(parts))  # a step may write two parts of a table
        return [Entry("evidence", None, {**said, "asset": asset, WRITTEN: new})] if new else []

    protocol.append_decided(decide, now=now)


def last_written(configuration: Configuration) -> OnRecord:
    """Return what a configuration last wrote of each part of a table."""
    return written_on_record(Protocol.of(configuration).read(), configuration.name)


def written_on_record(records: Sequence[Record], configuration: str) -> OnRecord:
    """Return what the configuration of a name last wrote of each part of a table, by records of its protocol."""
    found: OnRecord = {}
    for record in records:
        if record.kind == "evidence" and record.configuration == configuration and WRITTEN in record.payload:
            for table, said in record.payload[WRITTEN].items():
                of_table = found.setdefault(table, {})
                for columns, parts in said:
                    for part, hashes in parts.items():
                        of_table[part] = (record.payload["asset"], dict(zip(columns, hashes, strict=True)))
    return found


def months_on_record(
    warehouse: Warehouse,
    table: Table,
    on_record: OnRecord,
    end: dt.date,
    columns: Sequence[str] | None = None,
    *,
    made: tuple[dt.date, dt.date],
) -> WrittenRows:
    """Return the hashes of the rows of a table now, of those months on record that are not after that of `end`.

    Parameters
    ----------
    made
        First and last day of what the configuration makes. A month on record outside of it, as of an earlier start, is
        made by no run any more: it counts if it has rows, for they are read, and is no deletion if it has none.
    """
    months = sorted(each for each in on_record.get(table.name, {}) if each <= f"{end:%Y-%m}")
    if not months:
        return WrittenRows(table.name, {})
    first, last = (dt.date.fromisoformat(f"{each}-01") for each in (months[0], months[-1]))
    known = None if columns is None else tuple(dict.fromkeys([*table.key, *columns]))
    found, present = _RECENT.of(warehouse, table, known, first, last)
    start, stop = (f"{each:%Y-%m}" for each in made)
    counted = (month for month in months if month in present or start <= month <= stop)
    return WrittenRows(table.name, {month: found.parts[month] for month in counted})


class _RecentHashes:
    """Hashes of the rows of months as they were last taken in this process: many steps read the same rows.

    They stand for as long as the hash that the database makes of these rows is the same, which takes a tenth of the
    time. That is a sum which somebody could make up other rows for, between two steps of a run; the first step that
    reads rows compares them whole, and so does every later run.
    """

    def __init__(self) -> None:
        self._found: dict[Hashable, tuple[WrittenRows, frozenset[str]]] = {}
        self._lock = threading.Lock()

    def of(
        self,
        warehouse: Warehouse,
        table: Table,
        columns: tuple[str, ...] | None,
        first: dt.date,
        last: dt.date,
    ) -> tuple[WrittenRows, frozenset[str]]:
        """Return the hashes from the month of one day to that of another, and the months that have rows."""
        where, parameters = "session >= ? AND session < ?", (first, last + dt.timedelta(days=31))
        content = _content(warehouse, table, columns, where, parameters)
        key = (warehouse.path, table.name, columns, first, last, content)
        with self._lock:
            known = self._found.get(key)
        if known is not None:
            return known
        hashes, present = hashes_by_month(table, first, last, columns), set[str]()
        for rows in read_by_symbol(warehouse, table, columns=columns, where=where, parameters=parameters):
            hashes.add(rows)
            present |= set(rows["session"].dt.month_start().unique().dt.strftime("%Y-%m"))
        found = hashes.rows(), frozenset(present)
        with self._lock:
            self._found[key] = found
            while len(self._found) > _RECENT_ROWS:
                self._found.pop(next(iter(self._found)))
        return found


def _content(
    warehouse: Warehouse, table: Table, columns: tuple[str, ...] | None, where: str, parameters: Sequence[object]
) -> str:
    """Hash of the rows that the database makes; to look at it is no read."""
    if not warehouse.path.exists():
        return MISSING
    rows = Selected.of_table(table.name, Whole(), columns=columns or (), where=where, parameters=parameters)
    with warehouse.opened() as connection:
        return content_of(connection, rows)


_RECENT = _RecentHashes()


def assert_as_written(now: WrittenRows, on_record: OnRecord) -> None:
    """Check that the rows of each part of a table are those that were last written there.

    A part that is not on record was written by an earlier version, and a column that only one of the two has by
    another one: neither is an edit.

    Raises
    ------
    EditedRowsError
        Naming the table, the first part and column that differ, and the asset that makes the rows anew.
    """
    known = on_record.get(now.table, {})
    for part, hashes in now.parts.items():
        if part in known:
            asset, said = known[part]
            for column, value in hashes.items():
                if said.get(column, value) != value:
                    raise EditedRowsError(now.table, part, column, asset)


def is_as_written(now: WrittenRows, on_record: OnRecord) -> bool:
    """Return whether rows are those that were written, each part and column of them: what nobody has on record is not.

    For what a step takes from its own last run instead of computing it anew.

    Parameters
    ----------
    now, on_record
        Rows as they are, and what was written.
    """
    known = on_record.get(now.table, {})
    return all(
        part in known and all(known[part][1].get(column) == value for column, value in hashes.items())
        for part, hashes in now.parts.items()
    )


def hash_state(asset: str, state: Mapping[str, object]) -> WrittenRows:
    """Return the hash of what an asset leaves for its next run to continue from, as rows are hashed."""
    return WrittenRows("meta.computed", {asset: {"state": digest(state)}})


def assert_read_as_written(
    configuration: Configuration, work: UnitOfWork, rows_of: Callable[[Warehouse, OnRecord], Iterable[WrittenRows]]
) -> None:
    """Check the rows that a step is about to read.

    Parameters
    ----------
    rows_of
        Hashes of these rows as they are now, from the warehouse and what is on record.

    Raises
    ------
    EditedRowsError
        See `assert_as_written`.
    """
    for last in (False, False, True):
        on_record = last_written(configuration)
        try:
            with work.aside().held_open() as held:
                for rows in rows_of(held, on_record):
                    assert_as_written(rows, on_record)
            return
        except EditedRowsError:
            if last:
                raise
            time.sleep(_PAUSE)  # another run may have written rows that it has not put on record yet


def _compact(parts: Mapping[str, Hashes]) -> list[_OfColumns]:
    """Names of columns once for all parts that have the same."""
    found: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for part, hashes in parts.items():
        found.setdefault(tuple(hashes), {})[part] = list(hashes.values())
    return [(list(columns), of_columns) for columns, of_columns in found.items()]
