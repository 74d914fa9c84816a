"""From what a regression or a ranking says to the probability of label 1.

The curve is a logistic one of two numbers (Platt, Advances in Large Margin Classifiers, 1999). It is fitted on what a
model says of rows that it has not seen: the last fifth of the training sessions, by a model of the rows before, whose
labels were over by then. The model that is kept learns from all rows. A model that puts the held-out rows in no order,
or in the wrong one, knows nothing: its probability is the share of label 1, for every row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from trading_assets.models.families import arrays
from trading_assets.models.families.interface import Constant, Features, Fitted, Floats, TrainingSet, varying

#: Part of the training sessions that the curve is fitted on.
HELD_OUT = 0.2
#: Rows on either side without which there is no curve.
LEAST_ROWS = 20


@dataclass(frozen=True)
class Curved:
    """A model whose numbers become probabilities by a rising curve.

    Attributes
    ----------
    raw
        The model; its `score` is no probability.
    slope, intercept
        Of the log-odds by that score; the slope is above 0.
    """

    raw: Fitted
    slope: float
    intercept: float

    def score(self, features: Features) -> Floats:
        """Return the probability of label 1 of (rows, features)."""
        probability: Floats = expit(self.intercept + self.slope * self.raw.score(features))
        return probability

    def save(self) -> bytes:
        """Return the curve and the model in one ``.npz``."""
        curve = np.array([self.slope, self.intercept])
        return arrays.to_bytes({"curve": curve, "raw": arrays.of_bytes(self.raw.save())})


def fit_curved(fit_raw: Callable[[TrainingSet], Fitted], training: TrainingSet) -> Fitted:
    """Fit a model and the curve of its scores; a `Constant` where no curve rises."""
    earlier, held_out = split(training)
    if min(len(earlier.label), len(held_out.label)) < LEAST_ROWS or np.unique(held_out.label).size < 2:
        return Constant(training.base_rate())
    if not varying(earlier.features) or any(not np.ptp(standardised(rows)) > 0 for rows in (earlier, training)):
        return Constant(training.base_rate())
    slope, intercept = curve_of(fit_raw(earlier).score(held_out.features), held_out)
    if not slope > 0:
        return Constant(training.base_rate())
    return Curved(fit_raw(training), slope, intercept)


def split(training: TrainingSet) -> tuple[TrainingSet, TrainingSet]:
    """Return the rows whose labels are over before the last fifth of the sessions, and the rows of that fifth."""
    sessions = np.unique(training.session)
    start = sessions[int(len(sessions) * (1 - HELD_OUT))]
    return training.take(training.label_end < start), training.take(training.session >= start)


def curve_of(raw: Floats, held_out: TrainingSet) -> tuple[float, float]:
    """Return slope and intercept of the log-odds of label 1 by raw scores; no slope where these do not vary.

    Parameters
    ----------
    raw
        (rows,) scores of the held-out rows.
    held_out
        The rows, with label and weight.
    """
    from sklearn.linear_model import LogisticRegression

    location, scale = float(raw.mean()), float(raw.std())
    if not (np.isfinite(scale) and scale > 0):
        return 0.0, 0.0
    model = LogisticRegression(C=1e3, solver="newton-cholesky")
    model.fit(((raw - location) / scale)[:, None], held_out.label, sample_weight=held_out.weight)
    slope = float(model.coef_[0, 0]) / scale
    return slope, float(model.intercept_[0]) - slope * location


def load_curved(content: bytes, load_raw: Callable[[bytes], Fitted]) -> Fitted:
    """Return what `Curved.save` wrote; any other bytes are a model of classes, which `load_raw` reads."""
    found = arrays.from_bytes(content) if arrays.is_arrays(content) else {}
    if "curve" not in found:
        return load_raw(content)
    slope, intercept = found["curve"].tolist()
    return Curved(load_raw(found["raw"].tobytes()), slope, intercept)


def standardised(training: TrainingSet) -> Floats:
    """Return what a regression learns: centred, in deviations, cut at the first and last percentile of these rows.

    Returns of a day are heavy-tailed, and a few of them would be all that a square loss sees. Where a class is learnt
    the label is the number.
    """
    target = (training.label if training.target is None else training.target).astype(np.float64)
    low, high = np.quantile(target, [0.01, 0.99])
    cut = np.clip(target, low, high)
    location, scale = float(np.average(cut, weights=training.weight)), float(cut.std())
    return np.asarray((cut - location) / (scale if scale > 0 else 1.0))
