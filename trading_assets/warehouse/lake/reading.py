"""Rows of a table of the partition store, partition by partition: each file is opened once, and held alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from trading_assets.warehouse import storage
from trading_assets.warehouse.checking import in_order
from trading_assets.warehouse.content import Selected
from trading_assets.warehouse.lake.part_files import PartFile
from trading_assets.warehouse.lake.store import Columns, PartitionStore, lake_folder
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
    """Yield the rows of each partition by the table's key, those that are inside of the database together.

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
        for _, of_partition in groupby(store.files(table.name), lambda file: file.partition):
            files = [*of_partition]
            rows = None if where or len(files) > 1 else _rows_of(store.root, files[0], table, columns, stored)
            if rows is not None:
                yield rows
                continue
            source = f"({store.source_of(files, stored)})"
            yield storage.select(connection, table, columns, where, parameters, rows_of_table=(source, stored))
        recent = store.recent.get(table.name)
        if recent is not None:
            source = f"({recent.select(stored)})"
            yield storage.select(connection, table, columns, where, parameters, rows_of_table=(source, stored))


def _rows_of(
    root: Path, file: PartFile, table: Table, columns: Sequence[str] | None, stored: Columns
) -> pl.DataFrame | None:
    """All rows of a file as the table has them, which a query takes five times as long for; None if columns differ."""
    wanted = [*table.columns, *(name for name in stored if table.extra and name not in table.columns)]
    if columns is not None:
        wanted = [*columns]
    has = dict(file.columns)
    if any(name not in has or has[name] != stored[name] for name in {*wanted, *table.key}):
        return None
    names = [*dict.fromkeys([*wanted, *table.key])]
    try:
        frame = pl.read_parquet(file.path(root), columns=names, glob=False, memory_map=False)
    except (pl.exceptions.PolarsError, OSError):
        return None  # a query says what is wrong
    dtypes = {name: table.columns[name].dtype for name in wanted if name in table.columns}
    return in_order(frame, table.key).select(pl.col(name).cast(dtypes.get(name, frame.schema[name])) for name in wanted)
