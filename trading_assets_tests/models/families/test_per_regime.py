from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from trading_assets.models.families.per_regime import MissingFeatureError, Parted, fit
from trading_assets_tests.models.families.planted import learner, settings_of, training


def test_a_signal_that_turns_with_the_regime_is_found() -> None:
    """Above the median of `other` the sign of `signal` is turned: no straight line sees anything."""
    known = training()
    signal, other = known.names.index("signal"), known.names.index("other")
    turned = np.where(known.features[:, other] > np.nanmedian(known.features[:, other]), -1, 1)
    features = known.features.copy()
    features[:, signal] *= turned.astype(np.float32)
    made = replace(known, features=features)
    by_regime = fit(made, settings_of("per_regime"), 3)  # type: ignore[arg-type]
    straight = learner("logistic").fit(made)
    assert isinstance(by_regime, Parted) and len(by_regime.models) == 3
    aucs = [roc_auc_score(made.label, model.score(features)) for model in (by_regime, straight)]
    assert aucs[0] > 0.7 > 0.6 > aucs[1]


def test_a_range_with_one_class_is_scored_by_the_model_of_all() -> None:
    known = training()
    other = known.features[:, known.names.index("other")]
    label = np.where(other > np.nanmedian(other), 1, known.label).astype(np.float32)
    model = fit(replace(known, label=label), settings_of("per_regime"), 3)  # type: ignore[arg-type]
    assert isinstance(model, Parted)
    assert model.models[2] is model.models[0] and model.models[1] is not model.models[0]


def test_a_feature_that_there_is_not_is_named() -> None:
    with pytest.raises(MissingFeatureError, match="by height, which is no feature"):
        fit(training(), settings_of("per_regime", feature="height"), 3)  # type: ignore[arg-type]
