"""Slices of declared tables in the partition store: the same rows as in the database, a file a month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import chain

import duckdb
import polars as pl

from trading_assets.warehouse.checking import in_order
from trading_assets.warehouse.lake.part_files import PartFile, assert_as_written
from trading_assets.warehouse.lake.store import Columns, PartitionStore
from trading_assets.warehouse.lake.transposed import UNDATED, Rows, Transposed
from trading_assets.warehouse.put_aside import PutAside
from trading_assets.warehouse.quoting import quote, quoted
from trading_assets.warehouse.slices import Slice, Whole, last_of_month
from trading_assets.warehouse.storage import NOTHING, columns_of_frame, has_other_columns
from trading_assets.warehouse.table import Table

_ROWS_AT_A_TIME = 100_000


class MonthlyTables:
    """Tables that are declared by month, in the partition store of a database.

    Parameters
    ----------
    connection
        Database, open to write, in a transaction.
    store
        Its store.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, store: PartitionStore) -> None:
        self._connection, self._store = connection, store

    def create(self, table: Table) -> None:
        """Create the table with its declared columns, or add those that it lacks."""
        stored = self._store.tables.get(table.name, {})
        columns = _widened(columns_of_frame(self._connection, table.empty()), stored)
        if columns != stored:
            self._store.define(table.name, columns, {})
            self._assert_castable(table, stored, columns)

    def replace_slice(self, table: Table, slice_: Slice, rows: Rows, height: int | None = None) -> None:
        """Put rows in place of the slice's, see `storage.replace_slice`. A month whose rows stay keeps its file.

        Parameters
        ----------
        table, slice_
            Declaration of the table, which is by month, and the slice.
        rows, height
            A frame, or frames of the same columns, and how many rows they have, see `Transposed`.
        """
        known: dict[str, list[PartFile]] = {}
        for file in self._store.files(table.name):
            known.setdefault(file.partition, []).append(file)
        changed: dict[str, list[PartFile]] = {}
        with PutAside(self._store.root.parent) as aside:
            new = Transposed(rows, table.by_month or "", aside, height)
            frame = table.empty() if new.first is None else new.first
            given, stored = columns_of_frame(self._connection, frame), self._store.tables.get(table.name, {})
            is_anew = not stored or (slice_.bounds is None and has_other_columns(table, given, stored))
            columns = _widened(given, {} if is_anew else stored)
            recent = self._store.recent.get(table.name)
            if recent is not None:
                if is_anew:
                    recent.drop()
                recent.fit(columns)
                recent.clear(slice_)
            emptied = {month: frame for month in known if _may_have_rows(month, table, slice_)}
            for month, part in chain(new.take(), emptied.items()):
                if month in changed:
                    continue  # it has rows
                if recent is not None and recent.has(month):
                    changed[month] = []
                    if part.height:
                        recent.add(in_order(part, table.key))
                    continue
                live, kept = known.get(month, []), list[pl.DataFrame]()
                if live and not _is_within(month, table, slice_):
                    kept = [_as_typed(self._rows_outside(slice_, live, columns), part)]
                parts = [each for each in (*kept, part) if each.height]
                changed[month] = self._written(table, month, parts, None if kept else given, live)
        changed = {month: files for month, files in changed.items() if files != known.get(month, [])}
        if changed or columns != stored or (recent is not None and is_anew):
            self._store.define(table.name, columns, changed)
        if not is_anew:
            self._assert_castable(table, stored, columns)

    def _written(
        self, table: Table, month: str, parts: list[pl.DataFrame], given: Columns | None, live: list[PartFile]
    ) -> list[PartFile]:
        """The file of a month, of rows that have the columns `given`, if these are known; none where it has no rows."""
        if not parts:
            return []
        frame = in_order(pl.concat(parts, how="diagonal_relaxed"), table.key)
        columns = given or columns_of_frame(self._connection, frame)
        return [self._store.write(table.name, month, frame, columns.items(), live)]

    def _rows_outside(self, slice_: Slice, files: list[PartFile], columns: Columns) -> pl.DataFrame:
        """Rows of files that are not in the slice, with the columns that any of the files has, in today's types."""
        assert_as_written(self._store.root, files)
        has = {name for file in files for name, _ in file.columns}
        source = self._store.source_of(files, {name: type_ for name, type_ in columns.items() if name in has})
        column, lower, upper = slice_.bounds or ("", "", "")
        found: pl.DataFrame = self._connection.sql(
            f"SELECT * FROM ({source}) WHERE NOT coalesce({quote(column)} BETWEEN ? AND ?, false)",
            params=[lower, upper],
        ).pl()
        return found

    def _assert_castable(self, table: Table, stored: Columns, columns: Columns) -> None:
        """Fail as a change of the type of a column does, if a stored value cannot be one of the new type."""
        changed = [quote(name) for name, type_ in stored.items() if columns[name] != type_]
        if changed:
            counted = ", ".join(f"count({name})" for name in changed)
            self._connection.execute(f"SELECT {counted} FROM {quoted(table.name)}").fetchall()


