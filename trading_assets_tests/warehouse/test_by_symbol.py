"""Rows read symbols by symbols are the rows of the table, whatever the size of a batch."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from trading_assets.warehouse import Sessions, StaleInputError, Warehouse, Whole, by_symbol
from trading_assets.warehouse.by_symbol import read_by_symbol, symbol_bounds
from trading_assets.warehouse.lake.reading import is_partitioned
from trading_assets.warehouse.lake.switch import settle
from trading_assets_tests.warehouse import test_put_aside
from trading_assets_tests.warehouse.test_put_aside import DAY, rows

LEVELS = replace(test_put_aside.LEVELS, by_month="session")


@pytest.fixture(params=["inside", "in files"])
def warehouse(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    found = Warehouse(tmp_path / "w.duckdb")
    settle(found.path, 5, [LEVELS], lake=request.param == "in files")
    monkeypatch.setattr(by_symbol, "ROWS_AT_A_TIME", 4)  # of what is put aside together
    found.replace(Whole(), {LEVELS: pl.concat([rows("DA"), rows("CBE", 3.0)])})
    return found


@pytest.mark.parametrize("size", [1, 3, 4, 6, 8, 100])
def test_batches_together_are_the_table(warehouse: Warehouse, size: int) -> None:
    batches = list(read_by_symbol(warehouse, LEVELS, rows=size))
    assert pl.concat(batches).equals(warehouse.read(LEVELS))
    of_batch = [set(each["symbol"]) for each in batches]
    assert sum(map(len, of_batch)) == 5, "a symbol is in one batch"
    assert all(each.height <= max(size, 3) for each in batches)


def test_months_are_read_one_by_one_and_seen_as_one_state(warehouse: Warehouse) -> None:
    """Rows of three months: a batch has all of some symbols, in order of the key, with columns of any month."""
    for number in range(3):
        start = DAY + dt.timedelta(days=30 * number)
        added = rows("ABCDE", 10.0 * number, start).rename({"other": f"other_{number % 2}"})
        warehouse.replace(Sessions(start, start + dt.timedelta(days=2)), {LEVELS: added})
    for size in (7, 10, 30):
        batches = list(read_by_symbol(warehouse, LEVELS, rows=size))
        assert pl.concat(batches).equals(warehouse.read(LEVELS))
    assert is_partitioned(warehouse, LEVELS) == (warehouse.path.parent / "w.lake").exists()


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
