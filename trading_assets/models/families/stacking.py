"""Several models, weighed by what each said of rows that it had not seen (Wolpert, Neural Networks 5, 1992)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from trading_assets.config.models import Stacking
from trading_assets.models.families import arrays
from trading_assets.models.families.interface import Constant, Features, Fitted, Floats, TrainingSet
from trading_assets.models.families.odds import log_odds
from trading_assets.models.families.resolve import fit_shipped, load_shipped

FILE_NAME = "model.npz"


@dataclass(frozen=True)
class Stack:
    """A logistic regression on the log-odds of models.

    Attributes
    ----------
    types, members
        The models and their families.
    weights, intercept
        Of the log-odds of each.
    """

    types: tuple[str, ...]
    members: tuple[Fitted, ...]
    weights: Floats
    intercept: float

    def score(self, features: Features) -> Floats:
        """Return the probability of label 1 of (rows, features)."""
        total = np.full(len(features), self.intercept)
        for member, weight in zip(self.members, self.weights, strict=True):
            total += weight * log_odds(member.score(features))
        probability: Floats = expit(total)
        return probability

    def save(self) -> bytes:
        """Return a ``.npz`` with the bytes of each model."""
        return arrays.to_bytes(
            {
                "types": np.array(self.types),
                "weights": self.weights,
                "intercept": np.array([self.intercept]),
                **{f"member_{place}": arrays.of_bytes(each.save()) for place, each in enumerate(self.members)},
            }
        )


def fit(training: TrainingSet, settings: Stacking, seed: int) -> Fitted:
    """Fit the weights on scores of inner folds, and each model on all rows.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of each model in it.
    """
    scores, seen = out_of_fold(training, settings, seed)
    if np.unique(training.label[seen]).size < 2:
        return Constant(training.base_rate())
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / settings.penalty, solver="newton-cholesky")
    model.fit(log_odds(scores[seen]), training.label[seen], sample_weight=training.weight[seen])
    return Stack(
        types=tuple(each.type for each in settings.members),
        members=tuple(fit_shipped(training, each, seed) for each in settings.members),
        weights=model.coef_[0].astype(np.float64),
        intercept=float(model.intercept_[0]),
    )


def load(content: bytes) -> Fitted:
    """Return the model that was saved."""
    found = arrays.from_bytes(content)
    types = tuple(found["types"].tolist())
    members = tuple(load_shipped(each, found[f"member_{place}"].tobytes()) for place, each in enumerate(types))
    return Stack(types, members, found["weights"], float(found["intercept"][0]))


def out_of_fold(training: TrainingSet, settings: Stacking, seed: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return what each model says of rows that it did not learn from, and which rows have such scores.

    Parameters
    ----------
    training
        Rows that are parted into folds of sessions.
    settings, seed
        Section of the model, and the seed of each model in it.

    Returns
    -------
    tuple
        (rows, members) probabilities, and (rows,) whether the row was scored.
    """
    scores = np.full((len(training.label), len(settings.members)), np.nan)
    for learnt, tested in inner_folds(training, settings.inner_folds):
        part = training.take(learnt)
        if np.unique(part.label).size < 2:
            continue
        for place, member in enumerate(settings.members):
            scores[tested, place] = fit_shipped(part, member, seed).score(training.features[tested])
    return scores, ~np.isnan(scores).any(axis=1)


def inner_folds(training: TrainingSet, number: int) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yield which rows learn and which are tested, for each of some blocks of sessions.

    A row learns if its label is over before the block begins, or if it is decided after the last label of the block
    is over: no label that learns overlaps one that is tested.

    Parameters
    ----------
    training
        Rows with session and label end.
    number
        Blocks; fewer where there are fewer sessions.
    """
    for block in np.array_split(np.unique(training.session), number):
        if not block.size:
            continue
        tested = (training.session >= block[0]) & (training.session <= block[-1])
        end = training.label_end[tested].max()
        yield (training.label_end < block[0]) | (training.session > end), tested
