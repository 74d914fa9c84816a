from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from trading_assets.models.families.linear import Linear
from trading_assets.models.families.logistic import fit
from trading_assets_tests.models.families.planted import settings_of, training


def test_probabilities_are_those_of_scikit_learn() -> None:
    known = training()
    model = fit(known, settings_of("logistic", penalty=5.0), 3)  # type: ignore[arg-type]
    assert isinstance(model, Linear)
    scaled = model.scaling.apply(known.features)
    direct = LogisticRegression(C=0.2, solver="lbfgs", tol=1e-10, max_iter=1_000)
    direct.fit(scaled, known.label, sample_weight=known.weight)
    assert model.score(known.features) == pytest.approx(direct.predict_proba(scaled)[:, 1], abs=1e-3)
    assert np.abs(model.coefficients).argmax() == known.names.index("signal")