def move_in(connection: duckdb.DuckDBPyConnection, store: PartitionStore, table: Table) -> None:
    """Move the rows of a table of the database to the store; a view of them takes its name.

    Parameters
    ----------
    connection, store
        Database, open to write, in a transaction, and its store.
    table
        Declaration of the table, which is by month.
    """
    name = f"moved {table.name}"
    connection.execute(f"ALTER TABLE {quoted(table.name)} RENAME TO {quote(name)}").fetchall()
    source = f"{quote(table.schema)}.{quote(name)}"
    columns = {row[0]: str(row[1]) for row in connection.execute(f"DESCRIBE {source}").fetchall()}
    ((height,),) = connection.execute(f"SELECT count(*) FROM {source}").fetchall()
    MonthlyTables(connection, store).replace_slice(table, Whole(), streamed(connection, f"FROM {source}"), height)
    store.define(table.name, columns, {})
    connection.execute(f"DROP TABLE {source}").fetchall()


def move_out(connection: duckdb.DuckDBPyConnection, store: PartitionStore, table: Table) -> None:
    """Bring the rows of a table of the store back into the database, in order of its key.

    Parameters
    ----------
    connection, store
        Database, open to write, in a transaction, and its store.
    table
        Declaration of the table.
    """
    store.assert_as_written(table.name)
    name, order = f"moved {table.name}", ", ".join(map(quote, table.key)) or "ALL"
    source = f"{quote(table.schema)}.{quote(name)}"
    connection.execute(
        f"CREATE TABLE {source} AS SELECT * FROM ({store.select_of(table.name)}) ORDER BY {order}"
    ).fetchall()
    store.forget(table.name)
    connection.execute(f"ALTER TABLE {source} RENAME TO {quote(table.name.split('.', maxsplit=1)[1])}").fetchall()


def streamed(connection: duckdb.DuckDBPyConnection, select: str) -> Iterator[pl.DataFrame]:
    """Yield the rows of a SELECT as they stand; nothing else may be asked of the connection until the last."""
    for batch in connection.sql(select).to_arrow_reader(_ROWS_AT_A_TIME):
        yield pl.DataFrame(pl.from_arrow(batch))


def _as_typed(frame: pl.DataFrame, like: pl.DataFrame) -> pl.DataFrame:
    """The frame with the types of another: DuckDB gives a time zone another name."""
    return frame.cast(
        {
            name: dtype
            for name, dtype in like.schema.items()
            if dtype != frame.schema.get(name, dtype) and dtype != pl.Null
        }
    )


def _widened(given: Columns, stored: Columns) -> dict[str, str]:
    """The columns of a table that takes a frame: with those of the frame that it lacks, in the frame's types."""
    columns = dict(stored)
    for name, type_ in given.items():
        if type_ != NOTHING:  # a column of nulls has no type of its own, and takes any
            columns[name] = type_
        elif name not in columns:
            columns[name] = "VARCHAR"
    return columns


def _days_of(month: str) -> tuple[dt.date, dt.date]:
    first = dt.date(int(month[:-3]), int(month[-2:]), 1)
    return first, last_of_month(first)


def _may_have_rows(month: str, table: Table, slice_: Slice) -> bool:
    """Whether a slice may have rows in a month."""
    if slice_.bounds is None or slice_.bounds.column != table.by_month:
        return True
    if month == UNDATED:
        return False
    first, last = _days_of(month)
    return str(slice_.bounds.lower) <= str(last) and str(first) <= str(slice_.bounds.upper)


def _is_within(month: str, table: Table, slice_: Slice) -> bool:
    """Whether a slice has all rows of a month."""
    if slice_.bounds is None:
        return True
    if slice_.bounds.column != table.by_month or month == UNDATED:
        return False
    first, last = _days_of(month)
    return str(slice_.bounds.lower) <= str(first) and str(last) <= str(slice_.bounds.upper)
