"""Fitting one fold: the model and the baselines that it has to beat.

Training draws no random numbers (no row or column sampling): there is no lucky seed to pick. xgboost and BLAS run
on a fixed number of threads, so that a machine with more cores sums in the same order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_assets.config.sections import Model
from trading_assets.models.samples import RowNumbers, Samples
from trading_assets.models.splits import Fold
from trading_assets.models.tables import SINGLE_CLASS, TOO_FEW_ROWS
from trading_assets.models.threads import one_thread

#: One: OpenMP threads spin at every tree's barriers, and beside any other busy process two of them take
#: seventy times as long as one. The result does not depend on it.
THREADS = 1
BASELINES = ("logistic", "naive")


@dataclass(frozen=True)
class TrainingRows:
    """Which rows a fold may learn from.

    Attributes
    ----------
    rows
        Label defined and over by `Fold.train_end`, at least one feature.
    purged
        How many rows before the test fold are left out because their label is not over by then.
    """

    rows: RowNumbers
    purged: int


@dataclass(frozen=True)
class TrainingSet:
    """All that a model is made of, beside its settings and its seed.

    Attributes
    ----------
    features
        (rows, features) float32; a missing value is NaN.
    label
        (rows,) 1 or 0.
    weight
        (rows,) uniqueness of each label among these.
    """

    features: NDArray[np.float32]
    label: NDArray[np.float32]
    weight: NDArray[np.float32]

    def digest(self) -> bytes:
        """Return the SHA-256 of every value."""
        content = hashlib.sha256(repr(self.features.shape).encode())
        for array in (self.features, self.label, self.weight):
            content.update(np.ascontiguousarray(array).data)
        return content.digest()


@dataclass(frozen=True)
class Logistic:
    """The linear baseline: medians for missing values, then scaling and a logistic regression."""

    medians: NDArray[np.float64]
    pipeline: Any

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of label 1 for (rows, features)."""
        probabilities: NDArray[np.float64] = self.pipeline.predict_proba(_fill(features, self.medians))[:, 1]
        return probabilities


@dataclass(frozen=True)
class Fit:
    """What a fold learned: an xgboost booster and the baselines."""

    booster: Any
    logistic: Logistic
    base_rate: float

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of label 1 for (rows, features); a row scores the same alone as in a batch."""
        return booster_scores(self.booster, features)

    def baseline_scores(self, features: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """Return the probability of label 1 by each baseline, by its name."""
        with one_thread():
            return {"logistic": self.logistic.score(features), "naive": np.full(len(features), self.base_rate)}


def booster_scores(booster: Any, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probability of label 1 for (rows, features)."""
    probabilities: NDArray[np.float32] = booster.inplace_predict(features)
    return probabilities.astype(np.float64)


def training_rows(samples: Samples, fold: Fold, scorable: NDArray[np.bool_]) -> TrainingRows:
    """Purge and embargo: only labels over by the fold's `train_end` may train it.

    Parameters
    ----------
    samples, fold
        Rows that a model learns from, and the fold to train.
    scorable
        (rows,) whether a row has a value of any feature.
    """
    candidates = samples.before(fold) & scorable
    over = samples.over_by(fold.train_end)
    learnable = candidates & over & ~np.isnan(samples.label)
    return TrainingRows(rows=np.flatnonzero(learnable), purged=int(np.count_nonzero(candidates & ~over)))


def insufficiency(samples: Samples, rows: RowNumbers, settings: Model) -> str | None:
    """Say why nothing can be learned from these rows; None if something can.

    Parameters
    ----------
    samples, rows
        All rows, and the numbers of those that train, see `training_rows`.
    settings
        Section of the model: `min_rows` is read.
    """
    if len(rows) < settings.min_rows:
        return TOO_FEW_ROWS
    if np.unique(samples.label[rows]).size < 2:
        return SINGLE_CLASS
    return None


def fit(samples: Samples, rows: RowNumbers, settings: Model, seed: int, threads: int = THREADS) -> Fit:
    """Fit model and baselines on the given rows, weighted by the uniqueness of their labels.

    Parameters
    ----------
    samples
        All rows.
    settings, seed
        Section of the model, and the seed of xgboost.
    rows
        Ascending; see `training_rows`.
    threads
        Threads of xgboost. The result must not depend on it; a test holds us to that.
    """
    training = training_set(samples, rows)
    return Fit(
        booster=fit_booster(training, settings, seed, threads),
        logistic=_fit_logistic(training, settings),
        base_rate=float(np.average(training.label.astype(np.float64), weights=training.weight.astype(np.float64))),
    )


def training_set(samples: Samples, rows: RowNumbers) -> TrainingSet:
    """Take the rows that train out of all rows: what fits a model is given no other."""
    return TrainingSet(samples.features[rows], samples.label[rows], samples.uniqueness(rows))


def fit_booster(training: TrainingSet, settings: Model, seed: int, threads: int = THREADS) -> Any:
    """Fit the model alone: a function of its arguments, and of nothing else.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of xgboost.
    threads
        Threads of xgboost; the result must not depend on it.
    """
    import xgboost

    data = xgboost.QuantileDMatrix(
        training.features, training.label, weight=training.weight, max_bin=settings.bins, nthread=threads
    )
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "device": "cpu",
        "max_bin": settings.bins,
        "max_depth": settings.depth,
        "learning_rate": settings.learning_rate,
        "min_child_weight": settings.min_child_weight,
        "seed": seed,
        "nthread": threads,
    }
    return xgboost.train(parameters, data, num_boost_round=settings.trees)


@dataclass
class FittedBoosters:
    """Models of one section and seed by what they learned from: who learns from the same again is not fitted again."""

    settings: Model
    seed: int
    _fitted: dict[bytes, Any] = field(default_factory=dict)

    def of(self, training: TrainingSet) -> Any:
        """Return the model that is fitted on `training`."""
        content = training.digest()
        if content not in self._fitted:
            self._fitted[content] = fit_booster(training, self.settings, self.seed)
        return self._fitted[content]


def _fit_logistic(training: TrainingSet, settings: Model) -> Logistic:
    """Medians, scaling and a ridge penalty, all from these rows only."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=1 / settings.ridge, solver="newton-cholesky"))
    medians = _medians(training.features)
    with one_thread():
        filled = _fill(training.features, medians)
        pipeline.fit(filled, training.label, logisticregression__sample_weight=training.weight)
    return Logistic(medians=medians, pipeline=pipeline)


def _medians(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(features,) median of the values that are there; 0 where there are none. sklearn's imputer is far slower."""
    columns = (column[~np.isnan(column)] for column in features.T)
    return np.array([np.median(column) if column.size else 0.0 for column in columns], dtype=np.float64)


def _fill(features: NDArray[np.float32], medians: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(features), medians, features)
