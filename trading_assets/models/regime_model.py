"""Regimes as states of a hidden Markov chain, and the probability of each by the observations up to a session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RegimeModel:
    """Normal distributions of the observations by regime, and how regimes follow each other.

    Attributes
    ----------
    location, scale
        (features,) of the past, by which observations are standardised.
    means
        (regimes, features), standardised.
    factors
        (regimes, features, features) lower Cholesky factors of the covariances.
    weights
        (regimes,) share of each.
    transition
        (regimes, regimes), from row to column.
    """

    location: Floats
    scale: Floats
    means: Floats
    factors: Floats
    weights: Floats
    transition: Floats

    def as_json(self) -> dict[str, Any]:
        """Return its numbers as lists, which have every digit."""
        return {each.name: getattr(self, each.name).tolist() for each in fields(self)}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> RegimeModel:
        """Return what `as_json` was made of."""
        return cls(**{name: np.array(values, dtype=np.float64) for name, values in said.items()})


def log_densities(model: RegimeModel, observations: Floats) -> Floats:
    """Return the log density of each standardised observation in each regime, (sessions, regimes).

    Element by element, not by matrix products, whose last bits depend on the number of rows.
    """
    standard = (observations - model.location) / model.scale
    found = np.empty((len(standard), len(model.means)))
    for regime, (mean, factor) in enumerate(zip(model.means, model.factors, strict=True)):
        solved: list[Floats] = []
        density = np.full(len(standard), -0.5 * len(mean) * np.log(2 * np.pi))
        for row in range(len(mean)):
            rest = standard[:, row] - mean[row]
            for column, earlier in enumerate(solved):
                rest = rest - factor[row, column] * earlier
            solved.append(rest / factor[row, row])
            density = density - np.log(factor[row, row]) - 0.5 * solved[-1] * solved[-1]
        found[:, regime] = density
    return found


def forward(model: RegimeModel, densities: Floats) -> Iterator[Floats]:
    """Yield the probability of each regime at every row, from the rows up to it; before the first it is `weights`.

    Examples
    --------
    Two regimes that never change: the second explains the observation three times as well.

    >>> model = RegimeModel(
    ...     location=np.zeros(1),
    ...     scale=np.ones(1),
    ...     means=np.zeros((2, 1)),
    ...     factors=np.ones((2, 1, 1)),
    ...     weights=np.array([0.5, 0.5]),
    ...     transition=np.eye(2),
    ... )
    >>> next(forward(model, np.log([[1.0, 3.0]])))
    array([0.25, 0.75])
    """
    probability = model.weights
    for log_density in densities:
        predicted = (probability[:, None] * model.transition).sum(axis=0)
        joint = predicted * np.exp(log_density - log_density.max())
        probability = joint / joint.sum()
        yield probability


def expected_changes(model: RegimeModel, observations: Floats) -> Floats:
    """Return how often each regime follows each other one among neighbouring observations, (regimes, regimes).

    Expected of all paths given all of the observations, which are past: the step of Baum, Petrie, Soules and Weiss
    (Annals of Mathematical Statistics 41, 1970) for the transitions.

    Parameters
    ----------
    model
        Regimes with transitions to start from.
    observations
        (sessions, features), at least one.

    Examples
    --------
    Two regimes of which each observation tells at once: 0, 0, 1.

    >>> model = RegimeModel(
    ...     location=np.zeros(1),
    ...     scale=np.ones(1),
    ...     means=np.array([[0.0], [50.0]]),
    ...     factors=np.ones((2, 1, 1)),
    ...     weights=np.array([0.5, 0.5]),
    ...     transition=np.full((2, 2), 0.5),
    ... )
    >>> expected_changes(model, np.array([[0.0], [0.0], [50.0]])).round(6).tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """
    logs = log_densities(model, observations)
    filtered = np.array(list(forward(model, logs)))
    density = np.exp(logs - logs.max(axis=1, keepdims=True))
    after, ahead = np.ones(len(model.weights)), np.empty((len(logs) - 1, len(model.weights)))
    for row in range(len(logs) - 1, 0, -1):
        ahead[row - 1] = density[row] * after
        after = (model.transition * ahead[row - 1]).sum(axis=1)
        after = after / after.sum()
    both = filtered[:-1, :, None] * model.transition * ahead[:, None, :]
    found: Floats = (both / both.sum(axis=(1, 2), keepdims=True)).sum(axis=0)
    return found
