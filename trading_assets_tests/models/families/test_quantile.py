from __future__ import annotations

import numpy as np
import pytest

from trading_assets.models.families.quantile import fit_quantile
from trading_assets_tests.models.families.planted import settings_of, training


@pytest.mark.parametrize("quantile", [0.2, 0.5, 0.9])
def test_the_share_of_targets_below_is_the_quantile(quantile: float) -> None:
    known = training("size")
    model = fit_quantile(known, settings_of("quantile", quantile=quantile), 3)  # type: ignore[arg-type]
    assert known.target is not None
    below = known.target <= model.score(known.features)
    assert np.average(below, weights=known.weight) == pytest.approx(quantile, abs=0.05)
