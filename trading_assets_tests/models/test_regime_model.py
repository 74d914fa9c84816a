"""Regimes are filtered as the theory says: the sum over all paths."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from trading_assets.models.regime_model import RegimeModel, expected_changes, forward, log_densities


def three_regimes() -> RegimeModel:
    return RegimeModel(
        location=np.array([0.01, -4.0]),
        scale=np.array([0.05, 0.4]),
        means=np.array([[0.5, -1.0], [0.0, 0.2], [-0.7, 1.5]]),
        factors=np.array([[[0.6, 0.0], [0.1, 0.5]], [[0.8, 0.0], [-0.3, 0.7]], [[1.1, 0.0], [0.4, 0.9]]]),
        weights=np.array([0.5, 0.3, 0.2]),
        transition=np.array([[0.9, 0.08, 0.02], [0.1, 0.8, 0.1], [0.03, 0.07, 0.9]]),
    )


def test_the_filter_is_the_sum_over_all_paths() -> None:
    """Each of the 3^4 paths up to a row, with its probability and its densities (scipy)."""
    model = three_regimes()
    observations = np.array([[0.03, -4.3], [0.0, -3.9], [-0.06, -3.2], [-0.01, -3.7]])
    standard = (observations - model.location) / model.scale
    normals = [multivariate_normal(m, f @ f.T) for m, f in zip(model.means, model.factors, strict=True)]
    densities = np.array([[normal.pdf(row) for normal in normals] for row in standard])
    assert log_densities(model, observations) == pytest.approx(np.log(densities))
    for last, probability in enumerate(forward(model, np.log(densities))):
        expected = np.zeros(3)
        for path in product(range(3), repeat=last + 2):  # from the regime before the first row
            likelihood = model.weights[path[0]]
            for row in range(last + 1):
                likelihood *= model.transition[path[row], path[row + 1]] * densities[row, path[row + 1]]
            expected[path[-1]] += likelihood
        assert probability == pytest.approx(expected / expected.sum())


def test_an_observation_far_from_every_regime_is_no_division_by_zero() -> None:
    model = three_regimes()
    (probability,) = forward(model, log_densities(model, np.array([[5.0, 9.0]])))
    assert np.isfinite(probability).all() and probability.sum() == pytest.approx(1)


def test_expected_changes_are_the_sum_over_all_paths() -> None:
    """Each of the 3^5 paths with its probability given all four observations."""
    model = three_regimes()
    observations = np.array([[0.03, -4.3], [0.0, -3.9], [-0.06, -3.2], [-0.01, -3.7]])
    densities = np.exp(log_densities(model, observations))
    expected, total = np.zeros((3, 3)), 0.0
    for path in product(range(3), repeat=5):  # from the regime before the first row
        likelihood = model.weights[path[0]]
        for row in range(4):
            likelihood *= model.transition[path[row], path[row + 1]] * densities[row, path[row + 1]]
        total += likelihood
        for before, after in pairwise(path[1:]):
            expected[before, after] += likelihood
    assert expected_changes(model, observations) == pytest.approx(expected / total)
