"""Which features move a model's scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_assets.models.training import THREADS


def mean_contributions(booster: Any, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean absolute contribution of each feature to the scores, in log-odds.

    Contributions are exact Shapley values of the trees (`pred_contribs`, equal to the shap package's); the
    bias is left out.

    Parameters
    ----------
    booster
        xgboost model.
    features
        (rows, features), at least one row.

    Returns
    -------
    (features,)
    """
    import xgboost

    contributions = booster.predict(xgboost.DMatrix(features, nthread=THREADS), pred_contribs=True)
    means: NDArray[np.float64] = np.abs(contributions[:, :-1]).mean(axis=0, dtype=np.float64)
    return means
