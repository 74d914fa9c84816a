"""Contributions add up to what they are of, and are the derivatives that Euler's theorem names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.analytics.risk_contributions import (
    holding_contributions,
    shortfall_contributions,
    volatility_contributions,
)


def random_parts(seed: int, sessions: int, count: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.standard_t(3, (sessions, count)) * random.uniform(0.001, 0.03, count)


@given(st.integers(0, 10_000), st.integers(2, 400), st.integers(1, 12))
def test_contributions_sum_to_the_total(seed: int, sessions: int, count: int) -> None:
    parts = random_parts(seed, sessions, count)
    total = parts.sum(axis=1)
    volatility, shortfall = volatility_contributions(parts), shortfall_contributions(parts)
    assert volatility is not None and shortfall is not None
    assert volatility.sum() == pytest.approx(total.std(ddof=1), abs=1e-12)
    worst = np.sort(total)[: int(np.ceil(0.05 * sessions))]
    assert shortfall.sum() == pytest.approx(-worst.mean(), abs=1e-12)


@pytest.mark.parametrize("of", [volatility_contributions, shortfall_contributions])
def test_a_contribution_is_the_derivative_by_the_size_of_the_part(of: object) -> None:
    """Homogeneous of degree one: growing part i by a millionth moves the total by a millionth of its contribution."""
    parts = random_parts(7, 500, 4)
    contributions = of(parts)  # type: ignore[operator]
    for i in range(4):
        grown, shrunk = parts.copy(), parts.copy()
        grown[:, i] *= 1 + 1e-6
        shrunk[:, i] *= 1 - 1e-6
        slope = (of(grown).sum() - of(shrunk).sum()) / 2e-6  # type: ignore[operator]
        assert slope == pytest.approx(contributions[i], abs=1e-8)


def test_holdings_contribute_as_the_covariance_matrix_says() -> None:
    returns, weights = random_parts(11, 250, 3), np.array([0.5, -0.2, 0.1])
    covariance = np.cov(returns, rowvar=False)
    volatility = np.sqrt(weights @ covariance @ weights)
    found = holding_contributions(weights, returns)
    assert found is not None
    np.testing.assert_allclose(found, weights * (covariance @ weights) / volatility, rtol=1e-10)


def test_what_does_not_move_has_no_contributions() -> None:
    assert volatility_contributions(np.zeros((10, 2))) is None
    assert volatility_contributions(np.ones((1, 2))) is None
    assert shortfall_contributions(np.zeros((0, 2))) is None
