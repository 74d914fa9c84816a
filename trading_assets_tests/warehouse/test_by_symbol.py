"""Rows read symbols by symbols are the rows of the table, whatever the size of a batch."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.warehouse import StaleInputError, Warehouse, Whole
from trading_assets.warehouse.by_symbol import read_by_symbol, symbol_bounds
from trading_assets_tests.warehouse.test_put_aside import DAY, LEVELS, rows


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    found = Warehouse(tmp_path / "w.duckdb")
    found.replace(Whole(), {LEVELS: pl.concat([rows("DA"), rows("CBE", 3.0)])})
    return found


@pytest.mark.parametrize("size", [1, 3, 4, 6, 8, 100])
def test_batches_together_are_the_table(warehouse: Warehouse, size: int) -> None:
    batches = list(read_by_symbol(warehouse, LEVELS, rows=size))
    assert pl.concat(batches).equals(warehouse.read(LEVELS))
    of_batch = [set(each["symbol"]) for each in batches]
    assert sum(map(len, of_batch)) == 5, "a symbol is in one batch"
    assert all(each.height <= max(size, 3) for each in batches)


def test_columns_and_conditions_are_those_of_a_read(warehouse: Warehouse) -> None:
    last = DAY + dt.timedelta(days=1)
    asked = {"columns": ["level"], "where": "session <= ? OR symbol = ?", "parameters": [last, "E"]}
    batches = list(read_by_symbol(warehouse, LEVELS, rows=2, **asked))  # type: ignore[arg-type]
    assert [each.height for each in batches] == [2, 2, 2, 2, 3]
    assert pl.concat(batches).equals(warehouse.read(LEVELS, **asked))  # type: ignore[arg-type]


def test_a_table_without_rows_or_that_is_not_there_is_one_empty_frame(warehouse: Warehouse, tmp_path: Path) -> None:
    for source, where in ((warehouse, "symbol = 'nobody'"), (Warehouse(tmp_path / "none.duckdb"), "")):
        [found] = read_by_symbol(source, LEVELS, columns=["symbol", "level"], where=where)
        assert found.is_empty()
        assert found.columns == ["symbol", "level"]


def test_a_unit_of_work_depends_on_what_it_read_so(warehouse: Warehouse) -> None:
    work = warehouse.unit_of_work()
    list(read_by_symbol(work, LEVELS, rows=3))
    warehouse.replace(Whole(), {LEVELS: rows("A")})
    with pytest.raises(StaleInputError):
        work.replace(Whole(), {LEVELS: rows("B")})


def test_a_symbol_with_more_rows_than_a_batch_is_one_alone() -> None:
    counts = pl.DataFrame({"symbol": ["A", "B", "C", "D"], "rows": [9, 1, 1, 9]})
    assert symbol_bounds(counts, 2) == [("A", "A"), ("B", "C"), ("D", "D")]
    assert symbol_bounds(counts.clear(), 2) == []
