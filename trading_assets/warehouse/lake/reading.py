"""Rows of a table of the partition store, partition by partition: each file is opened once, and held alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from trading_assets.warehouse import storage
from trading_assets.warehouse.content import Selected
from trading_assets.warehouse.lake.store import PartitionStore, lake_folder
from trading_assets.warehouse.slices import Whole
from trading_assets.warehouse.table import Table

if TYPE_CHECKING:
    from trading_assets.warehouse.warehouse import Warehouse


def is_partitioned(warehouse: Warehouse, table: Table) -> bool:
    """Return whether the rows of a table are in files of the store; to look is no read."""
    if not lake_folder(warehouse.path).is_dir() or not warehouse.path.exists():
        return False
    with warehouse.opened() as connection:
        store = PartitionStore.opened(connection)
        return store is not None and table.name in store.tables


def read_partitions(
    warehouse: Warehouse,
    table: Table,
    *,
    columns: Sequence[str] | None = None,
    where: str = "",
    parameters: Sequence[object] = (),
) -> Iterator[pl.DataFrame]:
    """Yield the rows of each partition by the table's key; of a table that is not in the store all rows at once.

    All are of one state: writers wait until the last was taken, or the generator is closed. So put them aside, and
    compute nothing in between.

    Parameters
    ----------
    warehouse, table
        Where the table is, and its declaration.
    columns, where, parameters
        As `Warehouse.read` takes them.
    """
    read = Selected.of_table(table.name, Whole(), columns=columns or (), where=where, parameters=parameters)
    with warehouse.reading([(table.name, Whole())], read) as connection:
        store = PartitionStore.opened(connection)
        if store is None or table.name not in store.tables:
            yield storage.select(connection, table, columns, where, parameters)
            return
        stored = store.tables[table.name]
        for _, files in groupby(store.files(table.name), lambda file: file.partition):
            source = f"({store.source_of(files, stored)})"
            yield storage.select(connection, table, columns, where, parameters, rows_of_table=(source, stored))
