"""Tables that only grow: rows are added under one lock, and no replace can touch them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import duckdb
import polars as pl

from trading_assets.warehouse import storage
from trading_assets.warehouse.checking import checked
from trading_assets.warehouse.connection import open_to_read, open_to_write, transaction
from trading_assets.warehouse.errors import MissingTableError
from trading_assets.warehouse.put_aside import Batches
from trading_assets.warehouse.table import Table

T = TypeVar("T")


class Ledgers:
    """The ledgers of one DuckDB file.

    Parameters
    ----------
    path, wait_seconds
        See `Warehouse`.
    """

    def __init__(self, path: Path, wait_seconds: float) -> None:
        self.path = path
        self.wait_seconds = wait_seconds

    def append(self, table: Table, rows: pl.DataFrame) -> None:
        """Add rows to a ledger: a table that no replace can touch.

        What a ledger records has happened, so stale input does not stop an append, and an append makes no
        reader stale.

        Raises
        ------
        ContractError
            The rows break the contract, or one has the key of a row that is there.
        """
        rows = checked(table, rows)
        with open_to_write(self.path, self.wait_seconds) as connection, transaction(connection):
            storage.append_rows(connection, table, rows)
        self._wrote(None, {table: rows})

    def append_new(self, table: Table, rows: pl.DataFrame) -> None:
        """Add those rows to a ledger whose key is not there yet: what was recorded before is recorded.

        Which are new is decided under the lock, so that processes which add the same rows at once add them once.
        The ledger is not read for it, however long it is.
        """
        rows = checked(table, rows)
        with open_to_write(self.path, self.wait_seconds) as connection, transaction(connection):
            rows = storage.append_new_rows(connection, table, rows)
        self._wrote(None, {table: rows})

    def append_chained(
        self,
        table: Table,
        build: Callable[[pl.DataFrame], pl.DataFrame],
        commit_within: Callable[[pl.DataFrame], AbstractContextManager[object]] | None = None,
    ) -> pl.DataFrame:
        """Append rows that depend on the rows that are there, under one exclusive lock.

        Parameters
        ----------
        build
            From all rows, in order of the key, to those to add. It must not use the warehouse: it runs
            under the lock. An exception leaves the ledger as it was.
        commit_within
            From all rows as they will be to a context manager around the commit, still under the lock: write
            and sync what is to be kept outside the database on entering (under a provisional name), make it
            final on leaving, discard it on an exception. After a kill, one of the two names tells the truth.

        Returns
        -------
        All rows, the new ones included, in order of the key.
        """
        with open_to_write(self.path, self.wait_seconds) as connection:
            current = _rows_or_empty(connection, table)
            rows = checked(table, build(current))
            combined = pl.concat([current, rows], how="diagonal")
            combined = combined.sort(table.key, maintain_order=True) if table.key else combined
            with transaction(connection, commit_within(combined) if commit_within else None):
                storage.append_rows(connection, table, rows)
        self._wrote(None, {table: rows})
        return combined

    def examine(self, table: Table, look: Callable[[pl.DataFrame], T]) -> T:
        """Call `look` on all rows while nobody can write, so that it may compare them with something outside.

        `look` must not use the warehouse. An absent table is empty.
        """
        if not self.path.exists():
            return look(table.empty())
        with open_to_read(self.path, self.wait_seconds) as connection:
            return look(_rows_or_empty(connection, table))

    def _wrote(self, number: int | None, rows: Mapping[Table, pl.DataFrame | Batches]) -> None:
        """Called after a commit."""


def _rows_or_empty(connection: duckdb.DuckDBPyConnection, table: Table) -> pl.DataFrame:
    try:
        return storage.select(connection, table)
    except MissingTableError:
        return table.empty()
