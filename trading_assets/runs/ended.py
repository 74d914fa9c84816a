"""Runs whose process is gone, which Dagster's own launcher does not look at: they fail, with an alert.

Until somebody says that it failed, such a run is under way for ever. It takes one of the runs that the daemon starts
at a time: after so many machines that lost power, or processes that were killed with the server that started them,
nothing is started any more, and nobody says so.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable

import dagster as dg
import polars as pl

from trading_assets.config import Configuration
from trading_assets.monitoring.automation import is_of
from trading_assets.monitoring.failed_runs import alert_of_failed_run
from trading_assets.monitoring.tables import ALERTS
from trading_assets.monitoring.telling import tell
from trading_assets.runs.marked import PROCESS_TAG
from trading_assets.runs.processes import State, read_mark, spoke_at, state_of
from trading_assets.warehouse import Warehouse, WarehouseError

LOGGER = logging.getLogger(__name__)
#: Tag of a run that has been told of here: the sensor of failed runs says nothing more.
TOLD_TAG = "trading_assets/told"
#: Its value until the notifier was asked, and how long that takes at most.
_ON_RECORD, _TELLING = "on record", dt.timedelta(minutes=3)
#: Seconds that a run without a mark is left alone: it is about to leave one.
_YOUNG_SECONDS = 60.0
#: Seconds to wait for who writes to the warehouse, and of all that a tick does: the daemon waits a minute for it.
_PATIENCE, _MOST_SECONDS = 10.0, 20.0
_IN_A_PROCESS = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def end_gone_runs(
    instance: dg.DagsterInstance, configuration: Configuration, clock: Callable[[], dt.datetime] = _now
) -> list[str]:
    """Fail runs of a configuration whose process is gone, with an alert for each; return what was said of them.

    Parameters
    ----------
    instance, configuration, clock
        Where runs are recorded, whom alerts go to, and what tells the time, UTC.
    """
    said, until = [], time.monotonic() + _MOST_SECONDS
    _tell_what_was_not_told(instance, configuration, clock())
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(_IN_A_PROCESS))):
        run = record.dagster_run
        if not is_of(configuration, run):  # a home may have runs of others, whose own sensor looks at them
            continue
        if run_state(instance, run, clock()) != "gone":
            continue
        message = (
            f"the process of run {run.run_id} ({run.job_name}) is gone without a word: it was killed, ran out of "
            "memory or went down with the machine. What it had finished is kept; what it was at was not written"
        )
        again = instance.get_run_by_id(run.run_id)
        if again is None or again.is_finished:  # meanwhile it came to its end
            continue
        alert = _on_record(configuration, run, message, clock())
        if alert is not None:
            instance.add_run_tags(run.run_id, {TOLD_TAG: _ON_RECORD})
        instance.report_run_failed(run, message)
        if alert is not None:  # last: a webhook that hangs keeps no place taken
            _notify(instance, configuration, run.run_id, alert)
        said.append(message)
        if time.monotonic() > until:
            break
    return said


def _notify(instance: dg.DagsterInstance, configuration: Configuration, run_id: str, alert: pl.DataFrame) -> None:
    warehouse = Warehouse(configuration.warehouse_path, wait_seconds=_PATIENCE)
    try:
        told, now = alert.filter(pl.col("told")), _now().replace(tzinfo=None)
        tell(warehouse, told, configuration.notifier, now, time.monotonic() + _MOST_SECONDS)
    except WarehouseError as error:
        LOGGER.warning("%s", error)
        return  # whether somebody heard it could not be noted: it is told again
    instance.add_run_tags(run_id, {TOLD_TAG: "true"})


def _tell_what_was_not_told(instance: dg.DagsterInstance, configuration: Configuration, now: dt.datetime) -> None:
    """Tell of runs whose alert is on record, and whose teller was killed before a person heard of it."""
    told = dg.RunsFilter(tags={TOLD_TAG: _ON_RECORD}, updated_before=now - _TELLING)
    for run in instance.get_runs(told):
        if not is_of(configuration, run):
            continue
        try:
            warehouse = Warehouse(configuration.warehouse_path, wait_seconds=_PATIENCE)
            alert = warehouse.read_or_empty(ALERTS, where="run_id = ?", parameters=[run.run_id]).head(1)
        except WarehouseError as error:
            LOGGER.warning("%s", error)
            return
        _notify(instance, configuration, run.run_id, alert)


def run_state(instance: dg.DagsterInstance, run: dg.DagsterRun, now: dt.datetime) -> State:
    """Return whether the process of a run is alive, by its mark, else by what it has said.

    Parameters
    ----------
    instance, run, now
        Where the run is recorded, the run, and the time, UTC.
    """
    mark = read_mark(run.tags.get(PROCESS_TAG, ""))
    if mark is not None:
        return state_of(mark)
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        number = event.engine_event_data.metadata.get("pid") if event is not None else None
        if number is not None and str(number.value).isdigit():
            if now.timestamp() - entry.timestamp < _YOUNG_SECONDS:
                return "unknown"
            return spoke_at(int(str(number.value)), entry.timestamp)
    return "unknown"


def _on_record(configuration: Configuration, run: dg.DagsterRun, message: str, now: dt.datetime) -> pl.DataFrame | None:
    """The alert, on record; None: nobody is told, or it cannot be written now, and the sensor of failed runs tells."""
    at = now.replace(tzinfo=None)
    alert = alert_of_failed_run(configuration, job=run.job_name, run_id=run.run_id, message=message, now=at)
    if alert.is_empty():
        return None
    try:
        Warehouse(configuration.warehouse_path, wait_seconds=_PATIENCE).append(ALERTS, alert)
    except WarehouseError as error:
        LOGGER.warning("%s", error)
        return None
    return alert
