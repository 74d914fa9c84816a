"""Tables of a database where each is kept: inside of it, or in its partition store."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import duckdb
import polars as pl

from trading_assets.warehouse import storage
from trading_assets.warehouse.lake.monthly import MonthlyTables
from trading_assets.warehouse.lake.store import PartitionStore
from trading_assets.warehouse.slices import Slice
from trading_assets.warehouse.table import Table


class PlacedTables:
    """Some tables of an open database, to be written. Make it outside of the transaction.

    Parameters
    ----------
    connection
        Database, open to write.
    tables
        Declarations of those that will be written.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
        self._connection = connection
        self._store = PartitionStore.opened(connection)
        in_store = self._store.tables if self._store is not None else {}
        self._inside: dict[str, dict[str, str] | None] = {}
        for table in tables:
            found = {} if table.name in in_store else storage.stored_columns(connection, table.name)
            if found:
                self._inside[table.name] = found

    def swept(self) -> AbstractContextManager[object]:
        """Return a block around the transaction, at the end of which files are removed that nobody reads."""
        return nullcontext() if self._store is None else self._store.swept()

    def replace_slice(self, table: Table, slice_: Slice, rows: pl.DataFrame | Iterable[pl.DataFrame]) -> None:
        """Put rows in place of a slice, see `storage.replace_slice`.

        Parameters
        ----------
        table, slice_, rows
            Declaration of the table, the slice, and a frame, or frames of which one at a time is held.
        """
        monthly = self._in_store(table)
        if monthly is not None:
            monthly.replace_slice(table, slice_, rows)
            return
        storage.replace_slice(self._connection, table, slice_, rows, self._inside.get(table.name))
        self._inside[table.name] = None  # its columns may be others now

    def create_table(self, table: Table) -> None:
        """Create the table with its declared columns, or add those that it lacks."""
        monthly = self._in_store(table)
        if monthly is not None:
            monthly.create(table)
        else:
            storage.create_table(self._connection, table)

    def _in_store(self, table: Table) -> MonthlyTables | None:
        """What writes a table that is in the store, or begins there; None of one that is kept inside."""
        store = self._store
        if store is None or table.name in self._inside:
            return None
        begins = store.is_on and table.by_month is not None
        return MonthlyTables(self._connection, store) if begins or table.name in store.tables else None
