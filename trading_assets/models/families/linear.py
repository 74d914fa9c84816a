"""Linear models as arrays: medians for missing values, scaling, coefficients, all of the training rows alone."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from scipy.special import expit

from trading_assets.models.families import arrays
from trading_assets.models.families.interface import Features, Floats


@dataclass(frozen=True)
class Scaling:
    """How features become numbers that a linear model can weigh.

    Attributes
    ----------
    medians
        (features,) of the values that are there, for those that are not; 0 where there are none.
    location, scale
        (features,) mean and standard deviation of the filled columns; a scale is 1 where nothing varies.
    """

    medians: Floats
    location: Floats
    scale: Floats

    @classmethod
    def of(cls, features: Features) -> Scaling:
        """Return the scaling of training rows."""
        columns = (column[~np.isnan(column)] for column in features.T)
        medians = np.array([np.median(column) if column.size else 0.0 for column in columns], dtype=np.float64)
        filled = np.where(np.isnan(features), medians, features)
        spread = filled.std(axis=0)
        return cls(medians, filled.mean(axis=0), np.where(spread > 0, spread, 1.0))

    def apply(self, features: Features) -> Floats:
        """Return (rows, features) filled and standardised."""
        filled = np.where(np.isnan(features), self.medians, features)
        return np.asarray((filled - self.location) / self.scale)


@dataclass(frozen=True)
class Linear:
    """A weighted sum of standardised features.

    Attributes
    ----------
    scaling
        How features are filled and standardised.
    coefficients, intercept
        Of the sum.
    is_probability
        The sum is a log-odds, and the score its probability.
    """

    scaling: Scaling
    coefficients: Floats
    intercept: float
    is_probability: bool

    def score(self, features: Features) -> Floats:
        """Return the sum of each row, or its probability.

        Column by column, not by a matrix product, whose last bits depend on the number of rows.
        """
        scaled = self.scaling.apply(features)
        total = np.full(len(features), self.intercept)
        for column, coefficient in zip(scaled.T, self.coefficients, strict=True):
            total += column * coefficient
        found: Floats = expit(total) if self.is_probability else total
        return found

    def contributions(self, features: Features) -> Floats:
        """Return (rows, features) the part of each value in the sums, from the mean of its feature on."""
        parts: Floats = self.scaling.apply(features) * self.coefficients
        return parts

    def save(self) -> bytes:
        """Return a ``.npz``."""
        medians, location, scale = astuple(self.scaling)
        return arrays.to_bytes(
            {
                "medians": medians,
                "location": location,
                "scale": scale,
                "coefficients": self.coefficients,
                "intercept": np.array([self.intercept, float(self.is_probability)]),
            }
        )


def load(content: bytes) -> Linear:
    """Return the model that was saved."""
    found = arrays.from_bytes(content)
    intercept, is_probability = found["intercept"].tolist()
    scaling = Scaling(found["medians"], found["location"], found["scale"])
    return Linear(scaling, found["coefficients"], intercept, bool(is_probability))
