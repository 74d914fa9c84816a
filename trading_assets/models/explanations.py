"""Which features move a model's scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trading_assets.models.families.interface import Fitted

#: Rows that a model without exact contributions is asked about.
_MOST_ROWS = 2_000


def contributions(model: Fitted, features: NDArray[np.float32]) -> NDArray[np.floating]:
    """Return what each value of a row adds to the row's score.

    Of boosted trees these are exact Shapley values in log-odds (equal to the shap package's), the bias left out; of a
    linear model the parts of its sum. Any other model is asked how its probability changes if the value is missing.

    Parameters
    ----------
    model
        Model that has learnt.
    features
        (rows, features), at least one row.

    Returns
    -------
    (rows, features)
    """
    exact = getattr(getattr(model, "raw", model), "contributions", None)
    if exact is not None:
        parts: NDArray[np.floating] = exact(features)
        return parts
    score, found = model.score(features), np.zeros(features.shape)
    for column in np.flatnonzero(~np.isnan(features).all(axis=0)):
        without = features.copy()
        without[:, column] = np.nan
        found[:, column] = score - model.score(without)
    return found


def mean_contributions(model: Fitted, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean absolute contribution of each feature to the scores, see `contributions`.

    Parameters
    ----------
    model
        Model that has learnt.
    features
        (rows, features), at least one row. A model without exact contributions is asked about at most 2,000 of them.

    Returns
    -------
    (features,)
    """
    if not hasattr(getattr(model, "raw", model), "contributions"):
        features = np.ascontiguousarray(features[:: 1 + (len(features) - 1) // _MOST_ROWS])
    means: NDArray[np.float64] = np.abs(contributions(model, features)).mean(axis=0, dtype=np.float64)
    return means
