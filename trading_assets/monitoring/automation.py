"""The daemon's look at how things are, and Dagster's record as the plain values that rules look at."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from trading_assets.asset_factories.partitions import RANGE_END_TAG, RANGE_START_TAG
from trading_assets.asset_factories.table_asset import CONFIG_HASH_TAG, RERUN_TAG
from trading_assets.config import Configuration
from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.monitoring.health import DaemonFact
from trading_assets.monitoring.look import look_and_tell
from trading_assets.monitoring.rules.situation import CheckFact, RunFact, Situation
from trading_assets.warehouse import Warehouse

SENSOR = "alert_rules"
_RUNS, _EVALUATIONS = 200, 20


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def build_sensors(
    configuration: Configuration, rerun_job: str, clock: Callable[[], dt.datetime] = _now
) -> list[dg.SensorDefinition]:
    """Return the sensor that asks the rules, and makes a failed daily run once more where a rule says so.

    Parameters
    ----------
    configuration, rerun_job
        Configuration, and the job whose failed runs may be made once more.
    clock
        What tells the time, UTC.
    """

    @dg.sensor(
        name=SENSOR,
        job_name=rerun_job,
        minimum_interval_seconds=60 * configuration.alerts.every_minutes,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks the rules of alerts; what is wrong goes on record, and a person is told once.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        checks = _check_keys(context.repository_def)
        requests: dict[str, dg.RunRequest] = {}

        def may_rerun(run_id: str) -> bool:
            request = _once_more(context.instance, run_id, rerun_job)
            if request is not None:
                requests[run_id] = request
            return request is not None

        looked = look_and_tell(situation_of(configuration, context.instance, clock(), checks), may_rerun)
        if requests:
            return dg.SensorResult(run_requests=list(requests.values()))
        raised = looked.events.filter(state="raised").height
        return dg.SkipReason(f"{raised} new alerts" if raised else "nothing new is wrong")

    return [sensor]


def situation_of(
    configuration: Configuration, instance: dg.DagsterInstance, now: dt.datetime, checks: Iterable[dg.AssetCheckKey]
) -> Situation:
    """Return how things are, by the warehouse and Dagster's record.

    Parameters
    ----------
    configuration, instance
        Configuration, and the instance that has its runs.
    now, checks
        Time, UTC, and the checks of the configuration.
    """
    records = [each for each in instance.get_run_records(limit=_RUNS) if is_of(configuration, each.dagster_run)]
    runs = [
        RunFact(
            each.dagster_run.run_id,
            each.dagster_run.job_name,
            each.dagster_run.status.value,
            _time(each.start_time),
            _time(each.end_time),
        )
        for each in records
    ]
    return Situation(
        configuration,
        Warehouse(configuration.warehouse_path),
        now,
        runs,
        list(_not_passed(instance, list(checks), {each.run_id for each in runs})),
    )


def daemon_of(instance: dg.DagsterInstance) -> DaemonFact:
    """Return what an instance knows of its daemon: signs of life, and what somebody has switched off."""
    beats = {name: _time(each.timestamp) for name, each in instance.get_daemon_heartbeats().items()}
    stopped = [
        each.origin.instigator_name for each in instance.all_instigator_state() if each.status.value == "STOPPED"
    ]
    return DaemonFact({name: at for name, at in beats.items() if at is not None}, stopped)


def _check_keys(repository: dg.RepositoryDefinition | None) -> Collection[dg.AssetCheckKey]:
    return () if repository is None else repository.asset_graph.asset_check_keys


def is_of(configuration: Configuration, run: dg.DagsterRun) -> bool:
    """Whether a run is of a configuration: by its tag, or, of one without, by the hash that its first step left."""
    named = run.tags.get(CONFIGURATION_TAG)
    return named == configuration.name if named else run.tags.get(CONFIG_HASH_TAG) == configuration.hash


def _not_passed(
    instance: dg.DagsterInstance, keys: list[dg.AssetCheckKey], runs: Collection[str]
) -> Iterable[CheckFact]:
    """Yield the checks whose last evaluation in runs of the configuration did not pass."""
    storage = instance.event_log_storage
    for key, summary in storage.get_asset_check_summary_records(keys).items() if keys else ():
        found = _evaluated(summary.last_check_execution_record, runs)
        if found is None and summary.last_check_execution_record is not None:
            # The newest one is of another configuration, or of a run that did not come to it.
            history = storage.get_asset_check_execution_history(key, limit=_EVALUATIONS)
            found = next((each for record in history if (each := _evaluated(record, runs)) is not None), None)
        if found is None:
            continue
        if not found.passed:
            detail = found.metadata.get("error")
            said = str(detail.value).splitlines()[0] if detail is not None and detail.value else ""
            is_error = found.severity == dg.AssetCheckSeverity.ERROR
            yield CheckFact(f"{key.asset_key.to_user_string()} {key.name}", is_error, said)


def _evaluated(record: AssetCheckExecutionRecord | None, runs: Collection[str]) -> dg.AssetCheckEvaluation | None:
    """The evaluation of a record; None if there is none yet, or it is of other runs."""
    event = record.event.dagster_event if record is not None and record.event is not None else None
    if record is None or record.run_id not in runs or event is None:
        return None
    is_evaluation = event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    return event.asset_check_evaluation_data if is_evaluation else None


def _once_more(instance: dg.DagsterInstance, run_id: str, job: str) -> dg.RunRequest | None:
    """What asks for a failed run once more; none of another job, or of one that was such a run itself."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.job_name != job or RERUN_TAG in run.tags:
        return None
    partition = run.tags.get("dagster/partition")
    tags = {name: run.tags[name] for name in (RANGE_START_TAG, RANGE_END_TAG) if name in run.tags}
    return dg.RunRequest(run_key=f"rerun-{run_id}", partition_key=partition, tags={RERUN_TAG: run_id} | tags)


def _time(seconds: float | None) -> dt.datetime | None:
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=None)
