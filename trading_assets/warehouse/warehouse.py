"""The one DuckDB file of a configuration, and the only code that opens it."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Self

import duckdb
import polars as pl

from trading_assets.warehouse import storage, versions
from trading_assets.warehouse.checking import checked
from trading_assets.warehouse.connection import held_to_read, open_to_read, open_to_write, stopped_after, transaction
from trading_assets.warehouse.content import Selected
from trading_assets.warehouse.errors import MissingTableError, StaleInputError, WarehouseError, block
from trading_assets.warehouse.lake.placed import PlacedTables
from trading_assets.warehouse.lake.store import PartitionStore
from trading_assets.warehouse.ledgers import Ledgers
from trading_assets.warehouse.put_aside import Batches
from trading_assets.warehouse.slices import Rows, Slice, Whole
from trading_assets.warehouse.table import Table
from trading_assets.warehouse.trace import Trace

#: What replaces the rows of a slice: a frame, or batches that were checked when they were put aside.
Written = pl.DataFrame | Batches
Parts = Sequence[tuple[Slice, Mapping[Table, Written]]]


class Warehouse(Ledgers):
    """Tables in one DuckDB file, replaced slice by slice, whole or not at all.

    Parameters
    ----------
    path
        The file; the first write creates it.
    wait_seconds
        How long an operation waits for other processes before it gives up.

    Notes
    -----
    Nothing stays open between two calls, but within `held_open`, and a lock is held only while rows are copied in or
    out. Every method raises a `WarehouseError` (`LockedError`, `SchemaVersionError`, ...) if the file cannot be used.
    """

    def __init__(self, path: Path, *, wait_seconds: float = 120.0) -> None:
        super().__init__(path, wait_seconds)
        self._connection: duckdb.DuckDBPyConnection | None = None

    def unit_of_work(self) -> UnitOfWork:
        """Return the same operations for one step, which notices if its input is replaced meanwhile."""
        return UnitOfWork(self.path, wait_seconds=self.wait_seconds)

    def replace(self, slice_: Slice, tables: Mapping[Table, Written]) -> None:
        """Put frames in place of one slice of their tables, in one transaction.

        Tables are created, and gain columns, as the frames need; rows that lack a column hold null.

        Raises
        ------
        ContractError
            A frame breaks its table's contract or leaves the slice. Nothing is written.
        StaleInputError
            Only of a unit of work.
        WarehouseError
            A table is a ledger, or the file cannot be written.
        """
        self.replace_together([(slice_, tables)])

    def replace_together(self, parts: Parts) -> None:
        """Replace tables of one step by different slices, as `replace` does."""
        sound = [
            (slice_, {table: _checked(table, rows, slice_) for table, rows in tables.items()})
            for slice_, tables in parts
        ]
        with open_to_write(self.path, self.wait_seconds) as connection:
            placed = PlacedTables(connection, [table for _, part in sound for table in part])
            with placed.swept(), transaction(connection):
                self._assert_fresh(connection)
                number, ledgers = versions.next_number(connection), storage.ledgers(connection)
                for slice_, part in sound:
                    for table, rows in part.items():
                        if table.name in ledgers:
                            raise WarehouseError(block(f"{table.name} is append only", what_to_do="use append"))
                        placed.replace_slice(table, slice_, rows)
                    versions.record(connection, [table.name for table in part], slice_, number)
        self._wrote(number, {table: rows for _, part in sound for table, rows in part.items()})

    def define_view(self, name: str, select: str, reads: Sequence[Table]) -> None:
        """Put a view in place of what has this name; the tables it reads are created, or widened, as declared.

        Parameters
        ----------
        name, select
            `schema.name` of the view, and its SELECT.
        reads
            Declared tables that the SELECT reads.

        Raises
        ------
        WarehouseError
            The SELECT does not fit the tables.
        """
        with open_to_write(self.path, self.wait_seconds) as connection:
            placed = PlacedTables(connection, reads)
            with placed.swept(), transaction(connection):
                for table in reads:
                    placed.create_table(table)
                storage.create_view(connection, name, select)

    @contextmanager
    def held_open(self) -> Iterator[Self]:
        """Yield the same tables, opened once for several reads of one state; writers wait for the end of the block.

        Opening takes longer than most reads. Whatever reads the file in this thread joins the block. Whatever writes it
        is refused, and whatever fails in the block is told as a fault of the warehouse.
        """
        if self._connection is not None or not self.path.exists():
            yield self
            return
        with held_to_read(self.path, self.wait_seconds) as connection:
            held = copy.copy(self)  # a unit of work goes on noticing what is read
            held._connection = connection
            yield held

    def opened(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Return a read-only connection: what is looked at is no read, and a unit of work does not depend on it."""
        return open_to_read(self.path, self.wait_seconds) if self._connection is None else nullcontext(self._connection)

    def read(
        self,
        table: Table,
        *,
        columns: Sequence[str] | None = None,
        where: str = "",
        parameters: Sequence[object] = (),
        rows: Rows | None = None,
        capped: tuple[str, dt.date] | None = None,
    ) -> pl.DataFrame:
        """Return rows of a table, ordered by its key.

        Parameters
        ----------
        columns
            Default: the declared ones, then, if the table has `extra`, the others.
        where
            SQL condition, with a ``?`` for each of `parameters`.
        rows
            Only the rows of one slice; a unit of work then depends on that slice alone.
        capped
            A column of dates, and the date that stands in it for all later ones.

        Raises
        ------
        MissingTableError
            The table has not been written.
        """
        scope = rows or Whole()
        read = Selected.of_table(
            table.name, scope, columns=columns or (), where=where, parameters=parameters, capped=capped
        )
        with self.reading([(table.name, scope)], read) as connection:
            frame = storage.select(connection, table, columns, where, parameters, scope)
        if capped is None:
            return frame
        column, last = capped
        return frame.with_columns(pl.when(pl.col(column) > last).then(pl.lit(last)).otherwise(column).alias(column))

    def read_or_empty(
        self,
        table: Table,
        *,
        columns: Sequence[str] | None = None,
        where: str = "",
        parameters: Sequence[object] = (),
        rows: Rows | None = None,
    ) -> pl.DataFrame:
        """Return what `read` does; a table that has not been written is empty.

        Parameters
        ----------
        table, columns, where, parameters, rows
            As `read` takes them.
        """
        try:
            return self.read(table, columns=columns, where=where, parameters=parameters, rows=rows)
        except MissingTableError:
            return table.empty() if columns is None else table.empty().select(columns)

    def query(
        self,
        sql: str,
        parameters: Sequence[object] = (),
        *,
        reads: Sequence[str] = (),
        frames: Mapping[str, pl.DataFrame] | None = None,
        seconds: float | None = None,
    ) -> pl.DataFrame:
        """Return the result of a SELECT: read-only, without access to files or network.

        Parameters
        ----------
        reads
            Names of the tables that a unit of work shall depend on.
        frames, seconds
            Seen by the query as tables of these names; time after which it is given up.

        Raises
        ------
        MissingTableError, WarehouseError
            Nothing has been written yet; it took longer.
        """
        # Whole tables where they are named: to hash one takes less than most queries.
        read = () if reads else (Selected.of_query(sql, parameters),)
        of = [(name, Whole()) for name in reads]
        with self.reading(of, *read) as connection, stopped_after(connection, seconds):
            return storage.rows_of(connection, sql, parameters, frames)

    def exists(self, table_name: str) -> bool:
        """Return whether the table has been written."""
        try:
            with self.reading([(table_name, Whole())], Selected.of_existence(table_name)) as connection:
                return bool(storage.stored_columns(connection, table_name))
        except MissingTableError:
            return False

    def commits(self, table: Table) -> versions.Versions:
        """Return the number of the last commit of each slice of a table; empty if it has not been written.

        Numbers grow with each commit. Looking at them is no read: a unit of work does not depend on it.
        """
        if not self.path.exists():
            return {}
        with self.opened() as connection:
            return versions.versions_of(connection, table.name, Whole())

    def fingerprint(self, table: Table, exclude: Sequence[str] = ()) -> str:
        """Return the SHA-256 of the table's rows in order of its key, but for columns that differ from run to run."""
        digest = hashlib.sha256()
        for part in self.read(table).drop(exclude).iter_slices(100_000):
            text = io.BytesIO()
            part.write_ndjson(text)  # tells null from "" and writes every digit that a float needs
            digest.update(text.getvalue())
        return digest.hexdigest()

    def aside(self) -> Warehouse:
        """Return the same tables without the notice: what is read there is no input of a step."""
        return Warehouse(self.path, wait_seconds=self.wait_seconds)

    def depend_on(self, table: Table, *, columns: Sequence[str], where: str, parameters: Sequence[object]) -> Selected:
        """Note rows as read by a step, all of them by one hash, that are then read in parts by `aside`.

        Parameters
        ----------
        table, columns, where, parameters
            As `read` takes them.
        """
        rows = Selected.of_table(table.name, Whole(), columns=columns, where=where, parameters=parameters)
        with self.reading([(table.name, Whole())], rows):
            return rows

    @contextmanager
    def reading(self, scopes: Sequence[tuple[str, Slice]], *read: Selected) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a read-only connection to read slices of tables.

        Parameters
        ----------
        scopes, read
            Name and slice of each table, on which a unit of work then depends; and which rows of them are read, where
            these are not all.
        """
        noted = read or tuple(Selected.of_table(name, scope) for name, scope in scopes)
        if not self.path.exists():
            self._note_read(None, noted)
            for name, scope in scopes:
                self._notice(name, scope, dict)
            raise MissingTableError(
                storage.missing(scopes[0][0]) if scopes else block("there is no warehouse yet", file=self.path)
            )
        with self.opened() as connection:
            names = {name for name, _ in scopes}.union(*(each.tables for each in noted))
            PartitionStore.assert_sound(connection, self.path, names)
            for name, scope in scopes:
                self._notice(name, scope, partial(versions.versions_of, connection, name, scope))
            self._note_read(connection, noted)
            yield connection

    def _notice(self, table_name: str, scope: Slice, look: Callable[[], versions.Versions]) -> None:
        """Called under the lock of a read; only a unit of work looks, and remembers."""

    def _assert_fresh(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Called under the lock of a replace; only a unit of work has read anything."""

    def _note_read(self, connection: duckdb.DuckDBPyConnection | None, read: Sequence[Selected]) -> None:
        """Called under the lock of a read; only what a step does is traced."""


