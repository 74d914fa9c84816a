from __future__ import annotations

import numpy as np
import pytest
import xgboost

from trading_assets.models.explanations import mean_contributions
from trading_assets.models.families.xgboost import Booster


def test_a_stump_on_one_feature_is_explained_by_that_feature_alone() -> None:
    """Half of the rows on each side of one split, the leaves a and -a: each row's contribution is a in size."""
    features = np.column_stack([np.repeat([0.0, 1.0], 50), np.zeros(100)]).astype(np.float32)
    data = xgboost.DMatrix(features, label=features[:, 0])
    settings = {"max_depth": 1, "eta": 1.0, "lambda": 0.0, "base_score": 0.5, "objective": "binary:logistic"}
    booster = xgboost.train(settings, data, num_boost_round=1)
    leaves = np.abs(booster.predict(data, output_margin=True))
    found = mean_contributions(Booster(booster), features)
    assert found[0] == pytest.approx(leaves.mean(), rel=1e-5)
    assert found[1] == 0.0
