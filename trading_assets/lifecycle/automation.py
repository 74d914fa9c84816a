"""The job that does what the section `lifecycle` asks for, its schedule, and old runs of Dagster as items."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from trading_assets.config import Configuration
from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.lifecycle.items import Item, as_rows
from trading_assets.lifecycle.plan import Done, carry_out, failures, look
from trading_assets.lifecycle.sqlite_room import room_in_sqlite

LIFECYCLE = "lifecycle"


def look_everywhere(configuration: Configuration, instance: dg.DagsterInstance, now: dt.datetime) -> list[Item]:
    """Return what is to be done in the folder of a configuration and in Dagster's home; nothing is changed.

    Parameters
    ----------
    configuration, instance
        Configuration, and where its runs are recorded.
    now
        UTC.
    """
    return [*_old_runs(configuration, instance, now), *look(configuration, now), *room_in_sqlite(configuration)]


def carry_out_everywhere(configuration: Configuration, instance: dg.DagsterInstance, now: dt.datetime) -> Done:
    """Do what `look_everywhere` returns, and return each item with what came of it.

    Parameters
    ----------
    configuration, instance, now
        See `look_everywhere`.
    """
    runs = [(each, each.act()) for each in _old_runs(configuration, instance, now)]
    done = [*runs, *carry_out(configuration, now)]
    return [*done, *((each, each.act()) for each in room_in_sqlite(configuration))]


def build_job(configuration: Configuration) -> dg.JobDefinition:
    """Return the job: one step, which makes no asset."""

    @dg.op(name="old_data")
    def old_data(context) -> None:  # type: ignore[no-untyped-def]  # Dagster reads no type that is written as text
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        done = carry_out_everywhere(configuration, context.instance, now)
        for row in as_rows(done).iter_rows(named=True):
            context.log.info(f"{row['action']} {row['what']} ({row['why']}): {row['done']}")
        failed = failures(done)
        if failed:
            raise dg.Failure("; ".join(failed), allow_retries=False)

    @dg.job(
        name=LIFECYCLE,
        description="Moves cold months to files, removes what is old and may go, gives space back.",
        tags={CONFIGURATION_TAG: configuration.name} | configuration.runs.tags(LIFECYCLE),
    )
    def lifecycle() -> None:
        old_data()

    return lifecycle


def build_schedule(configuration: Configuration) -> dg.ScheduleDefinition:
    """Return its schedule."""
    return dg.ScheduleDefinition(
        name="lifecycle",
        cron_schedule=configuration.lifecycle.schedule,
        job_name=LIFECYCLE,
        execution_timezone=configuration.schedules.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Does what the section `lifecycle` asks for; the record of what was tried and ordered stays.",
    )


def _old_runs(configuration: Configuration, instance: dg.DagsterInstance, now: dt.datetime) -> Iterator[Item]:
    from trading_assets.runs.retention import old_runs, remove_old_runs

    moment = now.replace(tzinfo=dt.UTC)
    found = old_runs(instance, configuration, moment)
    if found:

        def act() -> str:
            return f"{len(remove_old_runs(instance, configuration, moment, len(found)))} removed"

        why = f"runs.keep_days: {configuration.runs.keep_days}, and nothing was last made by them"
        yield Item("remove", f"{len(found)} runs of Dagster with their events", why, None, None, act)
