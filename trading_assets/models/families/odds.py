"""Log-odds of probabilities, which curves and weights are of."""

from __future__ import annotations

import numpy as np

from trading_assets.models.families.interface import Floats

#: Probabilities are cut this far from 0 and 1 before they become log-odds.
EDGE = 1e-6


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
