"""Databases of Dagster that stay open hold what its own storage writes, and others read and write them meanwhile."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG as END
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_START_TAG as START
from sqlalchemy import event
from sqlalchemy.pool import Pool

from trading_assets.event_log import BATCH_VARIABLE, OpenEventLog, OpenRunStorage, events_in_batches, open_instance

RUN = "00000000-0000-0000-0000-000000000001"
MONTHS = dg.MonthlyPartitionsDefinition(start_date="2020-01-01", end_date="2021-01-01")
SINGLE = dg.BackfillPolicy.single_run()


@dg.asset(partitions_def=MONTHS, backfill_policy=SINGLE)
def bars() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset(deps=[bars], backfill_policy=SINGLE, check_specs=[dg.AssetCheckSpec("sound", asset="sums")])
def sums() -> Iterator[Any]:
    yield dg.MaterializeResult()
    yield dg.AssetCheckResult(passed=True)


def run_in(instance: dg.DagsterInstance) -> None:
    tags = {START: "2020-01-01", END: "2020-12-01"}
    with events_in_batches():
        assert dg.materialize([bars, sums], instance=instance, tags=tags).success


def rows_of(home: Path) -> dict[str, list[list[Any]]]:
    """What is in the databases of events, without times, processes and names of runs."""
    columns = {
        "event_logs": "dagster_event_type, step_key, asset_key, partition",
        "asset_keys": "asset_key, last_materialization IS NULL, last_run_id IS NULL, wipe_timestamp",
        "asset_check_executions": "asset_key, check_name, partition, execution_status, evaluation_event_storage_id",
        "asset_event_tags": "asset_key, key, event_id",
    }
    found: dict[str, list[list[Any]]] = {table: [] for table in columns}
    for file in sorted((home / "history" / "runs").glob("*.db"), key=lambda path: path.name == "index.db"):
        with closing(sqlite3.connect(file)) as database:
            for table, names in columns.items():
                found[table].append(database.execute(f"SELECT {names} FROM {table} ORDER BY id").fetchall())
    return found


@contextmanager
def connections() -> Iterator[list[object]]:
    """Count the connections that SQLAlchemy opens meanwhile."""
    opened: list[object] = []

    def opens(connection: object, record: object) -> None:
        opened.append(record)

    event.listen(Pool, "connect", opens)
    try:
        yield opened
    finally:
        event.remove(Pool, "connect", opens)


def test_a_run_leaves_the_rows_that_dagster_s_own_storage_leaves_and_opens_few_databases(tmp_path: Path) -> None:
    own, ours = tmp_path / "own", tmp_path / "ours"
    opened = {}
    for home, open_ in ((own, lambda home: dg.DagsterInstance.from_config(str(home))), (ours, open_instance)):
        home.mkdir()
        with open_(home) as instance, connections() as made:
            run_in(instance)
            opened[home] = len(made)
    assert rows_of(ours) == rows_of(own)
    events = len(rows_of(own)["event_logs"][0])
    assert opened[own] > events > 40
    assert opened[ours] < 15


def test_a_home_that_dagster_made_goes_on_and_dagster_reads_what_was_added(tmp_path: Path) -> None:
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        run_in(instance)
    with open_instance(tmp_path) as instance:
        run_in(instance)
        assert instance.get_runs_count() == 2
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert [run.is_success for run in instance.get_runs()] == [True, True]
        newest = instance.get_runs()[0].run_id
        assert instance.get_materialized_partitions(bars.key) == set(MONTHS.get_partition_keys())
        record = instance.get_latest_materialization_event(sums.key)
        assert record is not None and record.run_id == newest


def test_others_read_what_was_stored_at_once_and_write_beside_it(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance, dg.DagsterInstance.from_config(str(tmp_path)) as other:
        for number in range(3):
            instance.report_engine_event(f"ours {number}", job_name="job", run_id=RUN)
            other.report_engine_event(f"theirs {number}", job_name="job", run_id=RUN)
            assert len(other.all_logs(RUN)) == len(instance.all_logs(RUN)) == 2 * (number + 1)
    for file in (tmp_path / "history").rglob("*.db"):
        assert not Path(f"{file}-wal").exists(), "the log is copied back when the last connection is closed"


def test_databases_with_a_log_do_not_wait_for_the_disk(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        log, runs = instance.event_log_storage, instance.run_storage
        assert isinstance(log, OpenEventLog) and isinstance(runs, OpenRunStorage)
        for connection in (log.run_connection(RUN), log.index_connection(), runs.connect()):
            with connection as opened:
                assert opened.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
                assert opened.exec_driver_sql("PRAGMA synchronous").scalar_one() == 1  # NORMAL


def test_a_batch_is_stored_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        log = instance.event_log_storage
        for number in range(2):
            instance.report_engine_event(f"{number}", job_name="job", run_id=RUN)
        stored = instance.all_logs(RUN)
        log.store_event_batch(stored)
        assert len(instance.all_logs(RUN)) == 4
        with pytest.raises(Exception, match="EventLogEntry"):
            log.store_event_batch([*stored, "no event"])  # type: ignore[list-item]
        assert len(instance.all_logs(RUN)) == 4


def test_the_databases_of_many_runs_are_not_all_open(tmp_path: Path) -> None:
    """Each takes three files; 80 runs would have 240 of them open."""
    before = len(list(Path("/dev/fd").iterdir()))
    with open_instance(tmp_path) as instance:
        runs = [f"00000000-0000-0000-0000-{number:012d}" for number in range(80)]
        for run in runs:
            instance.report_engine_event("said", job_name="job", run_id=run)
        assert [len(instance.all_logs(run)) for run in runs] == [1] * 80
        assert len(list(Path("/dev/fd").iterdir())) < before + 80


def test_threads_take_turns(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance, ThreadPoolExecutor(4) as pool:

        def report(number: int) -> None:
            instance.report_engine_event(f"{number}", job_name="job", run_id=RUN)

        list(pool.map(report, range(40)))
        assert len(instance.all_logs(RUN)) == 40


def test_a_forked_child_opens_databases_of_its_own(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        instance.report_engine_event("parent", job_name="job", run_id=RUN)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                instance.report_engine_event("child", job_name="job", run_id=RUN)
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        instance.report_engine_event("parent again", job_name="job", run_id=RUN)
        said = [entry.get_dagster_event().message for entry in instance.all_logs(RUN)]
        assert said == ["parent", "child", "parent again"]


def test_a_storage_that_the_home_names_is_used_as_it_says(tmp_path: Path) -> None:
    named = {"module": "dagster._core.storage.event_log", "class": ConsolidatedSqliteEventLogStorage.__name__}
    (tmp_path / "dagster.yaml").write_text(
        f"event_log_storage:\n  module: {named['module']}\n  class: {named['class']}\n"
        f"  config: {{base_dir: {tmp_path}}}\n"
    )
    with open_instance(tmp_path) as instance:
        assert isinstance(instance.event_log_storage, ConsolidatedSqliteEventLogStorage)


def test_the_size_of_a_batch_that_somebody_chose_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BATCH_VARIABLE, raising=False)
    with events_in_batches():
        assert int(os.environ[BATCH_VARIABLE]) > 156
    assert BATCH_VARIABLE not in os.environ
    monkeypatch.setenv(BATCH_VARIABLE, "7")
    with events_in_batches():
        assert os.environ[BATCH_VARIABLE] == "7"
    assert os.environ[BATCH_VARIABLE] == "7"
