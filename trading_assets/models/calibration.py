"""Scores that mean what they say: a curve fitted on what earlier folds said, and what came of it.

The curve is Platt scaling (Platt, Advances in Large Margin Classifiers, 1999) of the log-odds (Cox, Biometrika 45,
1958). That of a fold is fitted on the out-of-sample scores of the folds before, of rows whose labels were over by the
end of its training: whoever stood there knew them all. The model stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading_assets.models.families.odds import log_odds
from trading_assets.models.samples import Samples
from trading_assets.models.splits import Fold
from trading_assets.models.threads import one_thread

Floats = NDArray[np.float64]

#: Of the derivative of the mean log loss.
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Curve:
    """Probability of label 1 by the log-odds of a score.

    Attributes
    ----------
    slope, intercept
        Of the log-odds; the slope is at least 0, so that no order is turned round.
    rows
        Scores that it was fitted on.
    """

    slope: float
    intercept: float
    rows: int

    def score(self, uncalibrated: Floats) -> Floats:
        """Return the calibrated scores of (rows,) scores."""
        from scipy.special import expit

        found: Floats = expit(self.intercept + self.slope * log_odds(uncalibrated))
        return found


def fit_curve(uncalibrated: Floats, label: Floats) -> Curve:
    """Return the curve of greatest likelihood among those that do not fall.

    Labels are Platt's targets, (ones + 1) / (ones + 2) and 1 / (zeros + 2), so that no curve is quite certain. The
    likelihood has one maximum: where the best slope is below 0, the best of those allowed is 0, and every score is the
    share of label 1. Rows weigh alike, as they do in the metrics.

    Parameters
    ----------
    uncalibrated
        (rows,) scores, at least one of each label.
    label
        (rows,) 1 or 0.

    Examples
    --------
    Scores of 0.9 and 0.1 that are right three times in four: the targets are 5/6 and 1/6, their means 2/3 and 1/3.

    >>> curve = fit_curve(np.array([0.9] * 4 + [0.1] * 4), np.array([1.0, 1, 1, 0, 0, 0, 0, 1]))
    >>> curve.score(np.array([0.9, 0.1])).round(4).tolist()
    [0.6667, 0.3333]
    """
    from scipy.special import logit

    ones = float(label.sum())
    target = np.where(label == 1, (ones + 1) / (ones + 2), 1 / (label.size - ones + 2))
    odds = log_odds(uncalibrated)
    location, scale = float(odds.mean()), float(odds.std())
    flat = Curve(0.0, float(logit(target.mean())), label.size)
    if not np.ptp(odds) > 0 or not scale > 0:
        return flat
    slope, intercept = _most_likely((odds - location) / scale, target)
    if not slope > 0:
        return flat
    return Curve(slope / scale, intercept - slope / scale * location, label.size)


def _most_likely(value: Floats, target: Floats) -> tuple[float, float]:
    """Slope and intercept of greatest likelihood; a row counts as a 1 and as a 0, each by its part of the target."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=_TOLERANCE)
    label = np.repeat([1, 0], value.size)
    with one_thread():
        model.fit(np.tile(value, 2)[:, None], label, sample_weight=np.concatenate([target, 1 - target]))
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def calibrated(
    samples: Samples, folds: Sequence[Fold], uncalibrated: Floats, least_rows: int
) -> tuple[Floats, Mapping[int, Curve]]:
    """Return the scores of each fold by the curve of the folds before, and the curves by fold.

    Parameters
    ----------
    samples, folds
        Rows that a model learns from, and folds of its walk forward, in order of time.
    uncalibrated
        (rows,) out-of-sample scores of the samples; NaN where there is none.
    least_rows
        Fewer scores with a label that is over, or labels of one class only: the fold has no curve, and keeps its
        scores.
    """
    found, curves = uncalibrated.copy(), {}
    known = ~np.isnan(uncalibrated) & ~np.isnan(samples.label)
    for fold in folds:
        # A label that is over by the end of the training is of a session before the fold.
        rows = known & samples.over_by(fold.train_end)
        label = samples.label[rows].astype(np.float64)
        if label.size < least_rows or np.unique(label).size < 2:
            continue
        tested = samples.tested_by(fold) & ~np.isnan(uncalibrated)
        curves[fold.number] = fit_curve(uncalibrated[rows], label)
        found[tested] = curves[fold.number].score(uncalibrated[tested])
    return found, curves
