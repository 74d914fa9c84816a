"""Runs that are old, and that nothing on record rests on, are removed with their events and logs."""

from __future__ import annotations

import datetime as dt
import logging
from contextlib import suppress
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage, SqlEventLogStorageTable
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from sqlalchemy import delete, func, select

from trading_assets.config import Configuration
from trading_assets.monitoring.automation import is_of

LOGGER = logging.getLogger(__name__)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_OF_ASSETS = [dg.DagsterEventType.ASSET_MATERIALIZATION.value, dg.DagsterEventType.ASSET_OBSERVATION.value]


def remove_old_runs(
    instance: dg.DagsterInstance, configuration: Configuration, now: dt.datetime, most: int
) -> list[str]:
    """Remove runs of a configuration that ended long ago, the oldest first; return their ids.

    A run stays as long as an asset, a month of one, or a check was last made by it: the UI, and sensors, know what is
    there by the last event of each.

    Parameters
    ----------
    instance
        Where runs are recorded.
    configuration
        Its `runs.keep_days` are the days since the last word of a run. A home may have runs of others: they stay.
    now
        UTC.
    most
        Runs that are removed at a time.
    """
    storage = instance.event_log_storage
    removed = old_runs(instance, configuration, now)[:most]
    for run_id in removed:
        assert isinstance(storage, SqlEventLogStorage)
        _remove(instance, storage, run_id)
    return removed


def old_runs(instance: dg.DagsterInstance, configuration: Configuration, now: dt.datetime) -> list[str]:
    """Return the ids of the runs that `remove_old_runs` may remove, the oldest first.

    Parameters
    ----------
    instance, configuration, now
        See `remove_old_runs`.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return []
    before = now - dt.timedelta(days=configuration.runs.keep_days)
    old = instance.get_run_records(
        dg.RunsFilter(statuses=_ENDED, updated_before=before), order_by="update_timestamp", ascending=True
    )
    if not old:
        return []
    needed = _needed(storage)
    ids = [each.dagster_run.run_id for each in old if is_of(configuration, each.dagster_run)]
    return [run_id for run_id in ids if run_id not in needed]


def _needed(storage: SqlEventLogStorage) -> set[str]:
    """Runs by which an asset, a partition or a check was last made."""
    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    newest = (
        select(func.max(events.id))
        .where(events.dagster_event_type.in_(_OF_ASSETS))
        .group_by(events.asset_key, events.partition, events.dagster_event_type)
    )
    newest_checks = select(func.max(checks.id)).group_by(checks.asset_key, checks.check_name)
    with storage.index_connection() as connection:
        found = connection.execute(select(events.run_id).where(events.id.in_(newest)).distinct()).scalars().all()
        of_checks = select(checks.run_id).where(checks.id.in_(newest_checks)).distinct()
        return {*found, *connection.execute(of_checks).scalars().all()}


def _remove(instance: dg.DagsterInstance, storage: SqlEventLogStorage, run_id: str) -> None:
    """Remove a run: first what is found by it, last the run, which a kill in between leaves to the next time."""
    with storage.index_connection() as connection:
        connection.execute(delete(AssetCheckExecutionsTable).where(AssetCheckExecutionsTable.c.run_id == run_id))
    storage.delete_events(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.run_storage.delete_run(run_id)
    if isinstance(storage, SqliteEventLogStorage):  # a database a run, of which Dagster deletes the rows alone
        file = Path(storage.path_for_shard(run_id))
        for each in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            with suppress(FileNotFoundError):
                each.unlink()
