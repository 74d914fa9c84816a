"""How good out-of-sample scores are, beside the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.models.reliability import debiased_ece
from trading_assets.models.training import BASELINES

Floats = NDArray[np.float64]


def score_metrics(score: Floats, label: Floats, relative_return: Floats) -> dict[str, float | None]:
    """Return the metrics of scores against what happened; all unweighted.

    Parameters
    ----------
    score
        (rows,) probability of label 1.
    label
        (rows,) 1 or 0.
    relative_return
        (rows,) forward return over the benchmark, a fraction.

    Returns
    -------
    auc
        Area under the ROC curve; null with a single class.
    log_loss, brier
        Mean of -log of the probability given to what happened, and of its squared error. Lower is better;
        probabilities are clipped to the machine epsilon.
    accuracy
        Share of labels on the score's side of one half.
    information_coefficient
        Spearman correlation of score and relative return over all rows; null if either is constant.
    ece
        Expected calibration error, debiased: see `debiased_ece`. Lower is better.

    Examples
    --------
    Of the four pairs of a 1 and a 0 two are in order and one is a tie: 2.5 / 4. The Brier score is
    (0.04 + 0.36 + 0.25 + 0.16) / 4.

    >>> label, relative_return = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.04, 0.01, -0.02, -0.01])
    >>> found = score_metrics(np.array([0.8, 0.4, 0.5, 0.4]), label, relative_return)
    >>> found["auc"], round(found["brier"], 4), found["accuracy"]
    (0.625, 0.2025, 0.75)
    """
    from scipy.stats import spearmanr
    from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

    if label.size == 0:
        return dict.fromkeys(("auc", "log_loss", "brier", "accuracy", "information_coefficient", "ece"))
    both = np.unique(label).size == 2
    varies = np.ptp(score) > 0 and np.ptp(relative_return) > 0
    return {
        "auc": float(roc_auc_score(label, score)) if both else None,
        "log_loss": float(log_loss(label, score, labels=[0, 1])),
        "brier": float(brier_score_loss(label, score, labels=[0, 1])),
        "accuracy": float(accuracy_score(label, score > 0.5)),
        "information_coefficient": float(spearmanr(score, relative_return).statistic) if varies else None,
        "ece": debiased_ece(score, label),
    }


def fold_metrics(scores: Mapping[str, Floats], label: Floats, relative_return: Floats) -> dict[str, float | None]:
    """Return the metrics of a fold: the model's by their own names, a baseline's with its name before (``naive_auc``).

    Also `rows` (labelled rows scored) and `base_rate` (their share of label 1).

    Parameters
    ----------
    scores
        (rows,) probability of label 1 by name: the model's under ``model``, each baseline's under its own name.
    label
        (rows,) 1 or 0.
    relative_return
        (rows,) forward return over the benchmark, a fraction.
    """
    metrics: dict[str, float | None] = {
        "rows": float(label.size),
        "base_rate": float(label.mean()) if label.size else None,
    }
    for name, score in scores.items():
        prefix = "" if name == "model" else f"{name}_"
        metrics |= {
            f"{prefix}{metric}": value for metric, value in score_metrics(score, label, relative_return).items()
        }
    return metrics


@dataclass(frozen=True)
class Comparison:
    """Mean out-of-sample log loss over the folds that have one."""

    folds: int
    model: float | None
    baselines: Mapping[str, float | None]

    @property
    def beats_baselines(self) -> bool:
        """The model's loss is below every baseline's."""
        return self.model is not None and all(
            loss is not None and self.model < loss for loss in self.baselines.values()
        )


def compare(metrics: pl.DataFrame) -> Comparison:
    """Put a model beside its baselines, from its rows of `models.metrics`."""
    losses = metrics.filter(pl.col("metric").str.ends_with("log_loss"), pl.col("value").is_not_null())
    means = losses.sort("metric", "fold").group_by("metric", maintain_order=True).agg(pl.col("value").mean())
    by_metric: dict[str, float] = dict(means.iter_rows())
    return Comparison(
        folds=losses["fold"].n_unique(),
        model=by_metric.get("log_loss"),
        baselines={name: by_metric.get(f"{name}_log_loss") for name in BASELINES},
    )


def leaks(folds: pl.DataFrame, predictions: pl.DataFrame) -> pl.DataFrame:
    """Return rows that break the promise that every score is out of sample.

    Parameters
    ----------
    folds, predictions
        Rows of `models.folds` and `models.predictions`.

    Returns
    -------
    model, fold, session, problem; empty if all is well.
    """
    trained = folds.with_columns(pl.col("test_start").alias("session"))
    own = predictions.join(folds, on=["model", "fold"], how="left", suffix="_of_fold")
    rules = {
        "a training label ends in the test fold": trained.filter(pl.col("last_label_end") >= pl.col("test_start")),
        "a training label ends in the embargo": trained.filter(pl.col("last_label_end") > pl.col("train_end")),
        "training may see the test fold": trained.filter(pl.col("train_end") >= pl.col("test_start")),
        "test folds overlap": trained.sort("model", "fold").filter(
            pl.col("test_start") <= pl.col("test_end").shift(1).over("model")
        ),
        "scored by a fold that was not trained": own.filter(pl.col("status").is_null() | (pl.col("status") != "ok")),
        "scored outside the test fold": own.filter(
            ~pl.col("session").is_between(pl.col("test_start"), pl.col("test_end"))
        ),
        "the label ends before its decision fills": own.filter(pl.col("label_end") <= pl.col("session")),
    }
    return pl.concat(
        [rows.select("model", "fold", "session", pl.lit(problem).alias("problem")) for problem, rows in rules.items()]
    ).sort("model", "fold", "session", "problem")


def early_promotions(
    champions: pl.DataFrame, scored: Mapping[str, pl.Series], days: pl.Series, horizon: int
) -> pl.DataFrame:
    """Return decisions on who is champion that rest on more than was known: rows of `models.champions`.

    A label that counted ends on the session or later; or more sessions were tested than the candidate had scored by
    the last one whose label, from the next open over the horizon, ends before: counted here without any label.

    Parameters
    ----------
    champions
        Rows of `models.champions` of one champion.
    scored
        Sessions that each candidate has scored.
    days, horizon
        All sessions of the universe, ascending, and sessions of a label.
    """
    place = {day: number for number, day in enumerate(days)}
    scored_at = {name: np.sort([place[day] for day in sessions]) for name, sessions in scored.items()}
    found = [
        sessions is not None
        and sessions > np.searchsorted(scored_at[candidate], days.search_sorted(session) - 1 - horizon)
        for candidate, session, sessions in champions.select("candidate", "session", "sessions").iter_rows()
    ]
    return champions.filter((pl.col("last_label_end") >= pl.col("session")) | pl.Series(found, dtype=pl.Boolean))
