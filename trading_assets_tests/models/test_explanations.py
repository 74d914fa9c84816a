from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import xgboost

from trading_assets.models.explanations import contributions, mean_contributions
from trading_assets.models.families.interface import Features, Floats
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
    parts = contributions(Booster(booster), features)
    assert parts.sum(axis=1) == pytest.approx(booster.predict(data, output_margin=True), rel=1e-5)
    assert set(np.sign(parts[:50, 0])) == {-1.0} and set(np.sign(parts[50:, 0])) == {1.0}


@dataclass(frozen=True)
class Rises:
    """Its probability rises with the first feature, and knows nothing where that is missing."""

    def score(self, features: Features) -> Floats:
        return np.nan_to_num(0.5 + 0.1 * features[:, 0].astype(np.float64), nan=0.5)

    def save(self) -> bytes:
        return b""


def test_a_model_without_exact_parts_is_asked_what_a_missing_value_changes() -> None:
    """0.1 a unit of the first feature and nothing of the second, also where it is missing; of many rows a few."""
    features = np.array([[2, 1], [-3, np.nan], [np.nan, 5]], dtype=np.float32)
    assert contributions(Rises(), features) == pytest.approx(np.array([[0.2, 0], [-0.3, 0], [0, 0]]))
    assert mean_contributions(Rises(), features) == pytest.approx([0.5 / 3, 0])
    assert mean_contributions(Rises(), np.tile(features[:1], (5_000, 1))) == pytest.approx([0.2, 0])
