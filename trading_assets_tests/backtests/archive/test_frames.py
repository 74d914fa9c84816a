"""Frames by their content."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.backtests.archive.frames import FOLDER, FrameStore
from trading_assets.warehouse.errors import WarehouseError

FRAME = pl.DataFrame(
    {"symbol": ["a", None], "day": [dt.date(2024, 1, 2), None], "value": [0.1, None], "flags": [["x"], []]}
)


def test_the_same_rows_are_one_file_and_come_back_to_the_bit(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "warehouse.duckdb")
    with store.held():
        name = store.put("backtests.equity", FRAME)
        assert store.put("backtests.equity", FRAME.clone()) == name
        other = store.put("backtests.equity", FRAME.with_columns(value=pl.col("value") + 1e-16))
    assert other != name
    assert len(list((tmp_path / FOLDER).rglob("*.parquet"))) == 2
    assert store.get("backtests.equity", name).equals(FRAME)


def test_a_file_that_was_edited_or_is_missing_is_named(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "warehouse.duckdb")
    with store.held():
        name = store.put("backtests.equity", FRAME)
    path = tmp_path / FOLDER / "backtests" / "equity" / name
    FRAME.with_columns(value=pl.lit(9.0)).write_parquet(path)
    with pytest.raises(WarehouseError, match="it has other rows than were written"):
        store.get("backtests.equity", name)
    path.write_bytes(b"no parquet")
    with pytest.raises(WarehouseError, match="cannot be used"):
        store.get("backtests.equity", name)
    path.unlink()
    with pytest.raises(WarehouseError, match="it is missing"):
        store.get("backtests.equity", name)


def test_a_sweep_leaves_what_is_named(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "warehouse.duckdb")
    with store.held():
        kept = store.put("backtests.equity", FRAME)
        gone = store.put("backtests.trades", FRAME.head(1))
        assert store.sweep({"backtests.equity": {kept}}, 1.0) == 1
    assert store.get("backtests.equity", kept).equals(FRAME)
    with pytest.raises(WarehouseError, match="missing"):
        store.get("backtests.trades", gone)
