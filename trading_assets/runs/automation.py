"""Sensors that keep runs going: one that looks at their processes, one that removes old ones."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from trading_assets.config import Configuration
from trading_assets.runs.ended import end_gone_runs

#: Runs that are removed at a tick: the daemon waits for a tick a minute at most.
_MOST_AT_A_TICK = 50


def build_sensors(configuration: Configuration) -> list[dg.SensorDefinition]:
    """Return the sensors."""

    @dg.sensor(
        name="gone_runs",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Fails runs whose process is gone, with an alert: they would hold up others for ever.",
    )
    def gone_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        said = end_gone_runs(context.instance, configuration)
        return dg.SkipReason("; ".join(said) or "the processes of all runs are alive")

    @dg.sensor(
        name="old_runs",
        minimum_interval_seconds=3600,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Removes runs that are older than `runs.keep_days` and that nothing on record rests on.",
    )
    def old_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from trading_assets.runs.retention import remove_old_runs

        keep = configuration.runs.keep_days
        removed = remove_old_runs(context.instance, configuration, dt.datetime.now(dt.UTC), _MOST_AT_A_TICK)
        return dg.SkipReason(f"{len(removed)} runs older than {keep} days were removed")

    return [gone_runs, old_runs]
