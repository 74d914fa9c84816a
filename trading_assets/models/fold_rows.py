"""What a fold of a model leaves, as rows of the tables of the stage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.models import tables
from trading_assets.models.calibration import Curve, calibrated
from trading_assets.models.costs import TrainingCosts
from trading_assets.models.evaluation import fold_metrics
from trading_assets.models.evaluation_tables import types_of_folds
from trading_assets.models.fits import KeptFit
from trading_assets.models.online_tables import ONLINE_UPDATES
from trading_assets.models.samples import RowNumbers, Samples, day
from trading_assets.models.splits import Fold
from trading_assets.models.training import BASELINES
from trading_assets.parallel.workers import sendable
from trading_assets.warehouse.table import Table

Floats = NDArray[np.float64]

#: Who a score is of, beside the baselines.
MODEL = "model"
#: How the names of the metrics of a calibrated model begin that are of its scores before.
UNCALIBRATED = "uncalibrated"


@dataclass(frozen=True)
class FoldRows:
    """What a fold leaves: rows of the tables, its model if one could be trained, and what that took.

    The trials of a search and the losses of its sessions, see `tuning_rows.py`, are there of a tuned model alone, and
    updates of one that learns on within its fold. `error` is what ended its search: then there is nothing but trials.
    """

    fold: dict[str, Any]
    predictions: pl.DataFrame | None = None
    metrics: Sequence[dict[str, Any]] = ()
    explanations: pl.DataFrame | None = None
    importance: pl.DataFrame | None = None
    shuffled: Sequence[dict[str, Any]] = ()
    trials: pl.DataFrame | None = None
    losses: pl.DataFrame | None = None
    updates: pl.DataFrame | None = None
    fit: KeptFit | None = None
    costs: TrainingCosts = field(default_factory=TrainingCosts)
    error: Exception | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"error": self.error and sendable(self.error)}


def predictions_of(
    samples: Samples, fold: Fold, holdout_start: dt.date, test: RowNumbers, score: Floats
) -> pl.DataFrame:
    """Return rows of `models.predictions` of a fold, without name and version of the model.

    Parameters
    ----------
    samples, fold
        Rows that the model learns from, and the fold.
    holdout_start
        Labels that end on or after it are not shown.
    test, score
        (rows,) numbers of the rows that are scored, and what the model says of them.
    """
    visible = pl.Series(samples.label_end[test] < day(holdout_start))
    return samples.keys[test].select(
        pl.lit(fold.number).alias("fold"),
        "symbol",
        "session",
        pl.Series("score", score),
        *(pl.when(visible).then(pl.col(column)).alias(column) for column in ("label", "label_end")),
        pl.lit(None, pl.Float64).alias(UNCALIBRATED),
    )


def metrics_of(
    samples: Samples, fold: Fold, holdout_start: dt.date, test: RowNumbers, scores: Mapping[str, Floats]
) -> list[dict[str, Any]]:
    """Return rows of `models.metrics` of a fold, without name and version of the model.

    Parameters
    ----------
    samples, fold, holdout_start, test
        As `predictions_of` takes them.
    scores
        (rows,) probability of label 1 by name: see `fold_metrics`.
    """
    measured = (samples.label_end[test] < day(holdout_start)) & ~np.isnan(samples.label[test])
    measures = fold_metrics(
        {estimator: values[measured] for estimator, values in scores.items()},
        samples.label[test][measured].astype(np.float64),
        samples.relative_return[test][measured],
    )
    return [{"fold": fold.number, "metric": key, "value": value} for key, value in measures.items()]


def calibrated_rows(
    samples: Samples, folds: Sequence[Fold], rows: Sequence[FoldRows], holdout_start: dt.date, least_rows: int
) -> tuple[list[FoldRows], Mapping[int, Curve]]:
    """Put the scores of each fold through the curve of the folds before, and measure them again.

    Parameters
    ----------
    samples, folds, holdout_start
        As `run_model` takes them.
    rows
        What each fold left; its scores are what its model says.
    least_rows
        See `calibrated`.

    Returns
    -------
    tuple
        The rows with calibrated scores and metrics, and the curves by fold.
    """
    scorable, said = samples.scorable(), np.full(samples.session.shape[0], np.nan)
    tested = [np.flatnonzero(samples.tested_by(fold) & scorable) for fold in folds]
    for each, test in zip(rows, tested, strict=True):
        if each.predictions is not None:
            said[test] = each.predictions["score"].to_numpy()
    score, curves = calibrated(samples, folds, said, least_rows)
    found = []
    for fold, each, test in zip(folds, rows, tested, strict=True):
        if each.predictions is None:
            found.append(each)
            continue
        predictions = each.predictions.with_columns(
            pl.Series("score", score[test]), pl.Series(UNCALIBRATED, said[test])
        )
        metrics = [row for row in each.metrics if str(row["metric"]).startswith(BASELINES)]
        if each.metrics:
            scores = {MODEL: score[test], UNCALIBRATED: said[test]}
            metrics += metrics_of(samples, fold, holdout_start, test, scores)
        found.append(replace(each, predictions=predictions, metrics=metrics))
    return found, curves


def frames_of(rows: Sequence[FoldRows]) -> dict[Table, pl.DataFrame]:
    """Return the frames of the tables of a model, of all its folds; without its name and version."""

    def frame_of(table: Table, records: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        return pl.DataFrame(records, schema=types_of_folds(table))

    folds = frame_of(tables.FOLDS, [each.fold for each in rows])
    predictions = [each.predictions for each in rows if each.predictions is not None]
    explained = [each.explanations for each in rows if each.explanations is not None]
    searched = {
        tables.TUNING_TRIALS: [each.trials for each in rows if each.trials is not None],
        tables.TUNING_LOSSES: [each.losses for each in rows if each.losses is not None],
        ONLINE_UPDATES: [each.updates for each in rows if each.updates is not None],
    }
    trained = folds.filter(pl.col("status") == tables.OK)
    outcome = {
        "status": tables.OK if trained.height else tables.INSUFFICIENT_DATA,
        "reason": None if trained.height else next(iter(folds["reason"]), tables.NO_FOLDS),
        "folds": folds.height,
        "scored_folds": trained.height,
        "scored_rows": int(folds["test_rows"].sum()),
        "unscored_rows": int(folds["unscored_rows"].sum()),
        "until": None,
    }
    return {
        tables.FOLDS: folds,
        tables.PREDICTIONS: pl.concat(predictions) if predictions else frame_of(tables.PREDICTIONS, []),
        tables.METRICS: frame_of(tables.METRICS, [metric for each in rows for metric in each.metrics]),
        tables.EXPLANATIONS: explained[-1] if explained else frame_of(tables.EXPLANATIONS, []),
        tables.OUTCOMES: frame_of(tables.OUTCOMES, [outcome]),
        **{table: pl.concat([frame_of(table, []), *found]) for table, found in searched.items()},
    }


def curve_in_words(frames: Mapping[Table, pl.DataFrame], curves: Mapping[int, Curve]) -> dict[str, float]:
    """Return slope and intercept of the curve of the last fold that was trained, for whoever scores with its model.

    Nothing where it has none.
    """
    trained = frames[tables.FOLDS].filter(status=tables.OK)["fold"].to_list()
    curve = curves.get(max(trained, default=-1))
    return {} if curve is None else {"calibration_slope": curve.slope, "calibration_intercept": curve.intercept}
