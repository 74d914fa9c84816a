"""The asset of cross-validation: each model that the section names, on all sessions before the holdout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.models.combinatorial import cross_validate
from trading_assets.models.inputs import samples_of
from trading_assets.models.on_record import assert_inputs_as_written, put_on_record
from trading_assets.models.splits import holdout_start
from trading_assets.models.tables import CROSS_VALIDATION, SPLITS
from trading_assets.models.training import learner_of
from trading_assets.models.version import procedure_of
from trading_assets.parallel.configured import workers_of
from trading_assets.parallel.workers import IN_THREADS
from trading_assets.warehouse import Whole


def cross_validation(step: Step) -> Mapping[str, Any]:
    """Combinatorial purged cross-validation: metrics of each path, on sessions before the holdout."""
    configuration = step.configuration
    assert_inputs_as_written(configuration, step.work, None)
    holdout = holdout_start(step.work.read(SPLITS))
    parts = [CROSS_VALIDATION.empty()]
    shown = []
    for name, settings in sorted(configuration.cross_validation.items()):
        learner = learner_of(configuration, name)
        # The holdout stays closed here, whoever reads the scores.
        samples, _, bars = samples_of(step.work, configuration, name, holdout)
        put_on_record(step, name, bars, holdout, [])
        workers = workers_of(configuration, otherwise=IN_THREADS)
        paths, trained = cross_validate(samples, learner, settings, workers)
        rows = [
            {"path": path, "metric": metric, "value": value}
            for path, metrics in enumerate(paths)
            for metric, value in metrics.items()
        ]
        types = {"path": pl.Int64, "metric": pl.String, "value": pl.Float64}
        frame = pl.DataFrame(rows, schema=types).with_columns(
            model=pl.lit(name), procedure=pl.lit(procedure_of(learner)), trainings=pl.lit(trained)
        )
        parts.append(CROSS_VALIDATION.conform(frame))
        shown.append(frame)
    table = pl.concat(parts).sort(CROSS_VALIDATION.key)
    step.work.replace(Whole(), {CROSS_VALIDATION: table})
    if not shown:
        return {}
    spread = (
        pl.concat(shown)
        .group_by("model", "metric")
        .agg(
            pl.len().alias("paths"),
            pl.col("value").median().alias("median"),
            pl.col("value").min().alias("lowest"),
            pl.col("value").max().alias("highest"),
        )
    )
    return {"paths": spread.sort("model", "metric")}
