from __future__ import annotations

import numpy as np
import pytest

from trading_assets.models.families.curve import standardised
from trading_assets.models.families.ridge import fit_ridge
from trading_assets_tests.models.families.planted import settings_of, training


def test_coefficients_solve_the_normal_equations() -> None:
    """(X'WX + penalty) b = X'Wy, of columns and a target whose weighted means are taken out."""
    known = training("size")
    model = fit_ridge(known, settings_of("ridge", penalty=7.0))  # type: ignore[arg-type]
    scaled, target, weight = model.scaling.apply(known.features), standardised(known), known.weight.astype(float)
    centred = scaled - np.average(scaled, axis=0, weights=weight)
    weighed = centred * weight[:, None]
    expected = np.linalg.solve(weighed.T @ centred + 7.0 * np.eye(3), weighed.T @ target)
    assert model.coefficients == pytest.approx(expected, rel=1e-6)
