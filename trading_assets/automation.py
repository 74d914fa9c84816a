"""What runs by itself: jobs, schedules, sensors. They read Dagster's record; alert rules read the warehouse, too."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator, Sequence

import dagster as dg

from trading_assets.asset_factories.partitions import monthly_partitions, range_tags
from trading_assets.config import Configuration
from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.lifecycle import automation as lifecycle
from trading_assets.market_data.calendars import ALWAYS, CalendarError, facts_of
from trading_assets.market_data.deliveries import first_to_read
from trading_assets.monitoring import automation as monitoring
from trading_assets.monitoring.failed_runs import alert_of_failed_run
from trading_assets.monitoring.tables import ALERTS
from trading_assets.monitoring.telling import tell
from trading_assets.runs import automation as runs
from trading_assets.runs.ended import TOLD_TAG, run_state
from trading_assets.trading import automation as trading
from trading_assets.warehouse import Warehouse

EVERYTHING = "everything"
DAILY_UPDATE = "daily_update"
RETRAIN = "retrain"
_AUTO = "auto"
_AFTER_MIDNIGHT, _AFTER_CLOSE = dt.timedelta(minutes=10), dt.timedelta(minutes=90)
_MINUTES_OF_A_DAY = 24 * 60
#: Of telling: the daemon waits a minute for a sensor.
_TELLING_SECONDS = 20.0
DRIFT_ASSET = dg.AssetKey(["monitoring", "drift"])
LIVE_QUALITY_ASSET = dg.AssetKey(["models", "live_quality"])


def build_jobs(configuration: Configuration) -> list[dg.JobDefinition | dg.UnresolvedAssetJobDefinition]:
    """Return the jobs: all assets, those for one month, models and what follows, running accounts, what is old."""
    tags = {CONFIGURATION_TAG: configuration.name}
    return [
        dg.define_asset_job(
            EVERYTHING,
            selection="*",
            description="Every stage, from bars to reports.",
            tags=tags | configuration.runs.tags(EVERYTHING),
        ),
        dg.define_asset_job(
            DAILY_UPDATE,
            selection="*",
            description="Every stage, for the newest month.",
            tags=tags | configuration.runs.tags(DAILY_UPDATE),
        ),
        dg.define_asset_job(
            RETRAIN,
            selection=dg.AssetSelection.groups("models").downstream(),
            description="Models, and all that follows from their scores.",
            tags=tags | configuration.runs.tags(RETRAIN),
        ),
        *trading.build_jobs(configuration),
        lifecycle.build_job(configuration),
    ]


def build_schedules(configuration: Configuration) -> list[dg.ScheduleDefinition]:
    """Return the schedules: the newest month every day, models and what is old once a week, accounts by markets."""
    partitions = monthly_partitions(configuration)
    settings = configuration.schedules
    crons = daily_crons(of_calendars(configuration)) if settings.daily == _AUTO else [settings.daily]

    @dg.schedule(
        name="daily_update",
        cron_schedule=crons if len(crons) > 1 else crons[0],
        job_name=DAILY_UPDATE,
        execution_timezone="UTC" if settings.daily == _AUTO else settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Materialises every stage for the month of the newest session that is over.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        moment = context.scheduled_execution_time
        over = newest_day_over(of_calendars(configuration), moment.astimezone(dt.UTC).replace(tzinfo=None))
        # What is over at 00:10 on the first of a month belongs to the month before.
        with dg.partition_loading_context(dt.datetime.combine(over, dt.time(), dt.UTC)):
            newest = partitions.get_last_partition_key()
        if newest is None:
            return dg.SkipReason(f"no month has begun since {configuration.start}")
        if configuration.as_of is not None and over > configuration.as_of:
            return dg.SkipReason(f"as_of is fixed at {configuration.as_of}: nothing newer will be used")
        tick = moment.date() if len(crons) == 1 else f"{moment:%Y-%m-%dT%H:%M}"
        first = first_to_read(configuration, newest)
        if first == newest:
            return dg.RunRequest(run_key=f"daily-{tick}", partition_key=newest)
        return dg.RunRequest(run_key=f"daily-{tick}", tags=range_tags(first, newest))

    weekly = dg.ScheduleDefinition(
        name="weekly_retrain",
        cron_schedule=settings.weekly_retrain,
        job_name=RETRAIN,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Trains the models again and recomputes what follows from their scores.",
    )
    return [daily, weekly, *trading.build_schedules(configuration), lifecycle.build_schedule(configuration)]


def of_calendars(configuration: Configuration) -> list[str]:
    """Return the calendars of all sources, each once; New York's for names that are none, which a run refuses."""
    found = set()
    for name in {source.calendar for source in configuration.market_data}:
        try:
            facts_of(name)
            found.add(name)
        except CalendarError:
            found.add("XNYS")
    return sorted(found)


