"""Cold months go to files and come back: the same rows, hashes and slices, whole or not at all."""

from __future__ import annotations

import itertools
import random
import shutil
import time
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.warehouse import Rows, Sessions, Table, Warehouse, Whole
from trading_assets.warehouse.lake.placement import Placement, months_before, place, placements
from trading_assets.warehouse.lake.reading import read_partitions
from trading_assets.warehouse.lake.switch import settle
from trading_assets_tests.warehouse.lake.lake_fixtures import (
    BARS,
    BY_MONTH,
    DAILY,
    files_of,
    live_files,
    of_round,
    seen,
    with_lake,
    without_lake,
)
from trading_assets_tests.warehouse.warehouse_fixtures import bars, day, start

#: Months of `of_round`: its hundred days begin on 1 January 2020.
JANUARY, FEBRUARY, MARCH = "2020-01", "2020-02", "2020-03"


def moved(warehouse: Warehouse, months: int) -> list[Placement]:
    found = placements(warehouse.path, 20, dict.fromkeys(BY_MONTH, months))
    for each in found:
        place(warehouse.path, 20, each)
    return found


def filled(folder: Path) -> Warehouse:
    warehouse = without_lake(folder)
    warehouse.replace(Whole(), {table: rows.reverse() for table, rows in of_round(1).items()})
    return warehouse


def inside(warehouse: Warehouse, table: Table) -> list[str]:
    """Months that have rows in the table inside of the database."""
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        found = connection.execute(
            f"""SELECT DISTINCT strftime(session, '%Y-%m') FROM meta."recent {table.name}" ORDER BY 1"""
        ).fetchall()
    return [month for (month,) in found]


def test_months_are_counted_back_over_the_turn_of_a_year() -> None:
    assert [months_before(day(31), count) for count in (0, 1, 2, 14)] == [FEBRUARY, JANUARY, "2019-12", "2018-12"]


def test_cold_months_are_in_files_and_hot_ones_inside(tmp_path: Path) -> None:
    """The newest day is 9 April 2020, so that two hot months are March and April."""
    warehouse = filled(tmp_path)
    (bars_, _) = moved(warehouse, 2)
    assert (bars_.now, bars_.wanted, bars_.rows, bars_.months) == ("", MARCH, 2 * 60, 2)
    assert sorted(live_files(warehouse).values()) == [JANUARY, JANUARY, FEBRUARY, FEBRUARY]
    assert inside(warehouse, BARS) == [MARCH, "2020-04"]
    assert moved(warehouse, 2) == [], "nothing is left to do"


def test_wherever_months_are_the_table_is_the_same(tmp_path: Path) -> None:
    warehouse = filled(tmp_path)
    before = {table: seen(warehouse, table) for table in BY_MONTH}
    work = warehouse.unit_of_work()
    work.read(BARS)
    for months in (3, 2, 4, 1, 3, 100, 2):
        moved(warehouse, months)
        assert {table: seen(warehouse, table) for table in before} == before, months
        settle(warehouse.path, 20, BY_MONTH, lake=False, mixed=[table.name for table in BY_MONTH])
        assert {path.name for path in files_of(warehouse)} == live_files(warehouse).keys(), "files are swept"
    for lake in (True, False):
        settle(warehouse.path, 20, BY_MONTH, lake=lake, mixed=[table.name for table in BY_MONTH] if lake else [])
        assert {table: seen(warehouse, table) for table in before} == before
    assert not files_of(warehouse)
    work.replace(Rows("symbol", "B"), {DAILY: of_round(2)[DAILY].filter(symbol="B")})  # not stale


def test_months_of_a_lake_come_inside_where_its_switch_is_off(tmp_path: Path) -> None:
    warehouse = with_lake(tmp_path)
    warehouse.replace(Whole(), of_round(1))
    before = seen(warehouse, BARS)
    settle(warehouse.path, 20, BY_MONTH, lake=False, mixed=[table.name for table in BY_MONTH])
    assert seen(warehouse, BARS) == before
    moved(warehouse, 1)
    assert inside(warehouse, BARS) == ["2020-04"]
    assert seen(warehouse, BARS) == before


def test_a_market_younger_than_its_hot_months_has_no_files(tmp_path: Path) -> None:
    warehouse = filled(tmp_path)
    assert moved(warehouse, 4) == []
    assert not (tmp_path / "lake").exists()
    assert placements(tmp_path / "none.duckdb", 20, {BARS: 1}) == []


WRITES = st.lists(
    st.tuples(st.sampled_from(["A", "B", "C"]), st.integers(0, 130), st.integers(0, 60), st.integers(1, 4)),
    max_size=3,
)


@settings(max_examples=4, deadline=None)
@given(writes=WRITES, months=st.lists(st.integers(1, 6), min_size=4, max_size=4))
def test_writes_of_any_slice_are_those_of_a_table_inside(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, int, int, int]], months: list[int]
) -> None:
    """Slices of days and of symbols, over cold and hot months, in turns with moves, beside a warehouse of one file."""
    mixed, plain = (filled(tmp_path_factory.mktemp(name)) for name in ("mixed", "plain"))
    moved(mixed, months[-1])
    for (symbol, first, days, close), count in zip(writes, months, strict=False):
        rows = bars(symbol, range(first, first + days), float(close))
        slice_ = Rows("symbol", symbol) if close % 2 else Sessions(day(first), day(first + 60))
        for warehouse in (mixed, plain):
            warehouse.replace(slice_, {BARS: rows})
        moved(mixed, count)
        assert seen(mixed, BARS) == seen(plain, BARS)
    parts = pl.concat(read_partitions(mixed, BARS)).sort(BARS.key)
    assert parts.rows() == mixed.read(BARS).rows(), "partition by partition"
    for warehouse in (mixed, plain):
        warehouse.replace(Whole(), {DAILY: of_round(2)[DAILY].with_columns(slope=pl.lit(0.5))})
    assert seen(mixed, DAILY) == seen(plain, DAILY), "a column more"


def place_for_ever(path: Path, ready: Path) -> None:
    """Move months to files and back, again and again."""
    for number in itertools.count(1):
        if number == 2:
            ready.touch()
        for each in placements(path, 20, dict.fromkeys(BY_MONTH, 1 + number % 3)):
            place(path, 20, each)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_a_killed_move_leaves_each_table_whole(tmp_path: Path, seed: int) -> None:
    warehouse, ready, draw = filled(tmp_path), tmp_path / "ready", random.Random(seed)
    before = {table: seen(warehouse, table) for table in BY_MONTH}
    for _ in range(3):
        process = start(place_for_ever, warehouse.path, ready)
        while not ready.exists():
            assert process.is_alive(), "it ended by an error"
            time.sleep(0.01)
        time.sleep(draw.uniform(0.0, 0.2))
        process.kill()
        process.join()
        ready.unlink()
        assert {table: seen(warehouse, table) for table in BY_MONTH} == before
    moved(warehouse, 2)
    settle(warehouse.path, 20, BY_MONTH, lake=False, mixed=[table.name for table in BY_MONTH])
    assert {path.name for path in files_of(warehouse)} == live_files(warehouse).keys(), "the rest is swept"


def test_a_folder_with_cold_months_is_moved_and_copied(tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "old")
    moved(warehouse, 1)
    before = seen(warehouse, BARS)
    shutil.copytree(tmp_path / "old", tmp_path / "copy")
    (tmp_path / "old").rename(tmp_path / "new")
    for name in ("copy", "new"):
        assert seen(Warehouse(tmp_path / name / "warehouse.duckdb"), BARS) == before
