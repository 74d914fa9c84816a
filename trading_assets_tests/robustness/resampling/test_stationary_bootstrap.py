from __future__ import annotations

import numpy as np
import pytest

from trading_assets.robustness.resampling.stationary_bootstrap import stationary_indices


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_blocks_follow_the_series_and_have_the_mean_length() -> None:
    indices = stationary_indices(500, 400, 20, generator())
    follows = np.diff(indices, axis=1) % 500 == 1
    # A new block follows by chance in one case of 500. 400 x 499 steps: deviation of the mean below .001.
    assert 1 - follows.mean() == pytest.approx(1 / 20 * (1 - 1 / 500), abs=0.003)
    assert set(np.unique(indices)) == set(range(500))
    assert np.bincount(indices.ravel(), minlength=500).mean() == 400
    assert (stationary_indices(50, 5, 1, generator()) == stationary_indices(50, 5, 1, generator())).all()
