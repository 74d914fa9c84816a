"""Least squares with Newey-West errors, against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.api import OLS, add_constant

from trading_assets.analytics.regression import lags_of, regress


def autocorrelated(sessions: int, factors: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns of factors with loadings 1, 2, ..., and errors that follow each other and grow with the first factor."""
    random = np.random.default_rng(seed)
    moves = random.normal(0, 0.01, (sessions, factors))
    shocks = random.normal(0, 0.01, sessions) * (1 + 50 * np.abs(moves[:, 0]))
    errors = shocks.copy()
    for t in range(1, sessions):
        errors[t] += 0.5 * errors[t - 1]
    return 0.0003 + moves @ np.arange(1.0, factors + 1) + errors, moves


@pytest.mark.parametrize(("sessions", "factors", "lags"), [(120, 1, None), (900, 3, None), (400, 5, 0), (400, 2, 21)])
def test_estimates_and_errors_are_those_of_statsmodels(sessions: int, factors: int, lags: int | None) -> None:
    returns, moves = autocorrelated(sessions, factors, seed=sessions + factors)
    found = regress(returns, moves, lags)
    assert found is not None
    number = lags_of(sessions) if lags is None else lags
    theirs = OLS(returns, add_constant(moves)).fit(
        cov_type="HAC", cov_kwds={"maxlags": number, "use_correction": True, "kernel": "bartlett"}
    )
    np.testing.assert_allclose(found.estimates, theirs.params, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found.errors, theirs.bse, rtol=1e-9)
    assert found.r_squared == pytest.approx(theirs.rsquared, abs=1e-12)


def test_errors_that_follow_each_other_are_wider_than_those_that_ignore_it() -> None:
    returns, _ = autocorrelated(2_000, 1, seed=1)
    noise = np.random.default_rng(2).normal(size=(2_000, 1))
    wide, narrow = regress(returns, noise), regress(returns, noise, lags=0)
    assert wide is not None and narrow is not None
    assert wide.errors[0] > 1.2 * narrow.errors[0]


def test_nothing_is_estimated_of_too_little_or_of_copies() -> None:
    returns, moves = autocorrelated(100, 2, seed=3)
    assert regress(returns[:32], moves[:32]) is None
    assert regress(returns, np.column_stack([moves[:, 0], 2 * moves[:, 0] + 1])) is None
    assert regress(returns, np.zeros((100, 1))) is None
    assert regress(np.zeros(100), moves) is None
