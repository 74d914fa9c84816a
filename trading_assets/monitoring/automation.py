"""The daemon's look at how things are, and Dagster's record as the plain values that rules look at."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterable

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from trading_assets.asset_factories.partitions import RANGE_END_TAG, RANGE_START_TAG
from trading_assets.asset_factories.table_asset import CONFIG_HASH_TAG, RERUN_TAG
from trading_assets.config import Configuration
from trading_assets.config.redaction import secrets_of
from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.monitoring.alerts import alert, notify
from trading_assets.monitoring.health import DaemonFact
from trading_assets.monitoring.look import look_and_tell
from trading_assets.monitoring.rules.situation import CheckFact, RunFact, Situation
from trading_assets.warehouse import LockedError, Warehouse, WarehouseError

SENSOR = "alert_rules"
#: Says of a run that is under way, at a time (UTC), whether its process is alive, gone or unknown.
ProcessOf = Callable[[dg.DagsterInstance, dg.DagsterRun, dt.datetime], str]
_IN_A_PROCESS = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
_RUNS, _EVALUATIONS = 200, 20
#: Seconds that a look waits for who writes, and that it takes to tell: the daemon waits a minute for it.
_PATIENCE, _MOST_SECONDS = 2.0, 20.0
#: After which it is told that somebody holds the warehouse: no run does for so long.
_LOCKED = dt.timedelta(minutes=30)
#: After which it is told again that nothing can be looked at.
_AGAIN = dt.timedelta(days=1)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def build_sensors(
    configuration: Configuration,
    rerun_job: str,
    clock: Callable[[], dt.datetime] = _now,
    process_of: ProcessOf | None = None,
) -> list[dg.SensorDefinition]:
    """Return the sensor that asks the rules, and makes a failed daily run once more where a rule says so.

    Parameters
    ----------
    configuration, rerun_job
        Configuration, and the job whose failed runs may be made once more.
    clock, process_of
        What tells the time, UTC, and of a run whether its process can be seen.
    """

    @dg.sensor(
        name=SENSOR,
        job_name=rerun_job,
        minimum_interval_seconds=60 * configuration.alerts.every_minutes,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks the rules of alerts; what is wrong goes on record, and a person is told once.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        checks, jobs = _parts_of(context.repository_def)
        requests: dict[str, dg.RunRequest] = {}

        def may_rerun(run_id: str) -> bool:
            request = _once_more(context.instance, run_id, rerun_job)
            if request is not None:
                requests[run_id] = request
            return request is not None

        now = clock()
        situation = situation_of(configuration, context.instance, now, checks, jobs, process_of)
        try:
            looked = look_and_tell(situation, may_rerun, seconds=_MOST_SECONDS)
        except WarehouseError as error:
            after = _LOCKED if isinstance(error, LockedError) else dt.timedelta()
            context.update_cursor(_of_no_look(configuration, context.cursor, now, str(error), after))
            return dg.SkipReason(f"nothing could be looked at: {' '.join(str(error).split())}")
        context.update_cursor("")
        if requests:
            return dg.SensorResult(run_requests=list(requests.values()))
        raised = looked.events.filter(state="raised").height
        return dg.SkipReason(f"{raised} new alerts" if raised else "nothing new is wrong")

    return [sensor]


def _of_no_look(
    configuration: Configuration, cursor: str | None, now: dt.datetime, error: str, after: dt.timedelta
) -> str:
    """Tell once a day that nothing can be looked at, which no record can say; return the cursor of that."""
    since, _, told = (cursor or "").partition(" ")
    since = since or now.isoformat()
    is_due = not told or now - dt.datetime.fromisoformat(told) >= _AGAIN
    if is_due and now - dt.datetime.fromisoformat(since) >= after:
        said = f"since {since[:16].replace('T', ' ')} UTC no rule could be looked at: {' '.join(error.split())}"
        row = alert(
            raised_at=now, severity="error", source="alert rules", message=said, secrets=secrets_of(configuration)
        )
        if notify(row, configuration.notifier, until=time.monotonic() + _MOST_SECONDS):
            told = now.isoformat()
    return f"{since} {told}".strip()


def situation_of(
    configuration: Configuration,
    instance: dg.DagsterInstance,
    now: dt.datetime,
    checks: Iterable[dg.AssetCheckKey] = (),
    jobs: Iterable[str] = (),
    process_of: ProcessOf | None = None,
) -> Situation:
    """Return how things are, by the warehouse and Dagster's record.

    Parameters
    ----------
    configuration, instance
        Configuration, and the instance that has its runs.
    now, checks
        Time, UTC, and the checks of the configuration.
    jobs
        Its jobs, whose last runs are looked up however many runs of others came after them.
    process_of
        What says of a run whether its process can be seen; None: nothing is said of that.
    """
    runs = [_fact(each) for each in _records(configuration, instance, jobs)]
    unseen = []
    if process_of is not None:
        at, filters = now.replace(tzinfo=dt.UTC), dg.RunsFilter(statuses=list(_IN_A_PROCESS))
        unseen = [
            _fact(each)
            for each in instance.get_run_records(filters)
            if process_of(instance, each.dagster_run, at) == "unknown"
        ]
    return Situation(
        configuration,
        Warehouse(configuration.warehouse_path, wait_seconds=_PATIENCE),
        now,
        runs,
        list(_not_passed(instance, list(checks), {each.run_id for each in runs})),
        unseen,
    )


def _fact(record: dg.RunRecord) -> RunFact:
    run, asked = record.dagster_run, record.create_timestamp
    return RunFact(
        run.run_id,
        run.job_name,
        run.status.value,
        _time(record.start_time),
        _time(record.end_time),
        _time(asked.replace(tzinfo=asked.tzinfo or dt.UTC).timestamp()),
    )


def _records(configuration: Configuration, instance: dg.DagsterInstance, jobs: Iterable[str]) -> list[dg.RunRecord]:
    """The newest runs of a configuration, and of each job the last one that ended: the newest first."""
    found: dict[int, dg.RunRecord] = {}
    of_ours = ({CONFIGURATION_TAG: configuration.name}, {CONFIG_HASH_TAG: configuration.hash})

    def add(filters: dg.RunsFilter, limit: int) -> None:
        records = instance.get_run_records(filters, limit=limit)
        found.update({each.storage_id: each for each in records if is_of(configuration, each.dagster_run)})

    for tags in of_ours:
        add(dg.RunsFilter(tags=tags), _RUNS)
    named = {*jobs, *(each.dagster_run.job_name for each in found.values())}
    ended = {each.dagster_run.job_name for each in found.values() if each.dagster_run.status in _ENDED}
    for job in sorted(named - ended):
        for tags in of_ours:
            add(dg.RunsFilter(job_name=job, tags=tags, statuses=list(_ENDED)), 1)
    return [found[number] for number in sorted(found, reverse=True)]


def daemon_of(instance: dg.DagsterInstance) -> DaemonFact:
    """Return what an instance knows of its daemon: signs of life, and what somebody has switched off."""
    beats = {name: _time(each.timestamp) for name, each in instance.get_daemon_heartbeats().items()}
    stopped = [
        each.origin.instigator_name for each in instance.all_instigator_state() if each.status.value == "STOPPED"
    ]
    known = {name: at for name, at in beats.items() if at is not None}
    return DaemonFact(known, stopped, list(instance.get_required_daemon_types()))


def _parts_of(repository: dg.RepositoryDefinition | None) -> tuple[Collection[dg.AssetCheckKey], Collection[str]]:
    """The checks and the jobs of the definitions."""
    return ((), ()) if repository is None else (repository.asset_graph.asset_check_keys, repository.job_names)


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
    """What asks for a failed run once more; none of another job, of one that was such a run itself, or had one."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.job_name != job or RERUN_TAG in run.tags:
        return None
    if instance.get_runs(dg.RunsFilter(tags={RERUN_TAG: run_id}), limit=1):
        return None
    partition = run.tags.get("dagster/partition")
    tags = {name: run.tags[name] for name in (RANGE_START_TAG, RANGE_END_TAG) if name in run.tags}
    return dg.RunRequest(run_key=f"rerun-{run_id}", partition_key=partition, tags={RERUN_TAG: run_id} | tags)


def _time(seconds: float | None) -> dt.datetime | None:
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=None)
