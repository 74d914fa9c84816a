from __future__ import annotations

import numpy as np
import pytest

from trading_assets.models.families.linear import Linear, Scaling, load
from trading_assets_tests.models.families.planted import training


def test_missing_values_are_medians_and_columns_have_no_mean_and_one_deviation() -> None:
    features = np.array([[1, 5, np.nan], [2, 5, np.nan], [np.nan, 5, np.nan], [6, 5, np.nan]], dtype=np.float32)
    scaling = Scaling.of(features)
    assert scaling.medians.tolist() == [2.0, 5.0, 0.0]
    scaled = scaling.apply(features)
    assert scaled.mean(axis=0) == pytest.approx([0, 0, 0])
    assert scaled[:, 0].std() == pytest.approx(1)
    assert not scaled[:, 1:].any()


def test_the_sum_is_the_matrix_product() -> None:
    known = training()
    weights = np.random.default_rng(0).normal(size=3)
    model = Linear(Scaling.of(known.features), weights, 0.5, is_probability=False)
    assert model.score(known.features) == pytest.approx(model.scaling.apply(known.features) @ weights + 0.5)
    assert np.array_equal(load(model.save()).score(known.features), model.score(known.features))
    parts = model.contributions(known.features)
    assert parts.shape == known.features.shape
    assert parts.sum(axis=1) + 0.5 == pytest.approx(model.score(known.features))
