"""Section "Pipeline and warehouse" of the edge cases, as far as the warehouse answers for them. Real processes."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import polars as pl
import pytest

from trading_assets.warehouse import LockedError, Rows, Sessions, Warehouse, WarehouseError, Whole
from trading_assets_tests.warehouse import warehouse_fixtures
from trading_assets_tests.warehouse.warehouse_fixtures import BARS, DAILY, EQUITY, LEDGER, bars, day, equity


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "home" / "warehouse.duckdb", wait_seconds=60)


def version_of(warehouse: Warehouse) -> int:
    """The one version that all rows of all tables hold."""
    frames = [warehouse.read(table) for table in warehouse_fixtures.VERSIONS]
    assert {frame.height for frame in frames} == {warehouse_fixtures.ROWS}
    versions = set(pl.concat(frames)["version"])
    assert len(versions) == 1
    return int(versions.pop())


def test_rerun_idempotent(warehouse: Warehouse) -> None:
    slice_ = Sessions(day(0), day(4))
    for _ in range(2):
        warehouse.replace(slice_, {BARS: bars("a", range(5))})
    assert warehouse.read(BARS).height == 5
    once = warehouse.fingerprint(BARS)
    warehouse.replace(slice_, {BARS: bars("a", range(5))})
    assert warehouse.fingerprint(BARS) == once


def kill_writers(path: Path, times: int) -> None:
    """Writers die at random moments of a write: what is left is one whole version, no older than before."""
    chance, duration = random.Random(7), time_to_write(path.with_name("another.duckdb"))
    warehouse, last = Warehouse(path), 0
    for attempt in range(times):
        commits = attempt % 2  # die in the first write, or in the second
        ready = path.with_name(f"ready_{attempt}")
        writer = warehouse_fixtures.start(warehouse_fixtures.write_for_ever, path, last + 1, ready, commits)
        while not (ready.exists() and warehouse_fixtures.is_writing(path)):
            assert writer.is_alive()
            time.sleep(0.001)
        time.sleep(chance.uniform(0, duration))
        writer.kill()
        writer.join()
        if last or commits or any(warehouse.exists(table.name) for table in warehouse_fixtures.VERSIONS):
            now = version_of(warehouse)
            assert now >= last + commits
            last = now


def time_to_write(path: Path) -> float:
    """Seconds that a write of all versions takes on this machine, now."""
    Warehouse(path).replace(Whole(), warehouse_fixtures.version(0))  # loads and creates what the first write needs
    started = time.monotonic()
    Warehouse(path).replace(Whole(), warehouse_fixtures.version(0))
    return time.monotonic() - started


def test_killed_mid_write(tmp_path: Path) -> None:
    kill_writers(tmp_path / "warehouse.duckdb", times=5)


@pytest.mark.acceptance
def test_killed_mid_write_many_times(tmp_path: Path) -> None:
    kill_writers(tmp_path / "warehouse.duckdb", times=60)


@pytest.mark.parametrize("leftover", [b"", b"half a database"])
def test_killed_while_creating(warehouse: Warehouse, leftover: bytes) -> None:
    warehouse.path.parent.mkdir()
    (warehouse.path.parent / "warehouse.duckdb.new").write_bytes(leftover)
    (warehouse.path.parent / "warehouse.duckdb.new.wal").write_bytes(leftover)
    warehouse.replace(Whole(), warehouse_fixtures.version(1))
    assert version_of(warehouse) == 1


def test_concurrent_writers(warehouse: Warehouse) -> None:
    workers = [warehouse_fixtures.start(warehouse_fixtures.write_slice, warehouse.path, name, 6) for name in ("a", "b")]
    workers += [warehouse_fixtures.start(warehouse_fixtures.read_slices, warehouse.path, 40) for _ in range(2)]
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert warehouse.read(EQUITY)["equity"].unique().to_list() == [5.0]
    assert warehouse.read(LEDGER).rows() == [(look, look - 1) for look in range(12)]


def test_concurrent_foreign_reader_is_waited_for(warehouse: Warehouse) -> None:
    warehouse.replace(Whole(), {EQUITY: equity("s", [1.0])})
    holder = warehouse_fixtures.hold_with_duckdb(warehouse.path)
    try:
        worker = warehouse_fixtures.start(warehouse_fixtures.write_slice, warehouse.path, "a", 1)
        worker.join(1.0)
        assert worker.is_alive()
    finally:
        holder.communicate()
    worker.join()
    assert worker.exitcode == 0
    assert warehouse.read(EQUITY)["strategy"].unique().sort().to_list() == ["a", "s"]


@pytest.mark.parametrize(("holds_to_read", "reads_fail"), [(False, True), (True, False)])
def test_foreign_holder_is_named_in_the_end(warehouse: Warehouse, holds_to_read: bool, reads_fail: bool) -> None:
    warehouse.replace(Whole(), {EQUITY: equity("s", [1.0])})
    hasty = Warehouse(warehouse.path, wait_seconds=0.1)
    holder = warehouse_fixtures.hold_with_duckdb(warehouse.path, read_only=holds_to_read)
    try:
        with pytest.raises(LockedError) as caught:
            hasty.replace(Whole(), {EQUITY: equity("s", [2.0])})
        assert f"process {holder.pid}" in str(caught.value)
        assert str(warehouse.path) in str(caught.value)
        if reads_fail:
            with pytest.raises(LockedError, match=f"process {holder.pid}"):
                hasty.read(EQUITY)
        else:
            assert hasty.read(EQUITY)["equity"].to_list() == [1.0]
    finally:
        holder.communicate()


def test_own_lock_holder_is_named(warehouse: Warehouse) -> None:
    warehouse.replace(Whole(), {EQUITY: equity("s", [1.0])})
    hasty = Warehouse(warehouse.path, wait_seconds=0.1)
    with pytest.raises(LockedError, match=f"process {os.getpid()}"):
        warehouse.append_chained(LEDGER, lambda rows: hasty.read(LEDGER))


def test_schema_change(warehouse: Warehouse) -> None:
    keys = {"symbol": ["a", "a"], "session": [day(0), day(1)]}
    warehouse.replace(Whole(), {DAILY: pl.DataFrame({**keys, "roc": [1.0, 2.0]})})
    warehouse.replace(Sessions(day(1), day(1)), {DAILY: pl.DataFrame({**keys, "atr": [3.0, 4.0]})[1:]})
    seen = warehouse.read(DAILY)
    assert seen.columns == ["symbol", "session", "roc", "atr"]
    assert seen.rows() == [("a", day(0), 1.0, None), ("a", day(1), None, 4.0)]


def test_disk_full(warehouse: Warehouse) -> None:
    warehouse.replace(Whole(), warehouse_fixtures.version(1))
    too_little = warehouse.path.stat().st_size // 4
    outcome = warehouse_fixtures.outcome_of(warehouse_fixtures.write_on_a_full_disk, warehouse.path, too_little)
    assert outcome.startswith(
        f"WarehouseError: cannot write to the warehouse; what it held is unchanged\n  file: {warehouse.path}\n  cause: "
    )
    assert "File too large" in outcome
    assert version_of(warehouse) == 1
    warehouse.replace(Whole(), warehouse_fixtures.version(3))
    assert version_of(warehouse) == 3


@pytest.mark.parametrize("fresh", [True, False])
def test_read_only(warehouse: Warehouse, fresh: bool) -> None:
    folder = warehouse.path.parent
    folder.mkdir()
    if not fresh:
        warehouse.replace(Whole(), warehouse_fixtures.version(1))
        warehouse.path.chmod(0o444)
        for name in ("warehouse.duckdb.lock", "warehouse.duckdb.queue"):
            (folder / name).unlink()
    folder.chmod(0o555)
    try:
        refused = warehouse_fixtures.outcome_of(warehouse_fixtures.write_without_permission, warehouse.path)
        seen = warehouse_fixtures.outcome_of(warehouse_fixtures.read_without_permission, warehouse.path)
    finally:
        folder.chmod(0o755)
    assert refused.startswith("WarehouseError: cannot write to the warehouse")
    assert "Permission denied" in refused
    assert seen.startswith("MissingTableError") if fresh else seen == str(warehouse_fixtures.ROWS)


@pytest.mark.parametrize("content", [b"", b"garbage" * 5000])
def test_corrupt_file(warehouse: Warehouse, content: bytes) -> None:
    warehouse.path.parent.mkdir()
    warehouse.path.write_bytes(content)
    with pytest.raises(WarehouseError, match="cannot read the warehouse"):
        warehouse.read(BARS)
    with pytest.raises(WarehouseError, match="cannot write to the warehouse"):
        warehouse.replace(Whole(), {BARS: BARS.empty()})
    assert warehouse.path.read_bytes() == content


@pytest.mark.parametrize("text", ["../../x", "'; DROP TABLE market_data.bars; --", "=1+1", 'a"b', "x" * 10_000_000])
def test_hostile_input(warehouse: Warehouse, text: str) -> None:
    column = text[:50]
    frame = pl.DataFrame({"symbol": [text], "session": [day(0)], column: [1.0]})
    warehouse.replace(Whole(), {DAILY: frame})
    warehouse.replace(Rows("symbol", text), {DAILY: frame})
    seen = warehouse.read(DAILY, columns=["symbol", column], rows=Rows("symbol", text))
    assert seen.rows() == [(text, 1.0)]
    assert warehouse.unit_of_work().read(DAILY).height == 1
