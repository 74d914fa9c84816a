"""The store by itself: partitions of any key, and what is on record of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.warehouse import Warehouse, WarehouseError
from trading_assets.warehouse.connection import open_to_write, transaction
from trading_assets.warehouse.lake.store import PartitionStore, lake_folder
from trading_assets_tests.warehouse.lake.lake_fixtures import files_of, live_files

TABLE = "backtests.archive"
COLUMNS = {"run": "VARCHAR", "value": "DOUBLE"}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_to_write(tmp_path / "warehouse.duckdb", 5) as opened:
        yield opened


def _begun(connection: duckdb.DuckDBPyConnection, folder: Path) -> PartitionStore:
    return PartitionStore.begun(connection, lake_folder(folder / "warehouse.duckdb"), is_on=True)


def _rows(run: str, *values: float) -> pl.DataFrame:
    return pl.DataFrame({"run": [run] * len(values), "value": values}, schema={"run": pl.String, "value": pl.Float64})


def test_partitions_of_any_key_have_any_number_of_files(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Two files of one run, one of another; then the first run is gone, and with it its files."""
    with transaction(connection):
        store = _begun(connection, tmp_path)
        one = [store.write(TABLE, "a/1", _rows("a/1", value), COLUMNS.items()) for value in (1.0, 2.0)]
        other = store.write(TABLE, "b'2", _rows("b'2", 3.0), COLUMNS.items())
        store.define(TABLE, COLUMNS, {"a/1": one, "b'2": [other]})
    assert connection.execute(f"FROM {TABLE} ORDER BY ALL").fetchall() == [("a/1", 1.0), ("a/1", 2.0), ("b'2", 3.0)]
    assert [file.partition for file in store.files(TABLE)] == ["a/1", "a/1", "b'2"]
    with store.swept(), transaction(connection):
        store.define(TABLE, COLUMNS, {"a/1": []})
    assert connection.execute(f"FROM {TABLE}").fetchall() == [("b'2", 3.0)]
    assert [path.name for path in tmp_path.rglob("*.parquet")] == [other.name]


def test_what_failed_is_not_there_and_leaves_no_file(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with transaction(connection):
        store = _begun(connection, tmp_path)
        old = store.write(TABLE, "a", _rows("a", 1.0), COLUMNS.items())
        store.define(TABLE, COLUMNS, {"a": [old]})

    def fail() -> None:
        with store.swept(), transaction(connection):
            new = store.write(TABLE, "a", _rows("a", 2.0), COLUMNS.items())
            store.define(TABLE, COLUMNS, {"a": [new]})
            assert len(list(tmp_path.rglob("*.parquet"))) == 2
            raise RuntimeError("on the way")

    with pytest.raises(RuntimeError):
        fail()
    assert connection.execute(f"FROM {TABLE}").fetchall() == [("a", 1.0)]
    assert [path.name for path in tmp_path.rglob("*.parquet")] == [old.name]


def test_a_table_that_is_taken_out_leaves_nothing(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with transaction(connection):
        store = _begun(connection, tmp_path)
        store.define(TABLE, COLUMNS, {"a": [store.write(TABLE, "a", _rows("a", 1.0), COLUMNS.items())]})
    with store.swept(), transaction(connection):
        store.forget(TABLE)
    assert store.files() == []
    assert not (tmp_path / "lake").exists()
    with pytest.raises(duckdb.CatalogException):
        connection.execute(f"FROM {TABLE}")


def test_columns_of_older_files_are_null_or_cast(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with transaction(connection):
        store = _begun(connection, tmp_path)
        old = store.write(TABLE, "a", _rows("a", 1.0), COLUMNS.items())
        wide = _rows("b", 2.0).with_columns(level=pl.lit(7, pl.Int64))
        new = store.write(TABLE, "b", wide, {**COLUMNS, "level": "BIGINT"}.items())
        store.define(TABLE, {"value": "FLOAT", "level": "DOUBLE", "run": "VARCHAR"}, {"a": [old], "b": [new]})
    found = connection.execute(f"DESCRIBE {TABLE}").fetchall()
    assert [row[:2] for row in found] == [("value", "FLOAT"), ("level", "DOUBLE"), ("run", "VARCHAR")]
    assert connection.execute(f"FROM {TABLE} ORDER BY run").fetchall() == [(1.0, None, "a"), (2.0, 7.0, "b")]


def test_a_database_without_a_store_has_none(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert PartitionStore.opened(connection) is None
    assert not PartitionStore.is_moved(connection, tmp_path / "warehouse.duckdb")
    PartitionStore.assert_sound(connection, tmp_path / "warehouse.duckdb", set())


def test_the_folder_is_of_one_database_alone(tmp_path: Path) -> None:
    assert lake_folder(tmp_path / "warehouse.duckdb") == tmp_path / "lake"
    assert lake_folder(tmp_path / "copy.duckdb") == tmp_path / "copy.lake"


def test_only_reads_of_a_damaged_table_fail(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    with open_to_write(warehouse.path, 5) as connection, transaction(connection):
        store = _begun(connection, tmp_path)
        for name in ("backtests.archive", "backtests.other"):
            store.define(name, COLUMNS, {"a": [store.write(name, "a", _rows("a", 1.0), COLUMNS.items())]})
    [damaged] = (tmp_path / "lake" / "backtests" / "archive").iterdir()
    damaged.write_bytes(b"edited")
    assert warehouse.query("FROM backtests.other", reads=["backtests.other"]).height == 1
    assert warehouse.exists("backtests.other")
    for read in (["backtests.archive"], []):
        with pytest.raises(WarehouseError, match=damaged.name):
            warehouse.query("FROM backtests.archive", reads=read)
    assert {path.name for path in files_of(warehouse)} == live_files(warehouse).keys()
