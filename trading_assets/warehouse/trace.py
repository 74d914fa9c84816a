"""What one step read and wrote: rows by their hashes, so that a later run can tell whether they are still the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import duckdb
import polars as pl

from trading_assets.warehouse.content import Selected, content_read
from trading_assets.warehouse.quoting import quote
from trading_assets.warehouse.slices import Sessions, Slice, Whole
from trading_assets.warehouse.table import Table


class Written(NamedTuple):
    """Rows of a table that a step put there.

    Attributes
    ----------
    slice_
        The slice that was replaced; None: the rows were appended.
    """

    table: str
    rows: Selected
    slice_: Slice | None

    @property
    def by_month(self) -> bool:
        """Whether they are those of a range of sessions, of which a part may be made again."""
        return isinstance(self.slice_, Sessions)


class Trace:
    """What a step has read, as it was at the first look, and what it has written."""

    def __init__(self) -> None:
        self._seen: dict[Selected, str] = {}
        self._written: dict[tuple[str, object], Written] = {}
        self._left_out: frozenset[str] = frozenset()

    def leave_out(self, tables: Collection[str]) -> None:
        """Note no more what is read of some tables, of which the record of a step knows in another way."""
        self._left_out = frozenset(tables)

    def note_read(self, connection: duckdb.DuckDBPyConnection | None, rows: Selected) -> None:
        """Note the content of rows that are being read, under the lock of the read.

        Parameters
        ----------
        connection, rows
            Open database, None where there is no file; and the rows.
        """
        if rows not in self._seen and not (rows.tables and self._left_out.issuperset(rows.tables)):
            self._seen[rows] = content_read(connection, rows)

    def noted(self, rows: Selected) -> str | None:
        """Return the content of rows when they were first read; None if they were not."""
        return self._seen.get(rows)

    def note_replaced(self, table: str, slice_: Slice) -> None:
        """Note that a slice of a table has been replaced."""
        rows = Selected.of_table(table, slice_)
        self._written[table, rows] = Written(table, rows, slice_)

    def note_appended(self, table: Table, frame: pl.DataFrame) -> None:
        """Note that rows are in a ledger, by their keys."""
        if frame.is_empty() or not table.key:
            return
        where = " AND ".join(f"list_contains(?, {quote(name)})" for name in table.key)
        keys = [frame[name].unique().sort().to_list() for name in table.key]
        rows = Selected.of_table(table.name, Whole(), where=where, parameters=keys)
        self._written[table.name, rows] = Written(table.name, rows, None)

    def reads_beside(self, tables: Collection[str]) -> dict[Selected, str]:
        """Return what was read and its hash, but for what the step writes itself.

        Parameters
        ----------
        tables
            Tables of which no row is another step's.
        """
        known, own = set(tables), {(each.table, each.rows.scope) for each in self.written}
        return {
            rows: found
            for rows, found in self._seen.items()
            if not (rows.tables and known.issuperset(rows.tables)) and (rows.source, rows.scope) not in own
        }

    @property
    def written(self) -> Sequence[Written]:
        """What was written, each part of a table once."""
        return list(self._written.values())
