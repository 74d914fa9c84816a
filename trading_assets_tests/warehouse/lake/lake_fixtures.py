"""Warehouses with and without a partition store, and what is the same in both."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import polars as pl

from trading_assets.warehouse import MissingTableError, Table, Warehouse, Whole
from trading_assets.warehouse.connection import open_to_read
from trading_assets.warehouse.content import Selected, content_by_month, content_of
from trading_assets.warehouse.lake.store import PartitionStore
from trading_assets.warehouse.lake.switch import settle
from trading_assets.warehouse.versions import versions_of
from trading_assets_tests.warehouse import warehouse_fixtures

BARS = replace(warehouse_fixtures.BARS, by_month="session")
DAILY = replace(warehouse_fixtures.DAILY, by_month="session")
BY_MONTH = [BARS, DAILY]


def with_lake(folder: Path, tables: list[Table] = BY_MONTH) -> Warehouse:
    """A new warehouse whose tables by month begin in its store."""
    folder.mkdir(parents=True, exist_ok=True)
    warehouse = Warehouse(folder / "warehouse.duckdb", wait_seconds=20)
    settle(warehouse.path, 20, tables, lake=True)
    return warehouse


def without_lake(folder: Path) -> Warehouse:
    folder.mkdir(parents=True, exist_ok=True)
    return Warehouse(folder / "warehouse.duckdb", wait_seconds=20)


def files_of(warehouse: Warehouse) -> set[Path]:
    """Whatever is in the folder of the store, by its path there."""
    root = warehouse.path.parent / "lake"
    return {path.relative_to(root) for path in root.rglob("*") if path.is_file()}


def live_files(warehouse: Warehouse) -> dict[str, str]:
    """Partition of each file that is on record, by its name."""
    with open_to_read(warehouse.path, 20) as connection:
        store = PartitionStore.opened(connection)
        return {} if store is None else {file.name: file.partition for file in store.files()}


def seen(warehouse: Warehouse, table: Table) -> dict[str, object]:
    """All that anybody can tell of a table, but for where it is kept."""
    whole = Selected.of_table(table.name, Whole())
    try:
        rows = warehouse.read(table)
    except MissingTableError:
        rows = pl.DataFrame({"no": ["table"]})
    with open_to_read(warehouse.path, 20) as connection:
        types = [] if "no" in rows else connection.execute(f"DESCRIBE {table.name}").fetchall()
        return {
            "rows": rows.rows(),
            "schema": rows.schema,
            "types": [row[:2] for row in types],
            "content": content_of(connection, whole),
            "by month": content_by_month(connection, whole),
            "versions": versions_of(connection, table.name, Whole()),
        }


def write_months_for_ever(path: Path, ready: Path) -> None:
    """Put the number of the round into all rows of two tables, one transaction a round."""
    warehouse = Warehouse(path)
    for number in itertools.count(1):
        if number == 3:
            ready.touch()
        warehouse.replace(Whole(), of_round(number))


def of_round(number: int) -> dict[Table, pl.DataFrame]:
    """Rows of one round over four months: none of them has rows of another round."""
    rows = pl.concat(warehouse_fixtures.bars(symbol, range(100), float(number)) for symbol in ("A", "B"))
    features = rows.select("symbol", "session", pl.col("close").alias("level"))
    return {BARS: rows, DAILY: features}


def switch_for_ever(path: Path, ready: Path) -> None:
    """Move the tables into the store and out of it, again and again."""
    for number in itertools.count(1):
        if number == 2:
            ready.touch()
        settle(path, 20, BY_MONTH, lake=number % 2 == 1)
