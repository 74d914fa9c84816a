"""A step notices that its input was replaced while it computed."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from trading_assets.warehouse import (
    LockedError,
    MissingTableError,
    Rows,
    Sessions,
    Slice,
    StaleInputError,
    UnitOfWork,
    Warehouse,
    WarehouseError,
    Whole,
)
from trading_assets_tests.warehouse.warehouse_fixtures import BARS, EQUITY, LEDGER, bars, day, equity, next_look

A, B = Rows("strategy", "a"), Rows("strategy", "b")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.replace(A, {EQUITY: equity("a", [1.0])})
    warehouse.replace(B, {EQUITY: equity("b", [1.0])})
    return warehouse


def write_bars(work: UnitOfWork) -> None:
    work.replace(Whole(), {BARS: bars("a", range(1))})


@pytest.mark.parametrize(
    ("read", "replaced", "stale"),
    [
        (None, A, True),
        (None, Whole(), True),
        (None, Sessions(day(0), day(0)), True),
        (A, A, True),
        (A, B, False),
        (A, Whole(), True),
        (A, Sessions(day(0), day(0)), True),
    ],
)
def test_what_makes_a_read_stale(warehouse: Warehouse, read: Rows | None, replaced: Slice, stale: bool) -> None:
    work = warehouse.unit_of_work()
    work.read(EQUITY, rows=read)
    frame = equity(replaced.value if isinstance(replaced, Rows) else "a", [2.0])
    warehouse.replace(replaced, {EQUITY: frame})
    if stale:
        with pytest.raises(StaleInputError, match=r"backtests\.equity was replaced by another run"):
            write_bars(work)
    else:
        write_bars(work)
    assert warehouse.exists(BARS.name) != stale


def test_own_writes_do_not_count_but_others_after_them_do(warehouse: Warehouse) -> None:
    work = warehouse.unit_of_work()
    work.read(EQUITY)
    work.replace(A, {EQUITY: equity("a", [2.0])})
    work.replace(A, {EQUITY: equity("a", [3.0])})
    assert work.written[EQUITY]["equity"].to_list() == [3.0]
    warehouse.replace(A, {EQUITY: equity("a", [4.0])})
    with pytest.raises(StaleInputError):
        work.replace(A, {EQUITY: equity("a", [5.0])})


def test_the_first_of_two_reads_counts(warehouse: Warehouse) -> None:
    work = warehouse.unit_of_work()
    work.read(EQUITY)
    warehouse.replace(A, {EQUITY: equity("a", [2.0])})
    work.read(EQUITY)
    with pytest.raises(StaleInputError):
        write_bars(work)


def test_a_table_that_appears_makes_its_absence_stale(tmp_path: Path) -> None:
    looks: list[Callable[[UnitOfWork], object]] = [
        lambda work: work.read_or_empty(EQUITY),
        lambda work: work.exists(EQUITY.name),
    ]
    for look in looks:
        warehouse = Warehouse(tmp_path / f"{id(look)}.duckdb")
        work = warehouse.unit_of_work()
        look(work)
        warehouse.replace(A, {EQUITY: equity("a", [2.0])})
        with pytest.raises(StaleInputError):
            write_bars(work)


def test_a_query_depends_on_the_tables_it_names(warehouse: Warehouse) -> None:
    work, other = warehouse.unit_of_work(), warehouse.unit_of_work()
    for unit, reads in ((work, [EQUITY.name]), (other, [])):
        unit.query("SELECT max(equity) FROM backtests.equity", reads=reads)
    warehouse.replace(A, {EQUITY: equity("a", [2.0])})
    write_bars(other)
    with pytest.raises(StaleInputError):
        write_bars(work)


def test_an_append_makes_nobody_stale_and_is_never_refused(warehouse: Warehouse) -> None:
    work = warehouse.unit_of_work()
    work.read_or_empty(LEDGER)
    work.read(EQUITY)
    warehouse.append_chained(LEDGER, next_look)
    write_bars(work)
    warehouse.replace(A, {EQUITY: equity("a", [2.0])})
    work.append_chained(LEDGER, next_look)
    assert warehouse.read(LEDGER).rows() == [(0, -1), (1, 0)]


def test_slices_written_together_are_one_commit(warehouse: Warehouse) -> None:
    work = warehouse.unit_of_work()
    work.read(EQUITY)
    warehouse.replace(B, {EQUITY: equity("b", [9.0])})
    with pytest.raises(StaleInputError):
        work.replace_together([(A, {EQUITY: equity("a", [2.0])}), (Whole(), {BARS: bars("a", range(1))})])
    work = warehouse.unit_of_work()
    work.replace_together([(A, {EQUITY: equity("a", [2.0])}), (Whole(), {BARS: bars("a", range(1))})])
    assert warehouse.read(EQUITY)["equity"].to_list() == [2.0, 9.0]
    assert isinstance(work.written[BARS], pl.DataFrame)


def test_reads_that_are_held_open_see_one_state(warehouse: Warehouse) -> None:
    """Another writer gives up inside of the block, and gets through after it; what was read there is an input."""
    work, other = warehouse.unit_of_work(), Warehouse(warehouse.path, wait_seconds=0.05)
    with work.held_open() as held:
        first = held.read(EQUITY, rows=A)
        with pytest.raises(LockedError):
            other.replace(A, {EQUITY: equity("a", [2.0])})
        with pytest.raises(MissingTableError):
            held.read(BARS)
        with held.held_open() as again:
            assert again.read(EQUITY, rows=A).equals(first)
    other.replace(A, {EQUITY: equity("a", [2.0])})
    assert not warehouse.read(EQUITY, rows=A).equals(first)
    with pytest.raises(StaleInputError, match=r"backtests\.equity was replaced by another run"):
        write_bars(work)


def test_what_a_thread_reads_while_it_holds_the_file_joins_it_though_a_writer_waits(warehouse: Warehouse) -> None:
    """A lock of its own would wait for the writer, who waits for the block; a write would wait for itself."""
    other = Warehouse(warehouse.path, wait_seconds=0.05)
    with ThreadPoolExecutor() as threads, warehouse.held_open() as held:
        writer = threads.submit(Warehouse(warehouse.path, wait_seconds=20).replace, A, {EQUITY: equity("a", [2.0])})
        while is_free(warehouse.path.with_name(f"{warehouse.path.name}.queue")):
            time.sleep(0.001)
        assert other.read(EQUITY, rows=A).equals(held.read(EQUITY, rows=A))
        assert threads.submit(lambda: other.read_or_empty(BARS)).exception() is not None  # of another thread
        with pytest.raises(LockedError, match="this thread holds"):
            other.replace(B, {EQUITY: equity("b", [9.0])})
    writer.result()
    assert warehouse.read(EQUITY, rows=A)["equity"].to_list() == [2.0]


def is_free(path: Path) -> bool:
    """Return whether nobody has the lock of a file."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_nothing_to_hold_open_is_read_as_nothing(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "warehouse.duckdb").held_open() as held:
        assert held.read_or_empty(EQUITY).equals(EQUITY.empty())


@pytest.mark.parametrize("schema", ["meta", "META"])
def test_no_write_reaches_the_tables_of_the_warehouse_itself(warehouse: Warehouse, schema: str) -> None:
    """DuckDB's names do not regard case: META.ledgers is meta.ledgers."""
    warehouse.append(LEDGER, next_look(pl.DataFrame({"look": []})))
    before = [warehouse.query(f"FROM meta.{name} ORDER BY ALL").rows() for name in ("ledgers", "commits")]
    own = replace(EQUITY, name=f"{schema}.ledgers")
    writes: list[Callable[[], object]] = [
        lambda: warehouse.replace(Whole(), {own: equity("a", [1.0])}),
        lambda: warehouse.append(own, equity("a", [1.0])),
        lambda: warehouse.append_new(own, equity("a", [1.0])),
        lambda: warehouse.define_view(own.name, "SELECT 1 AS x", []),
    ]
    for write in writes:
        with pytest.raises(WarehouseError, match="schema of the warehouse's own tables"):
            write()
    assert [warehouse.query(f"FROM meta.{name} ORDER BY ALL").rows() for name in ("ledgers", "commits")] == before
