"""What every family of models offers: fit on rows, score rows, save, load.

A module of a family defines ``fit(training, settings, seed) -> Fitted`` and ``load(content) -> Fitted``. What is saved
are numbers and the libraries' own formats: no bytes of a model are code, and reading them runs none.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
Floats = NDArray[np.float64]
#: Days since 1970-01-01.
Days = NDArray[np.int32]

#: One: OpenMP threads spin at every tree's barriers, and beside any other busy process two of them take
#: seventy times as long as one. The result does not depend on it.
THREADS = 1


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
    session, label_end
        (rows,) days since 1970-01-01 of the decision, and of the end of its label.
    target
        (rows,) the number that a regression learns in place of the label; None where a class is learnt.
    names
        (features,) columns of the features.
    """

    features: Features
    label: NDArray[np.float32]
    weight: NDArray[np.float32]
    session: Days
    label_end: Days
    target: NDArray[np.float32] | None = None
    names: tuple[str, ...] = ()

    def digest(self) -> bytes:
        """Return the SHA-256 of every value."""
        content = hashlib.sha256(repr((self.features.shape, self.names)).encode())
        for array in (self.features, self.label, self.weight, self.session, self.label_end, self.target):
            if array is not None:
                content.update(np.ascontiguousarray(array).data)
        return content.digest()

    def take(self, rows: NDArray[Any]) -> TrainingSet:
        """Return some of the rows, by number or by mask."""
        target = None if self.target is None else self.target[rows]
        own = (self.features[rows], self.label[rows], self.weight[rows], self.session[rows], self.label_end[rows])
        return TrainingSet(*own, target=target, names=self.names)

    def base_rate(self) -> float:
        """Return the weighted share of label 1."""
        return float(np.average(self.label.astype(np.float64), weights=self.weight.astype(np.float64)))


class Fitted(Protocol):
    """A model that has learnt."""

    def score(self, features: Features) -> Floats:
        """Return the probability of label 1 of (rows, features); a row scores alone as in a batch, to the bit."""

    def save(self) -> bytes:
        """Return what `load` of the family makes the same model of."""


@runtime_checkable
class ScoresBySession(Protocol):
    """A model to which it matters which session a row is of."""

    def score_by_session(self, features: Features, session: Days) -> Floats:
        """Return the probability of label 1 of (rows, features).

        Parameters
        ----------
        features, session
            (rows, features), and (rows,) days since 1970-01-01 of each.
        """


def scores_in_turn(model: Fitted, features: Features, session: Days) -> Floats:
    """Return the probability of label 1 of (rows, features), session by session where that matters to the model.

    Parameters
    ----------
    model, features
        Model that has learnt, and rows to score.
    session
        (rows,) days since 1970-01-01.

    Returns
    -------
    (rows,) float64; of no rows none, of whatever family: a fold may test sessions that have no features, or no entries.
    """
    if not len(features):
        return np.empty(0)
    if isinstance(model, ScoresBySession):
        return model.score_by_session(features, session)
    return model.score(features)


class Family(Protocol):
    """A module of a family, or what stands for a module of a user's own."""

    def fit(self, training: TrainingSet, settings: Any, seed: int) -> Fitted:
        """Learn: a function of its arguments, and of nothing else.

        Parameters
        ----------
        training
            What it learns from.
        settings, seed
            Section of the model, and the seed of whatever is drawn.
        """

    def load(self, content: bytes) -> Fitted:
        """Return the model that was saved."""


@dataclass(frozen=True)
class Constant:
    """What is known where nothing can be told apart: the share of label 1."""

    rate: float

    def score(self, features: Features) -> Floats:
        """Return the same for every row."""
        return np.full(len(features), self.rate)

    def save(self) -> bytes:
        """Return the text of the number."""
        return f"{CONSTANT}{self.rate.hex()}".encode()


#: How the bytes of a `Constant` begin, and those of a model that was searched: a line with its search follows.
CONSTANT, TUNED = "constant ", b"tuned\n"


def load_constant(content: bytes) -> Constant | None:
    """Return the constant that was saved; None if it is another model."""
    if not content.startswith(CONSTANT.encode()):
        return None
    return Constant(float.fromhex(content.decode()[len(CONSTANT) :]))


def varying(features: Features) -> bool:
    """Return whether any column tells two rows apart.

    Examples
    --------
    >>> varying(np.array([[1, np.nan], [1, np.nan]], dtype=np.float32))
    False
    >>> varying(np.array([[1, np.nan], [1, 2]], dtype=np.float32))
    True
    """
    first = features[:1]
    same = (features == first) | (np.isnan(features) & np.isnan(first))
    return not bool(same.all())
