from __future__ import annotations

import lightgbm
import numpy as np

from trading_assets.models.explanations import mean_contributions
from trading_assets.models.families.lightgbm import fit_trees, load
from trading_assets_tests.models.families.planted import settings_of, training


def test_scores_are_those_of_lightgbm_called_directly() -> None:
    known = training()
    model = fit_trees(known, settings_of("lightgbm"), 3)  # type: ignore[arg-type]
    direct = lightgbm.LGBMClassifier(
        n_estimators=20,
        num_leaves=8,
        learning_rate=0.3,
        max_bin=64,
        min_child_weight=10.0,
        min_child_samples=1,
        feature_pre_filter=False,
        n_jobs=1,
        verbosity=-1,
    ).fit(known.features, known.label, sample_weight=known.weight)
    assert np.allclose(model.score(known.features), direct.predict_proba(known.features)[:, 1], rtol=0, atol=1e-12)


def test_what_is_saved_is_text_and_is_read_back() -> None:
    model = fit_trees(training(), settings_of("lightgbm"), 3)  # type: ignore[arg-type]
    assert model.save().startswith(b"tree\n")
    assert np.array_equal(load(model.save()).score(training().features), model.score(training().features))
    assert mean_contributions(model, training().features).argmax() == training().names.index("signal")
