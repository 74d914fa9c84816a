"""The daemon's look, through the sensor as it is shipped, on an instance with real runs and checks."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.utils import make_new_run_id

from trading_assets.asset_factories.table_asset import CONFIG_HASH_TAG, RERUN_TAG
from trading_assets.config import Configuration
from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.monitoring.automation import build_sensors, situation_of
from trading_assets.monitoring.tables import ALERTS
from trading_assets.runs.ended import run_state
from trading_assets.runs.marked import PROCESS_TAG
from trading_assets.runs.processes import this_process
from trading_assets.warehouse import Warehouse
from trading_assets_tests.monitoring.rules.situations import NOW, configured

JOB = "daily_update"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def definitions(passes: bool, fails: bool, configuration: Configuration) -> dg.Definitions:
    """One asset with one check, as a job of the configuration."""

    @dg.asset
    def bars() -> None:
        if fails:
            raise ValueError("the vendor sent nothing")

    @dg.asset_check(asset=bars)
    def coverage() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=passes, severity=dg.AssetCheckSeverity.WARN, metadata={"error": "3 gaps"})

    job = dg.define_asset_job(JOB, selection="*", tags={CONFIGURATION_TAG: configuration.name})
    return dg.Definitions(assets=[bars], asset_checks=[coverage], jobs=[job])


def run(instance: dg.DagsterInstance, of: dg.Definitions) -> str:
    job = of.resolve_job_def(JOB)
    return job.execute_in_process(instance=instance, raise_on_error=False).run_id


def tick(configuration: Configuration, instance: dg.DagsterInstance, of: dg.Definitions) -> dg.SensorExecutionData:
    [sensor] = build_sensors(configuration, JOB, lambda: NOW)
    with dg.build_sensor_context(instance=instance, definitions=of) as context:
        return sensor.evaluate_tick(context)


def test_a_run_without_trouble_raises_nothing_and_writes_nothing(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    configuration = configured(tmp_path, alerts={"rules": {"disk": {"enabled": False}}})
    of = definitions(passes=True, fails=False, configuration=configuration)
    run(instance, of)
    assert tick(configuration, instance, of).skip_message == "nothing new is wrong"
    assert not configuration.warehouse_path.exists()


def test_a_failed_run_and_a_check_are_alerts_until_they_are_over(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    rules = {"disk": {"enabled": False}, "run_failed": {"response": "rerun"}}
    configuration = configured(tmp_path, alerts={"rules": rules})
    bad = definitions(passes=False, fails=False, configuration=configuration)
    run(instance, bad)
    broken = run(instance, definitions(passes=True, fails=True, configuration=configuration))
    found = tick(configuration, instance, bad)
    [request] = found.run_requests or []
    assert (request.run_key, request.tags[RERUN_TAG]) == (f"rerun-{broken}", broken)
    warehouse = Warehouse(configuration.warehouse_path)
    rows = warehouse.read(ALERTS).sort("rule", maintain_order=True)
    assert rows.select("rule", "state", "subject").rows() == [
        ("check_warned", "raised", "bars coverage"),
        ("check_warned", "told", "bars coverage"),
        ("run_failed", "raised", JOB),
        ("run_failed", "told", JOB),
        ("run_failed", "answered", JOB),
    ]
    assert rows["message"][0].startswith("check bars coverage did not pass: 3 gaps [")
    good = definitions(passes=True, fails=False, configuration=configuration)
    run(instance, good)
    assert tick(configuration, instance, good).run_requests == []
    assert set(warehouse.read(ALERTS).filter(state="resolved")["rule"]) == {"check_warned", "run_failed"}


def test_runs_and_checks_of_another_configuration_are_not_ours(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    ours, theirs = configured(tmp_path), configured(tmp_path, name="theirs")
    of = definitions(passes=True, fails=False, configuration=ours)
    own = run(instance, of)
    other = definitions(passes=False, fails=False, configuration=theirs)
    run(instance, other)
    keys = other.resolve_asset_graph().asset_check_keys
    assert [each.run_id for each in situation_of(ours, instance, NOW, keys).runs] == [own]
    assert list(situation_of(ours, instance, NOW, keys).checks) == []
    assert [each.check for each in situation_of(theirs, instance, NOW, keys).checks] == ["bars coverage"]


def recorded(instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus, **tags: str) -> None:
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "ours"), job)
    instance.add_run(
        dg.DagsterRun(job_name=job, run_id=make_new_run_id(), status=status, tags=tags, remote_job_origin=origin)
    )


def test_a_failed_job_does_not_scroll_away_behind_runs_of_others(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    """Weekly training failed; since then another configuration ran 210 times, and ours another job as often."""
    ours, by = configured(tmp_path), CONFIGURATION_TAG
    recorded(instance, "retrain", dg.DagsterRunStatus.FAILURE, **{by: ours.name})
    for _ in range(210):
        recorded(instance, "everything", dg.DagsterRunStatus.SUCCESS, **{by: "theirs"})
        recorded(instance, "trading_after_close", dg.DagsterRunStatus.SUCCESS, **{by: ours.name})
    runs = situation_of(ours, instance, NOW, jobs=["retrain", JOB]).runs
    assert (runs[0].job, runs[-1].job, runs[-1].state) == ("trading_after_close", "retrain", "FAILURE")
    assert {each.job for each in runs} == {"trading_after_close", "retrain"}
    recorded(instance, "retrain", dg.DagsterRunStatus.SUCCESS, **{CONFIG_HASH_TAG: ours.hash})
    first = situation_of(ours, instance, NOW, jobs=["retrain"]).runs[0]
    assert (first.job, first.state) == ("retrain", "SUCCESS"), "asked for in the UI, before it had a name"


def test_a_run_of_another_machine_that_holds_up_the_queue_is_an_alert(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """One whose process is alive here holds it up, too, and is none."""
    ours = configured(tmp_path, alerts={"rules": {"disk": {"enabled": False}}})
    later, by = dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(hours=2), {CONFIGURATION_TAG: ours.name}
    recorded(instance, JOB, dg.DagsterRunStatus.QUEUED, **by)
    here, elsewhere = str(this_process()), str(this_process()._replace(place="another"))
    recorded(instance, "everything", dg.DagsterRunStatus.STARTED, **{PROCESS_TAG: here, CONFIGURATION_TAG: "theirs"})
    [sensor] = build_sensors(ours, JOB, lambda: later, run_state)

    def look() -> list[tuple[object, ...]]:
        with dg.build_sensor_context(instance=instance) as context:
            sensor.evaluate_tick(context)
        if not ours.warehouse_path.exists():
            return []
        return Warehouse(ours.warehouse_path).read(ALERTS).select("rule", "state", "severity").rows()

    assert look() == []
    recorded(instance, "everything", dg.DagsterRunStatus.STARTED, **{PROCESS_TAG: elsewhere})
    assert look() == [("run_unseen", "raised", "error"), ("run_unseen", "told", "error")]


def test_a_warehouse_that_is_held_for_long_is_told_once(
    tmp_path: Path, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    """No record can say so; a run that writes holds it for seconds."""
    configuration = configured(tmp_path, alerts={"rules": {"disk": {"enabled": False}}})
    warehouse = Warehouse(configuration.warehouse_path)
    warehouse.append(ALERTS, ALERTS.empty())
    times = iter([NOW, NOW + dt.timedelta(minutes=31), NOW + dt.timedelta(minutes=36)])
    [sensor] = build_sensors(configuration, JOB, lambda: next(times))
    cursor, hold = None, f"import duckdb, sys; held = duckdb.connect({str(warehouse.path)!r}); print(flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{hold}; sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin is not None and other.stdout is not None
        other.stdout.readline()
        told = []
        for _ in range(3):
            with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
                found = sensor.evaluate_tick(context)
            cursor = found.cursor
            assert "in use" in (found.skip_message or "")
            told.append(sum("no rule could be looked at" in each for each in caplog.messages))
        other.stdin.close()
    assert told == [0, 1, 1] and cursor == f"{NOW.isoformat()} {(NOW + dt.timedelta(minutes=31)).isoformat()}"


def test_a_damaged_warehouse_is_told_at_once_and_once_a_day(
    tmp_path: Path, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    """Alerts are kept in it: without it nobody would be called."""
    configuration = configured(tmp_path, alerts={"rules": {"disk": {"enabled": False}}})
    warehouse = Warehouse(configuration.warehouse_path)
    warehouse.append(ALERTS, ALERTS.empty())
    whole = warehouse.path.read_bytes()
    warehouse.path.write_bytes(b"no database" * 1000)
    passed = [dt.timedelta(hours=hours) for hours in (0, 8, 24, 25)]
    times = iter([NOW + each for each in passed])
    [sensor] = build_sensors(configuration, JOB, lambda: next(times))
    cursor, told = None, []
    for place in range(4):
        if place == 3:
            warehouse.path.write_bytes(whole)
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            found = sensor.evaluate_tick(context)
        cursor = found.cursor
        told.append(sum("no rule could be looked at" in each for each in caplog.messages))
    assert told == [1, 1, 2, 2]
    assert (cursor, found.skip_message) == ("", "nothing new is wrong")


def test_times_of_runs_are_utc(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    configuration = configured(tmp_path)
    before = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    run(instance, definitions(passes=True, fails=False, configuration=configuration))
    [fact] = situation_of(configuration, instance, NOW, []).runs
    assert fact.state == "SUCCESS" and fact.started_at is not None and fact.ended_at is not None
    assert before <= fact.started_at <= fact.ended_at <= before + dt.timedelta(minutes=10)