def daily_crons(of: Sequence[str]) -> list[str]:
    """When the newest sessions of these calendars are over and delivered, as cron expressions in UTC.

    Ten minutes after the end of the day for `24/7`; after an exchange's latest close of the year 90 minutes, in which
    vendors put their bars right, on the days of its sessions.
    """
    crons = set()
    for calendar in of:
        facts = facts_of(calendar)
        at = facts.over_after + (_AFTER_MIDNIGHT if calendar == ALWAYS else _AFTER_CLOSE)
        minutes = int(at.total_seconds()) // 60
        crons.add((minutes % _MINUTES_OF_A_DAY, facts.cron_days(at.days)))
    return [f"{minutes % 60} {minutes // 60} * * {days}" for minutes, days in sorted(crons)]


def newest_day_over(of: Sequence[str], moment: dt.datetime) -> dt.date:
    """Return the last date of which a session of these calendars is over at `moment` (UTC), whatever the season."""
    return max((moment - facts_of(calendar).over_after).date() for calendar in of)


def build_sensors(configuration: Configuration) -> list[dg.SensorDefinition]:
    """Retrain when drift of features or of losses begins; alert when a run fails; late bars; gone and old runs."""
    return [
        _drift_sensor("feature_drift", DRIFT_ASSET, "the features go from not drifting to drifting"),
        _drift_sensor("loss_drift", LIVE_QUALITY_ASSET, "the losses of a model begin to be larger than before"),
        _failure_sensor(configuration),
        *monitoring.build_sensors(configuration, DAILY_UPDATE, process_of=run_state),
        *trading.build_sensors(configuration),
        *runs.build_sensors(configuration),
    ]


def _drift_sensor(name: str, asset: dg.AssetKey, event: str) -> dg.SensorDefinition:
    reason = name.replace("_", " ")

    @dg.sensor(
        name=name,
        job_name=RETRAIN,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Requests one retraining each time {event}.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        seen = json.loads(context.cursor or '{"storage_id": 0, "in_alarm": []}')
        records = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=asset, after_storage_id=seen["storage_id"]),
            limit=100,
            ascending=True,
        ).records
        if not records:
            return dg.SkipReason(f"no new measurement of {reason}")
        requests = []
        for record in records:
            in_alarm = _in_alarm(record)
            # A cursor of an earlier version says whether there was any alarm, not whose.
            before = in_alarm if seen.get("drifting") else seen.get("in_alarm", [])
            if not set(in_alarm) <= set(before):
                requests.append(dg.RunRequest(run_key=f"{name}-{record.storage_id}", tags={"reason": reason}))
            seen = {"storage_id": record.storage_id, "in_alarm": in_alarm}
        return dg.SensorResult(run_requests=requests, cursor=json.dumps(seen))

    return sensor


def _in_alarm(record: dg.EventLogRecord) -> list[str]:
    """Return whose alarm a measurement has: names of models, or `features`.

    A model may be in alarm for months, as one that was taken back: another one's alarm is an event all the same.
    """
    materialisation = record.asset_materialization
    metadata = materialisation.metadata if materialisation else {}
    event, named = (metadata.get(key) for key in ("drift_event", "in_alarm"))
    if event is None or not event.value:
        return []
    return str(named.value).split(", ") if named is not None else ["features"]


def _failure_sensor(configuration: Configuration) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="run_failed",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Writes an alert and tells the notifier.",
    )
    def sensor(context: dg.RunFailureSensorContext) -> None:
        run, now = context.dagster_run, dt.datetime.now(dt.UTC).replace(tzinfo=None)
        if TOLD_TAG in run.tags:
            return
        said = _failure_message(context)
        alert = alert_of_failed_run(configuration, job=run.job_name, run_id=run.run_id, message=said, now=now)
        if alert.is_empty():  # its rule is switched off
            return
        warehouse = Warehouse(configuration.warehouse_path)
        warehouse.append(ALERTS, alert)
        tell(warehouse, alert.filter("told"), configuration.notifier, now, time.monotonic() + _TELLING_SECONDS)

    return sensor


def _failure_message(context: dg.RunFailureSensorContext) -> str:
    return "; ".join(_step_failures(context)) or context.failure_event.message or "the run failed"


def _step_failures(context: dg.RunFailureSensorContext) -> Iterator[str]:
    for event in context.get_step_failure_events():
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        yield f"{event.step_key}: {error.message.strip() if error else event.message}"
