"""Tables into the partition store and back, as the configuration says, and a store whose folder was moved."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from trading_assets.warehouse import storage
from trading_assets.warehouse.connection import open_to_read, open_to_write, transaction
from trading_assets.warehouse.lake.monthly import move_in, move_out
from trading_assets.warehouse.lake.store import PartitionStore, lake_folder
from trading_assets.warehouse.table import Table


def settle(
    path: Path, wait_seconds: float, tables: Sequence[Table], *, lake: bool, mixed: Collection[str] = ()
) -> None:
    """Bring tables to where they are to be kept, each whole or not at all, and remove files that nobody reads.

    Rows stay the same, to the bit, and so do their hashes: no step that read them has to compute again.

    Parameters
    ----------
    path, wait_seconds
        Database, which is made if there is none and tables are to be in the store; see `Warehouse`.
    tables
        Declarations. Those without months are kept in the database whatever is said.
    lake
        Whether tables by month are kept in the store, also those that are not there yet.
    mixed
        Names of tables whose cold months alone are kept in the store, where not all are: `placement` moves these, and
        what is there stays.
    """
    root = lake_folder(path)
    if not lake and not root.exists():
        return
    if path.exists():
        with open_to_read(path, wait_seconds) as connection:
            if not _is_to_do(connection, tables, lake, mixed):
                return
    with open_to_write(path, wait_seconds) as connection:
        stored = {table.name for table in tables if storage.stored_columns(connection, table.name)}
        with transaction(connection):
            store = PartitionStore.begun(connection, root, is_on=lake)
        for table in tables:
            with store.swept([table.name]), transaction(connection):
                if _wants_in(store, table, lake) and table.name in stored:
                    move_in(connection, store, table)
                elif _has_recent(store, table, lake):
                    move_out(connection, store, table)
                    move_in(connection, store, table)
                elif _wants_out(store, table, lake, mixed):
                    move_out(connection, store, table)
                else:
                    store.confirm(store.copied(table.name))


def _is_to_do(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Table], lake: bool, mixed: Collection[str]
) -> bool:
    store = PartitionStore.opened(connection)
    if store is None:
        return lake
    if store.is_on != lake or store.left_over(table.name for table in tables):
        return True
    return any(
        _wants_out(store, table, lake, mixed)
        or _has_recent(store, table, lake)
        or bool(store.copied(table.name))
        or (_wants_in(store, table, lake) and bool(storage.stored_columns(connection, table.name)))
        for table in tables
    )


def _wants_in(store: PartitionStore, table: Table, lake: bool) -> bool:
    return lake and table.by_month is not None and table.name not in store.tables


def _wants_out(store: PartitionStore, table: Table, lake: bool, mixed: Collection[str]) -> bool:
    return table.name in store.tables and not ((lake or table.name in mixed) and table.by_month is not None)


def _has_recent(store: PartitionStore, table: Table, lake: bool) -> bool:
    """Whether a table has rows inside though all are to be in files."""
    return lake and table.by_month is not None and table.name in store.recent
