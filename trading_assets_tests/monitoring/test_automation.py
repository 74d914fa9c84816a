"""The daemon's look, through the sensor as it is shipped, on an instance with real runs and checks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from trading_assets.asset_factories.table_asset import RERUN_TAG
from trading_assets.config import Configuration
from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.monitoring.automation import build_sensors, situation_of
from trading_assets.monitoring.tables import ALERTS
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
        ("run_failed", "raised", JOB),
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


def test_times_of_runs_are_utc(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    configuration = configured(tmp_path)
    before = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    run(instance, definitions(passes=True, fails=False, configuration=configuration))
    [fact] = situation_of(configuration, instance, NOW, []).runs
    assert fact.state == "SUCCESS" and fact.started_at is not None and fact.ended_at is not None
    assert before <= fact.started_at <= fact.ended_at <= before + dt.timedelta(minutes=10)
