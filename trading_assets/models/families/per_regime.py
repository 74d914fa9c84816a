"""A model for each range of one feature: rows are parted by its quantiles among the training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading_assets.config.models import PerRegime
from trading_assets.models.families import arrays
from trading_assets.models.families.interface import Features, Fitted, Floats, TrainingSet
from trading_assets.models.families.resolve import fit_shipped, load_shipped

FILE_NAME = "model.npz"
#: A range with fewer training rows than this is scored by the model of all rows.
LEAST_ROWS = 50


class MissingFeatureError(ValueError):
    """The feature that parts the rows is none that the model has."""


@dataclass(frozen=True)
class Parted:
    """Models by ranges of a feature.

    Attributes
    ----------
    type
        Family of each model.
    column
        Place of the feature among those of a row.
    edges
        (regimes - 1,) where a range ends; the value itself is of the next.
    models
        The model of all rows, for those without the feature, then one of each range.
    """

    type: str
    column: int
    edges: Floats
    models: tuple[Fitted, ...]

    def score(self, features: Features) -> Floats:
        """Return the probability of label 1 of (rows, features), each by the model of its range."""
        found, part = np.empty(len(features)), parts_of(features[:, self.column], self.edges)
        for number, model in enumerate(self.models):
            own = part == number
            if own.any():
                found[own] = model.score(features[own])
        return found

    def save(self) -> bytes:
        """Return a ``.npz`` with the bytes of each model."""
        return arrays.to_bytes(
            {
                "type": np.array(self.type),
                "column": np.array(self.column),
                "edges": self.edges,
                **{f"model_{place}": arrays.of_bytes(each.save()) for place, each in enumerate(self.models)},
            }
        )


def fit(training: TrainingSet, settings: PerRegime, seed: int) -> Fitted:
    """Fit a model of all rows, and one of each range that has rows of both classes.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of each model in it.

    Raises
    ------
    MissingFeatureError
        The feature is none of `features.daily`.
    """
    if settings.feature not in training.names:
        raise MissingFeatureError(
            f"per_regime parts rows by {settings.feature}, which is no feature\n"
            f"  expected: one of {', '.join(training.names)}"
        )
    column = training.names.index(settings.feature)
    values = training.features[:, column]
    known = values[~np.isnan(values)].astype(np.float64)
    shares = np.arange(1, settings.regimes) / settings.regimes
    edges = np.unique(np.quantile(known, shares)) if known.size else np.empty(0)
    part, whole = parts_of(values, edges), fit_shipped(training, settings.member, seed)
    models = [whole]
    for number in range(1, len(edges) + 2):
        own = training.take(part == number)
        enough = len(own.label) >= LEAST_ROWS and np.unique(own.label).size == 2
        models.append(fit_shipped(own, settings.member, seed) if enough else whole)
    return Parted(settings.member.type, column, edges, tuple(models))


def load(content: bytes) -> Fitted:
    """Return the model that was saved."""
    found = arrays.from_bytes(content)
    kind = str(found["type"])
    count = sum(name.startswith("model_") for name in found)
    models = tuple(load_shipped(kind, found[f"model_{place}"].tobytes()) for place in range(count))
    return Parted(kind, int(found["column"]), found["edges"], models)


def parts_of(values: NDArray[np.float32], edges: Floats) -> NDArray[np.int64]:
    """Return the number of the range of each value from 1, 0 where it is missing.

    Examples
    --------
    >>> parts_of(np.array([1.0, np.nan, 2.0, 3.0], dtype=np.float32), np.array([2.0]))
    array([1, 0, 2, 2])
    """
    found = np.searchsorted(edges, values.astype(np.float64), side="right").astype(np.int64) + 1
    return np.where(np.isnan(values), 0, found)
