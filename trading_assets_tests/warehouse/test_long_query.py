"""A query that reads for long holds up no writer, and sees what was there when it was asked."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from trading_assets.monitoring.tables import ALERTS
from trading_assets.warehouse import Warehouse
from trading_assets.warehouse.errors import TooLongError
from trading_assets.warehouse.long_query import query_aside
from trading_assets.warehouse.snapshot import can_be_copied, snapshot
from trading_assets_tests.monitoring.test_alerts import an_alert

#: Seconds of work on any machine, and then the rows of the table.
LONG = "SELECT count(*) AS rows, (SELECT sum(hash(i)) % 7 FROM range({size}) n(i)) AS work FROM monitoring.alerts"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse(tmp_path / "warehouse.duckdb", wait_seconds=5.0)
    made.append(ALERTS, an_alert("first"))
    return made


def test_a_writer_gets_through_while_a_long_query_reads(warehouse: Warehouse) -> None:
    """The writer has 5 s of patience; the query, of which 0.1 s are under the lock, ends after it, and sees one row."""
    found: list[pl.DataFrame] = []
    query = LONG.format(size=100_000_000)
    reader = threading.Thread(target=lambda: found.append(query_aside(warehouse, query, 300.0, held_seconds=0.1)))
    reader.start()
    until = time.monotonic() + 30
    while not list(warehouse.path.parent.glob(".snapshot-*/warehouse.duckdb")) and time.monotonic() < until:
        time.sleep(0.002)
    time.sleep(0.05)  # the copy of a small file is done
    warehouse.append(ALERTS, an_alert("second"))
    assert reader.is_alive(), "it wrote while the query was at it"
    reader.join()
    assert found[0]["rows"].to_list() == [1]
    assert warehouse.query("SELECT count(*) AS rows FROM monitoring.alerts")["rows"].to_list() == [2]
    assert not list(warehouse.path.parent.glob(".snapshot-*"))


def test_a_short_query_is_asked_of_the_warehouse_itself(warehouse: Warehouse) -> None:
    asked = "SELECT message FROM monitoring.alerts"
    assert query_aside(warehouse, asked).equals(warehouse.query(asked))


@pytest.mark.parametrize("held", [0.05, 5.0])
def test_a_query_is_given_up_after_its_time_copy_or_not(warehouse: Warehouse, held: float) -> None:
    with pytest.raises(TooLongError, match=r"the query was stopped after 0.3 s") as caught:
        query_aside(warehouse, LONG.format(size=2_000_000_000), 0.3, held_seconds=held)
    assert "--timeout" in str(caught.value)
    assert not list(warehouse.path.parent.glob(".snapshot-*"))


def test_the_copy_of_a_process_that_is_gone_is_removed_by_the_next(warehouse: Warehouse) -> None:
    left, unlocked, young = (warehouse.path.parent / f".snapshot-{name}" for name in ("left", "unlocked", "young"))
    for folder in (left, unlocked, young):
        folder.mkdir()
        (folder / "warehouse.duckdb").touch()
    for folder in (left, young):
        (folder / "lock").touch()
    for folder in (left, unlocked):
        os.utime(folder, (time.time() - 120, time.time() - 120))
    with snapshot(warehouse.path, 5.0) as own, snapshot(warehouse.path, 5.0) as other:
        assert not left.exists() and not unlocked.exists()
        assert young.exists(), "its process may be about to take the lock"
        assert own.exists() and other.exists(), "a copy in use stays"


def test_a_copy_that_does_not_fit_is_none_and_the_warehouse_is_asked(warehouse: Warehouse) -> None:
    """No file may grow beyond 4 KiB here, as on a disk that is full by then: the query goes on under the lock."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    query, handler = LONG.format(size=50_000_000), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"), snapshot(warehouse.path, 5.0):
            pass
        assert query_aside(warehouse, query, 60.0, held_seconds=0.02)["rows"].to_list() == [1]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_tables_in_files_are_not_copied(warehouse: Warehouse) -> None:
    assert can_be_copied(warehouse.path)
    (warehouse.path.parent / "lake").mkdir()
    assert not can_be_copied(warehouse.path)