class UnitOfWork(Warehouse):
    """A warehouse as one step sees it: `replace` fails if what the step read has been replaced by another run.

    A read of ``Rows("strategy", "a")`` does not depend on the rows of other strategies; any other read
    depends on all slices of its table. The unit's own writes do not count.

    Attributes
    ----------
    written
        What this unit last wrote to each table, but for batches.
    heights
        How many rows it last wrote to each table.
    trace
        What this unit has read and written, by the hashes of the rows.
    """

    def __init__(self, path: Path, *, wait_seconds: float = 120.0) -> None:
        super().__init__(path, wait_seconds=wait_seconds)
        self.written: dict[Table, pl.DataFrame] = {}
        self.heights: dict[Table, int] = {}
        self._seen: dict[tuple[str, Slice], versions.Versions] = {}
        self._own: set[int] = set()
        self.trace = Trace()

    def unwatched(self) -> Warehouse:
        """Return the same tables for reads that are input, but do not make this step stale if they are replaced."""
        return _Unwatched(self)

    def replace_together(self, parts: Parts) -> None:
        """Replace tables of one step by different slices, as `replace` does."""
        super().replace_together(parts)
        for slice_, tables in parts:
            for table in tables:
                self.trace.note_replaced(table.name, slice_)

    def append(self, table: Table, rows: pl.DataFrame) -> None:
        """Add rows to a ledger, see `Warehouse.append`."""
        super().append(table, rows)
        self.trace.note_appended(table, rows)

    def append_new(self, table: Table, rows: pl.DataFrame) -> None:
        """Add those rows to a ledger whose key is not there yet, see `Warehouse.append_new`."""
        super().append_new(table, rows)
        self.trace.note_appended(table, rows)

    def is_current(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Return whether what was read and written is still that: no other run has replaced any of it."""
        try:
            self._assert_fresh(connection)
        except StaleInputError:
            return False
        own = [(each.table, each.slice_) for each in self.trace.written if each.slice_ is not None]
        found = versions.versions_of_scopes(connection, own) if own else []
        # The newest commit to any part of what was written: one of an overlapping slice counts, too.
        return all(max(each.values(), default=None) in self._own for each in found)

    def _note_read(self, connection: duckdb.DuckDBPyConnection | None, read: Sequence[Selected]) -> None:
        for rows in read:
            self.trace.note_read(connection, rows)

    def _notice(self, table_name: str, scope: Slice, look: Callable[[], versions.Versions]) -> None:
        if (table_name, scope) not in self._seen:  # the first look counts
            self._seen[table_name, scope] = look()

    def _assert_fresh(self, connection: duckdb.DuckDBPyConnection) -> None:
        current = versions.versions_of_scopes(connection, list(self._seen)) if self._seen else []
        for (table_name, _), seen, now in zip(self._seen, self._seen.values(), current, strict=True):
            if any(seen.get(key) != number and number not in self._own for key, number in now.items()):
                raise StaleInputError(
                    block(
                        f"{table_name} was replaced by another run while this step computed from it",
                        file=self.path,
                        what_to_do="run this step again; nothing was written",
                    )
                )

    def _wrote(self, number: int | None, rows: Mapping[Table, Written]) -> None:
        self.written.update({table: each for table, each in rows.items() if isinstance(each, pl.DataFrame)})
        self.heights.update({table: each.height for table, each in rows.items()})
        if number is not None:
            self._own.add(number)


def _checked(table: Table, rows: Written, slice_: Slice) -> Written:
    if isinstance(rows, pl.DataFrame):
        return checked(table, rows, slice_)
    if (rows.table, rows.slice_) != (table, slice_):
        raise ValueError(f"{table.name}: batches of {rows.table.name} were checked for {rows.slice_}, not {slice_}")
    return rows


class _Unwatched(Warehouse):
    """Reads of a unit of work that it traces and does not watch."""

    def __init__(self, work: UnitOfWork) -> None:
        super().__init__(work.path, wait_seconds=work.wait_seconds)
        self._note_read = work._note_read  # type: ignore[method-assign]
