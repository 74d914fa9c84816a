from __future__ import annotations

import numpy as np
import xgboost

from trading_assets.models.families.xgboost import Booster, fit, load
from trading_assets_tests.models.families.planted import settings_of, training


def test_bytes_are_those_of_xgboost_called_directly() -> None:
    known = training()
    model = fit(known, settings_of("xgboost"), 3)  # type: ignore[arg-type]
    data = xgboost.QuantileDMatrix(known.features, known.label, weight=known.weight, max_bin=64, nthread=1)
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "device": "cpu",
        "max_bin": 64,
        "max_depth": 3,
        "learning_rate": 0.3,
        "min_child_weight": 10.0,
        "seed": 3,
        "nthread": 1,
    }
    direct = xgboost.train(parameters, data, num_boost_round=20)
    assert model.save() == bytes(direct.save_raw("ubj"))
    assert np.array_equal(model.score(known.features), direct.inplace_predict(known.features).astype(float))


def test_a_classifier_is_its_native_bytes() -> None:
    model = fit(training(), settings_of("xgboost"), 3)  # type: ignore[arg-type]
    assert isinstance(load(model.save()), Booster)
