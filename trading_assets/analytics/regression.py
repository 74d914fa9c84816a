"""Least squares of a return on factors, with errors that allow for heteroskedasticity and autocorrelation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trading_assets.backtests.engine.arrays import Floats

#: Sessions a regression needs beside its factors.
LEAST_FREEDOM = 30
#: Condition of the standardised factors from which on they are one and the same.
_COLLINEAR = 1e8


@dataclass(frozen=True)
class Regression:
    """Estimates of the constant, then of each factor.

    Attributes
    ----------
    estimates, errors
        Coefficients and their Newey-West standard errors.
    r_squared
        Share of the variance that the factors explain.
    observations, lags
        Rows, and autocovariances that the errors allow for.
    """

    estimates: Floats
    errors: Floats
    r_squared: float
    observations: int
    lags: int


def lags_of(observations: int) -> int:
    """Return the usual number of lags: 4 (T / 100)^(2/9), rounded down (Newey and West 1994, section 4).

    >>> lags_of(100), lags_of(2_500)
    (4, 8)
    """
    return int(4.0 * (observations / 100.0) ** (2.0 / 9.0))


def regress(returns: Floats, factors: Floats, lags: int | None = None) -> Regression | None:
    """Return the least-squares fit of returns on a constant and factors.

    Errors are those of Newey and West (1987) with Bartlett weights and the correction T / (T - K) for few
    observations. With b = (X'X)^-1 X'y and e = y - Xb, the variance of b is (X'X)^-1 S (X'X)^-1, where S sums
    e(t) e(t-l) x(t) x(t-l)' over lags l, weighted by 1 - l / (L + 1).

    Parameters
    ----------
    returns
        (observations,), fractions.
    factors
        (observations, factors), fractions.
    lags
        L; None: `lags_of`.

    Returns
    -------
    Regression or None
        None with too few observations, a factor that does not move, or factors that are copies of each other.
    """
    observations, count = factors.shape
    if observations < count + 1 + LEAST_FREEDOM:
        return None
    spread = factors.std(axis=0)
    if (spread <= 1e-14).any() or returns.std() <= 1e-14:
        return None
    if count > 1 and np.linalg.cond((factors - factors.mean(axis=0)) / spread) > _COLLINEAR:
        return None
    design = np.column_stack([np.ones(observations), factors])
    inverse = np.linalg.inv(design.T @ design)
    estimates = inverse @ (design.T @ returns)
    left = returns - design @ estimates
    number = lags_of(observations) if lags is None else lags
    scores = design * left[:, None]
    middle = scores.T @ scores
    for lag in range(1, number + 1):
        shared = scores[lag:].T @ scores[:-lag]
        middle += (1.0 - lag / (number + 1.0)) * (shared + shared.T)
    variance = inverse @ middle @ inverse * observations / (observations - count - 1)
    total = float(((returns - returns.mean()) ** 2).sum())
    return Regression(
        estimates=estimates,
        errors=np.sqrt(np.maximum(np.diag(variance), 0.0)),
        r_squared=1.0 - float(left @ left) / total,
        observations=observations,
        lags=number,
    )
