"""Probabilities as log-odds, which curves and weights are of, and as log losses."""

from __future__ import annotations

import numpy as np

from trading_assets.models.families.interface import Floats

#: Probabilities are cut this far from 0 and 1 before they become log-odds.
EDGE = 1e-6
#: And so far before they become losses.
_EPSILON = float(np.finfo(np.float64).eps)


def log_odds(score: Floats) -> Floats:
    """Return the log-odds of probabilities, none of which is quite certain.

    Examples
    --------
    Three to one, and as sure as it gets:

    >>> log_odds(np.array([0.75, 1.0])).round(3).tolist()
    [1.099, 13.816]
    """
    from scipy.special import logit

    found: Floats = logit(np.clip(score, EDGE, 1 - EDGE))
    return found


def log_losses(score: Floats, label: Floats) -> Floats:
    """Return the log loss of each row, probabilities cut to the machine epsilon as in `models.metrics`.

    Parameters
    ----------
    score, label
        (rows,) probability of label 1, and label 1 or 0.

    Examples
    --------
    >>> log_losses(np.array([0.5, 0.9]), np.array([1.0, 0.0])).round(3).tolist()
    [0.693, 2.303]
    """
    given = np.where(label == 1, score, 1.0 - score)
    return np.asarray(-np.log(np.clip(given, _EPSILON, 1.0 - _EPSILON)), dtype=np.float64)
