from __future__ import annotations

import catboost
import numpy as np

from trading_assets.models.explanations import mean_contributions
from trading_assets.models.families.catboost import fit_trees
from trading_assets_tests.models.families.planted import settings_of, training


def test_scores_are_those_of_catboost_called_directly() -> None:
    known = training()
    model = fit_trees(known, settings_of("catboost"), 3)  # type: ignore[arg-type]
    direct = catboost.CatBoostClassifier(
        iterations=20,
        depth=4,
        learning_rate=0.3,
        border_count=64,
        l2_leaf_reg=10.0,
        boosting_type="Plain",
        bootstrap_type="No",
        random_strength=0,
        random_seed=3,
        thread_count=1,
        allow_writing_files=False,
        verbose=False,
    ).fit(known.features, known.label.astype(int), sample_weight=known.weight)
    assert np.allclose(model.score(known.features), direct.predict_proba(known.features)[:, 1], rtol=0, atol=1e-12)


def test_no_time_and_no_random_number_are_saved() -> None:
    model = fit_trees(training(), settings_of("catboost"), 3)  # type: ignore[arg-type]
    assert sorted(model.model.get_metadata().keys()) == ["learns"]
    assert mean_contributions(model, training().features).argmax() == training().names.index("signal")
