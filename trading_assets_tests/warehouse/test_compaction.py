"""The database written anew: the same tables in a smaller file, the old or the new at any moment."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import duckdb
import pytest

from trading_assets.warehouse import Warehouse, WarehouseError, Whole
from trading_assets.warehouse.commit_mark import commits_of
from trading_assets.warehouse.compaction import compact, remove_left_over, room_of
from trading_assets.warehouse.connection import open_to_read
from trading_assets_tests.warehouse.lake.lake_fixtures import BARS, DAILY, of_round, seen
from trading_assets_tests.warehouse.lake.test_placement import filled, moved
from trading_assets_tests.warehouse.warehouse_fixtures import (
    EQUITY,
    LEDGER,
    bars,
    equity,
    next_look,
    outcome_of,
    start,
    version,
)

TABLES = (BARS, DAILY, EQUITY)


def used(folder: Path) -> Warehouse:
    """A warehouse with cold months, views of views, a ledger, and room of rows that are gone."""
    warehouse = filled(folder)
    warehouse.replace(Whole(), version(1))
    warehouse.replace(Whole(), {table: rows.clear() for table, rows in version(1).items()})
    warehouse.replace(Whole(), {EQUITY: equity("s", [1.0, None, 3.0])})
    warehouse.append_chained(LEDGER, next_look)
    warehouse.define_view("zoo.second", "SELECT symbol, count(*) AS n FROM market_data.bars GROUP BY ALL", [BARS])
    warehouse.define_view("zoo.a_later_one", "SELECT sum(n) AS n FROM zoo.second", [])
    moved(warehouse, 2)
    return warehouse


def all_of(warehouse: Warehouse) -> dict[str, object]:
    """Whatever can be told of the tables, and the rows of the ledger."""
    return {table.name: seen(warehouse, table) for table in TABLES} | {LEDGER.name: warehouse.read(LEDGER).rows()}


def number_of(warehouse: Warehouse) -> int | None:
    with open_to_read(warehouse.path, 20) as connection:
        return commits_of(connection)


def test_the_file_is_smaller_and_all_that_can_be_told_is_the_same(tmp_path: Path) -> None:
    warehouse = used(tmp_path)
    before, number, size = all_of(warehouse), number_of(warehouse), room_of(warehouse.path, 20)
    after = compact(warehouse.path, 20)
    assert after.size < size.size
    assert after.free < 2**18, "less than a block"
    assert all_of(warehouse) == before
    assert number_of(warehouse) == number
    assert warehouse.query("FROM zoo.a_later_one").item() == 200
    assert sorted(path.name for path in tmp_path.iterdir() if ".new" in path.name or ".wal" in path.name) == []


def test_what_comes_after_goes_on(tmp_path: Path) -> None:
    warehouse = used(tmp_path)
    work = warehouse.unit_of_work()
    work.read(BARS)
    compact(warehouse.path, 20)
    warehouse.append_chained(LEDGER, next_look)
    assert warehouse.read(LEDGER).rows() == [(0, -1), (1, 0)]
    with pytest.raises(WarehouseError, match="append only"):
        warehouse.replace(Whole(), {LEDGER: LEDGER.empty()})
    work.replace(Whole(), {DAILY: of_round(2)[DAILY]})  # its input is what it was
    warehouse.replace(Whole(), {BARS: bars("A", range(40), 2.0)})
    assert warehouse.read(BARS).height == 40


def test_a_copy_that_is_not_the_same_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash of a table in the copy is that of other rows: as if a row had been lost on the way."""
    warehouse = used(tmp_path)
    before = warehouse.path.read_bytes()
    from trading_assets.warehouse import compaction

    hashed = iter(range(1_000))
    monkeypatch.setattr(compaction, "content_of", lambda *_: str(next(hashed)))
    with pytest.raises(WarehouseError, match="not the same in"):
        compact(warehouse.path, 20)
    assert warehouse.path.read_bytes() == before
    assert not warehouse.path.with_name("warehouse.duckdb.new").exists()


def _compact_where_no_file_may_grow(path: Path, limit: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    compact(path, 20)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    warehouse = used(tmp_path)
    before = warehouse.path.read_bytes()
    told = outcome_of(_compact_where_no_file_may_grow, warehouse.path, 100_000)
    assert told.startswith("WarehouseError: cannot write to the warehouse; what it held is unchanged")
    assert warehouse.path.read_bytes() == before
    assert not warehouse.path.with_name("warehouse.duckdb.new").exists()


def compact_for_ever(path: Path, ready: Path) -> None:
    while True:
        compact(path, 20)
        ready.touch()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_a_kill_at_any_moment_leaves_the_old_or_the_new(tmp_path: Path, seed: int) -> None:
    warehouse, ready, draw = used(tmp_path), tmp_path / "ready", random.Random(seed)
    before = all_of(warehouse)
    for _ in range(3):
        process = start(compact_for_ever, warehouse.path, ready)
        while not ready.exists():
            assert process.is_alive(), "it ended by an error"
            time.sleep(0.01)
        time.sleep(draw.uniform(0.0, 0.3))
        process.kill()
        process.join()
        ready.unlink()
        assert all_of(warehouse) == before
        warehouse.append_chained(LEDGER, next_look)
        before[LEDGER.name] = warehouse.read(LEDGER).rows()
    compact(warehouse.path, 20)
    assert not warehouse.path.with_name("warehouse.duckdb.new").exists(), "what was left is removed"


def test_who_reads_is_waited_for(tmp_path: Path) -> None:
    warehouse = used(tmp_path)
    reads, may_end = threading.Event(), threading.Event()

    def read() -> None:
        with warehouse.held_open():
            reads.set()
            may_end.wait(60)

    reader = threading.Thread(target=read)
    reader.start()
    assert reads.wait(60)
    with pytest.raises(WarehouseError, match="in use"):
        compact(warehouse.path, 0.1)
    may_end.set()
    reader.join()
    remove_left_over(warehouse.path)
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM market_data.bars").fetchall() == [(200,)]
