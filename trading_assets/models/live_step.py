"""How the asset of live quality computes: the scores of models that are open, beside the labels that are over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.models.inputs import hashes_of_scores, labels_of
from trading_assets.models.live_quality import loss_drift, losses_of_sessions, quality_by_window
from trading_assets.models.on_record import assert_inputs_as_written, opened_by
from trading_assets.models.splits import holdout_start
from trading_assets.models.tables import LIVE_QUALITY, LOSS_DRIFT, METRICS, PREDICTIONS, SPLITS
from trading_assets.protocol.written_rows import assert_read_as_written
from trading_assets.warehouse import Rows, Whole


def live_quality(step: Step) -> Mapping[str, Any]:
    """Log loss, AUC, Brier score and IC of scores from the holdout on, against what the folds before it promised.

    Of models and champions that a registered strategy reads: the holdout of any other is closed.
    """
    configuration = step.configuration
    holdout = holdout_start(step.work.read(SPLITS))
    watched = (
        [name for name in configuration.score_names if opened_by(configuration, name)] if holdout < dt.date.max else []
    )
    quality, drift = [LIVE_QUALITY.empty()], [LOSS_DRIFT.empty()]
    if watched:
        assert_inputs_as_written(configuration, step.work, [])
        assert_read_as_written(configuration, step.work, lambda held, _: hashes_of_scores(held, watched))
    for name in watched:
        candidate = configuration.candidates_of(name)[0]  # all of a champion have its labels
        scored = _scored(step, name, candidate)
        before, since = scored.filter(pl.col("label_end") < holdout), scored.filter(pl.col("session") >= holdout)
        stamp = pl.lit(name).alias("model")
        found = quality_by_window(since, step.work.read_or_empty(METRICS, rows=Rows("model", name)))
        quality.append(LIVE_QUALITY.conform(found.with_columns(stamp)))
        rows = _drift(before, since, configuration.models[candidate].horizon, configuration.seed)
        drift.append(LOSS_DRIFT.conform(rows.with_columns(stamp)))
    tables = {LIVE_QUALITY: pl.concat(quality), LOSS_DRIFT: pl.concat(drift)}
    step.work.replace(Whole(), {table: rows.sort(table.key) for table, rows in tables.items()})
    by_model = tables[LOSS_DRIFT].filter("alarm").group_by("model", maintain_order=True)
    alarms = by_model.agg(pl.col("known_on").min()).iter_rows()
    newest = tables[LOSS_DRIFT].group_by("model", maintain_order=True).last()
    return {
        "watched": ", ".join(watched) or "none: no registered strategy reads a model",
        "drift_event": bool(newest["alarm"].any()),
        "in_alarm": ", ".join(newest.filter("alarm")["model"]),
        "alarms": ", ".join(f"{name} since {day}" for name, day in alarms) or "none",
        "newest": newest.select("model", "session", "loss", "promised", "excess", "threshold", "alarm"),
    }


def _scored(step: Step, name: str, candidate: str) -> pl.DataFrame:
    """Scores whose labels are over: symbol, session, version, score, label, label_end, relative_return."""
    samples, _, _ = labels_of(step.work, step.configuration, candidate, dt.date.max)
    labels = samples.keys.with_columns(relative_return=pl.Series(samples.relative_return)).drop_nulls("label")
    predictions = step.work.read_or_empty(PREDICTIONS, rows=Rows("model", name))
    return predictions.select("symbol", "session", "version", "score").join(labels, on=["symbol", "session"])


def _drift(before: pl.DataFrame, since: pl.DataFrame, horizon: int, seed: int) -> pl.DataFrame:
    known, rows = losses_of_sessions(before), losses_of_sessions(since)
    sums, threshold = loss_drift(known["loss"].to_numpy(), rows["loss"].to_numpy(), horizon=horizon, seed=seed)
    return rows.with_columns(
        promised=pl.lit(known["loss"].mean(), pl.Float64),
        excess=pl.Series(sums, dtype=pl.Float64),
        threshold=pl.lit(threshold, pl.Float64),
    ).with_columns(alarm=(pl.col("excess") > pl.col("threshold")).fill_null(False))
