"""Which features move a model's scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trading_assets.models.families.interface import Fitted

#: Rows that a model without exact contributions is asked about.
_MOST_ROWS = 2_000


def mean_contributions(model: Fitted, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean absolute contribution of each feature to the scores.

    Of boosted trees these are exact Shapley values in log-odds (equal to the shap package's), the bias left out; of a
    linear model the parts of its sum. Any other model is asked how its probability changes if a feature is missing.

    Parameters
    ----------
    model
        Model that has learnt.
    features
        (rows, features), at least one row.

    Returns
    -------
    (features,)
    """
    exact = getattr(getattr(model, "raw", model), "mean_contributions", None)
    if exact is not None:
        means: NDArray[np.float64] = exact(features)
        return means
    some = np.ascontiguousarray(features[:: 1 + (len(features) - 1) // _MOST_ROWS])
    score, found = model.score(some), np.empty(features.shape[1])
    for column in range(features.shape[1]):
        without = some.copy()
        without[:, column] = np.nan
        found[column] = np.abs(model.score(without) - score).mean()
    return found
