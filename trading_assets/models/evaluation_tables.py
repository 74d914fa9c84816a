"""The tables of what is said of a model beside its scores and their metrics."""

from __future__ import annotations

from typing import Any

import polars as pl

from trading_assets.warehouse.table import Column, Table

#: What a training takes time for: see `models.costs`.
PARTS = ("model", "logistic", "permutation_importance", "shuffled_labels")

MODEL = Column(pl.String, "name of the model in the configuration")
VERSION = Column(pl.String, "content hash of settings, seed, features and training data")
FOLD = Column(pl.Int64, "number of the walk-forward fold, from 0 in order of time", at_least=0)


def types_of_folds(table: Table) -> dict[str, Any]:
    """Return the types of a table's columns, but for name and version of the model, which its rows are given last."""
    return {name: column.dtype for name, column in table.columns.items() if name not in ("model", "version")}


PERMUTATION_IMPORTANCE = Table(
    name="models.permutation_importance",
    description=(
        "One row is a feature of a fold: how far the loss out of sample rises if its values are those of other symbols "
        "of the same session. Of labels over before the holdout."
    ),
    key=("model", "fold", "feature"),
    columns={
        "model": MODEL,
        "version": VERSION,
        "fold": FOLD,
        "feature": Column(pl.String, "column of features.daily"),
        "loss_increase": Column(
            pl.Float64,
            "rise of the mean log loss of what the model says, the mean over repeats; "
            "null: the same for all symbols of each session",
            nullable=True,
        ),
        "standard_error": Column(
            pl.Float64, "standard error of that mean, over the repeats alone; null likewise", nullable=True, at_least=0
        ),
        "rows": Column(pl.Int64, "rows that were scored anew", at_least=0),
    },
)

IMPORTANCE_STABILITY = Table(
    name="models.importance_stability",
    description="One row is a model: whether it needs the same features in every fold before the holdout.",
    key=("model",),
    columns={
        "model": MODEL,
        "version": VERSION,
        "folds": Column(pl.Int64, "folds that have an importance of every feature that counts", at_least=0),
        "features": Column(pl.Int64, "features that have an importance in all of these folds", at_least=0),
        "top": Column(pl.Int64, "most features of a fold that count as chosen", at_least=1),
        "stability": Column(
            pl.Float64,
            "agreement of the chosen features beyond chance, 1: the same in all folds; null: undefined",
            nullable=True,
            at_most=1,
        ),
        "stability_low": Column(pl.Float64, "lower end of its interval of 95 %", nullable=True),
        "stability_high": Column(pl.Float64, "upper end of it", nullable=True),
        "rank_correlation": Column(
            pl.Float64,
            "mean Spearman correlation of the importances of two folds; null: undefined",
            nullable=True,
            at_least=-1,
            at_most=1,
        ),
    },
)

#: Columns of a table with a row a feature of a fold.
OF_CONTRIBUTIONS = {
    "model": MODEL,
    "version": VERSION,
    "fold": FOLD,
    "feature": Column(pl.String, "column of features.daily"),
    "value": Column(
        pl.Float64,
        "mean absolute contribution to the score: of boosted trees in log-odds, see the page of models",
        at_least=0,
    ),
}
CONTRIBUTIONS = Table(
    name="models.contributions",
    description="One row is a feature of a fold before the holdout: how much it moved the scores of the fold.",
    key=("model", "fold", "feature"),
    columns=OF_CONTRIBUTIONS,
)

EXPLANATION_DRIFT = Table(
    name="models.explanation_drift",
    description="One row is a refit: how far the contributions of features have changed since the fold before.",
    key=("model", "fold"),
    columns={
        "model": MODEL,
        "version": VERSION,
        "fold": FOLD,
        "previous_fold": Column(pl.Int64, "fold before it that has any: it is compared with that", at_least=0),
        "features": Column(pl.Int64, "features", at_least=0),
        "rank_correlation": Column(
            pl.Float64,
            "Spearman correlation of both; null where one of them is the same for all features",
            nullable=True,
            at_least=-1,
            at_most=1,
        ),
        "total_variation": Column(
            pl.Float64,
            "part of what moved scores that is of other features now: half of the sum of the absolute differences of "
            "their shares; null where nothing moved them",
            nullable=True,
            at_least=0,
            at_most=1,
        ),
    },
)

SHUFFLED_LABELS = Table(
    name="models.shuffled_labels",
    description=(
        "One row is a fold: what the same model says once labels have changed places within sessions, where nothing is "
        "left to find. Of labels over before the holdout."
    ),
    key=("model", "fold"),
    columns={
        "model": MODEL,
        "version": VERSION,
        "fold": FOLD,
        "train_rows": Column(pl.Int64, "rows of the last sessions of training that it learnt from", at_least=0),
        "rows": Column(pl.Int64, "labelled rows scored", at_least=0),
        "pairs": Column(pl.Int64, "pairs of a 1 and a 0 of one session", at_least=0),
        "auc": Column(
            pl.Float64, "part of these in the right order; null without pairs", nullable=True, at_least=0, at_most=1
        ),
        "auc_error": Column(
            pl.Float64, "standard deviation of auc where nothing is known; null likewise", nullable=True, at_least=0
        ),
        "log_loss": Column(pl.Float64, "mean log loss of the scores", at_least=0),
        "base_log_loss": Column(
            pl.Float64, "the same of the share of label 1 among the rows that it learnt from", at_least=0
        ),
    },
)

RELIABILITY = Table(
    name="models.reliability",
    description=(
        "One row is a group of neighbouring out-of-sample scores of all folds: what they said, and how often it came "
        "true. Of labels over before the holdout."
    ),
    key=("model", "kind", "bin"),
    columns={
        "model": MODEL,
        "version": VERSION,
        "kind": Column(
            pl.String, "score: as it is traded; uncalibrated: before the curve", one_of=("score", "uncalibrated")
        ),
        "bin": Column(pl.Int64, "number of the group, from 0, the lowest scores", at_least=0),
        "rows": Column(pl.Int64, "rows", at_least=1),
        "score": Column(pl.Float64, "mean score", at_least=0, at_most=1),
        "share": Column(pl.Float64, "share of label 1", at_least=0, at_most=1),
        "low": Column(pl.Float64, "lower end of its interval of 95 %", at_least=0, at_most=1),
        "high": Column(pl.Float64, "upper end of it", at_least=0, at_most=1),
    },
)

COSTS = Table(
    name="models.costs",
    description="One row is what a part of a training took (append only): it differs from run to run.",
    key=("run_id", "model", "part"),
    columns={
        "run_id": Column(pl.String, "Dagster run"),
        "model": MODEL,
        "part": Column(pl.String, "the model, a baseline, or what was asked of it beside its scores", one_of=PARTS),
        "trained_folds": Column(pl.Int64, "folds that it was done for; the others were kept", at_least=0),
        "rows": Column(pl.Int64, "rows that these learnt from", at_least=0),
        "seconds": Column(pl.Float64, "processor seconds of the threads that did it", at_least=0),
        "peak_mb": Column(
            pl.Float64,
            "largest resident memory of the processes that trained, sampled meanwhile; of the model and all beside it; "
            "null of the other parts, and where the system does not tell",
            nullable=True,
            at_least=0,
        ),
        "started_at": Column(pl.Datetime("us"), "when the step began, UTC"),
    },
)
