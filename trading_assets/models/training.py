"""Fitting one fold: the model, of whatever family, and the baselines that it has to beat.

Libraries and BLAS run on one thread, so that a machine with more cores sums in the same order. What a family draws
(a forest its rows, a network its first weights) follows from the seed; the others draw nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_assets.config import Configuration
from trading_assets.config.models import WalkForward
from trading_assets.models.families.interface import (
    Constant,
    Family,
    Fitted,
    TrainingSet,
    load_constant,
    scores_in_turn,
    varying,
)
from trading_assets.models.families.own import OwnFamily, own_family
from trading_assets.models.families.resolve import fit_shipped, shipped_family
from trading_assets.models.samples import RowNumbers, Samples
from trading_assets.models.splits import Fold
from trading_assets.models.tables import SINGLE_CLASS, TOO_FEW_ROWS
from trading_assets.models.threads import one_thread
from trading_assets.models.tuning import Tuned, parted, tuned

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
    """What a fold learned: the model and the baselines."""

    model: Fitted
    logistic: Logistic
    base_rate: float

    def score(self, features: NDArray[np.float32], session: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the probability of label 1 for (rows, features); a row scores the same alone as in a batch.

        Parameters
        ----------
        features, session
            See `model_scores`.
        """
        return model_scores(self.model, features, session)

    def baseline_scores(self, features: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """Return the probability of label 1 by each baseline, by its name."""
        if not len(features):
            return {name: np.empty(0) for name in BASELINES}
        with one_thread():
            return {"logistic": self.logistic.score(features), "naive": np.full(len(features), self.base_rate)}


def model_scores(model: Fitted, features: NDArray[np.float32], session: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the probability of label 1 for (rows, features).

    Parameters
    ----------
    model, features
        Model that has learnt, and rows to score.
    session
        (rows,) days since 1970-01-01: a user's own model is shown no session before it has scored those before, and
        an online one scores each by what it had learnt by then.
    """
    return scores_in_turn(model, features, session)


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


def insufficiency(samples: Samples, rows: RowNumbers, settings: WalkForward) -> str | None:
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


@dataclass(frozen=True)
class Learner:
    """What makes a model of a training set: settings, seed and the family.

    Attributes
    ----------
    settings, seed
        Section of the model, and the seed of what is drawn.
    own
        What stands for a module of a user's own; None: the family is of this package.
    """

    settings: WalkForward
    seed: int
    own: OwnFamily | None = None

    @property
    def type(self) -> str:
        """Name of the family, or dotted name of a user's own module."""
        return str(getattr(self.settings, "type", ""))

    @property
    def file_name(self) -> str:
        """Name of a file with the bytes of a model."""
        return str(getattr(self._family(), "FILE_NAME", "model.bin"))

    def fit(self, training: TrainingSet) -> Fitted:
        """Fit the model alone: a function of the training set, the settings and the seed, and of nothing else.

        A `Constant` where the features tell no two rows apart. A section with `tune` is a search before it, see
        `tuning.py`.

        Raises
        ------
        ValueError
            Weights are no numbers, negative, or all 0: each library would say so in other words, or learn of nothing.
        """
        if not (np.isfinite(training.weight).all() and (training.weight >= 0).all() and training.weight.any()):
            raise ValueError(f"the {training.weight.size} rows that train a model have no weights to learn by")
        if self.settings.tune is not None:
            return tuned(training, self.settings, self.seed, self._fit)
        return self._fit(training, self.settings, self.seed)

    def _fit(self, training: TrainingSet, settings: WalkForward, seed: int) -> Fitted:
        if self.own is None:
            return fit_shipped(training, settings, seed)
        if not varying(training.features):
            return Constant(training.base_rate())
        return self.own.fit(training, settings, seed)

    def load(self, content: bytes) -> Fitted:
        """Return the model that was saved."""
        found, native = parted(content)
        model = load_constant(native) or self._family().load(native)
        return model if found is None else Tuned(model, found)

    def untuned(self) -> Learner:
        """Return what makes the model as its section says, without a search."""
        return replace(self, settings=self.settings.model_copy(update={"tune": None}))

    def _family(self) -> Family:
        return self.own or shipped_family(self.type)


def learner_of(configuration: Configuration, model: str) -> Learner:
    """Return what makes a model of the configuration."""
    return Learner(configuration.models[model], configuration.seed, own_family(configuration, model))


def beside_baselines(model: Fitted, training: TrainingSet, settings: WalkForward) -> Fit:
    """Put a model beside the baselines of the rows that it was fitted on.

    Parameters
    ----------
    model, training
        The model, and what it learned from, weighted by the uniqueness of its labels.
    settings
        Section of the model: `ridge` is read.
    """
    return Fit(model=model, logistic=_fit_logistic(training, settings), base_rate=training.base_rate())


def training_set(samples: Samples, rows: RowNumbers) -> TrainingSet:
    """Take the rows that train out of all rows: what fits a model is given no other."""
    return TrainingSet(
        samples.features[rows],
        samples.label[rows],
        samples.uniqueness(rows),
        samples.session[rows],
        samples.label_end[rows],
        target=None if samples.target is None else samples.target[rows],
        names=samples.names,
    )


def _fit_logistic(training: TrainingSet, settings: WalkForward) -> Logistic:
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
