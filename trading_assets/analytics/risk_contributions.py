"""Who makes the risk: volatility and expected shortfall as sums of contributions (Euler)."""

from __future__ import annotations

import math

import numpy as np

from trading_assets.backtests.engine.arrays import Floats

#: Share of the sessions that are the tail.
TAIL = 0.05


def volatility_contributions(parts: Floats) -> Floats | None:
    """Return what each part contributes to the volatility of their sum; the sum of it is that volatility.

    The contribution of part i is cov(part i, total) / vol(total) (Litterman 1996; Tasche 1999, section 3).

    Parameters
    ----------
    parts
        (sessions, parts), what each part made of the account before, fractions.

    Returns
    -------
    numpy.ndarray or None
        (parts,), of a session and as a sample deviation; None with fewer than two sessions, or nothing that moves.

    Examples
    --------
    The second part hedges half of the first: the volatility is 0.5, of which the first adds 1 and the second takes 0.5.

    >>> volatility_contributions(np.array([[1.0, -0.5], [-1.0, 0.5], [0.0, 0.0]]))
    array([ 1. , -0.5])
    """
    if parts.shape[0] < 2:
        return None
    total = parts.sum(axis=1)
    deviation = total.std(ddof=1)
    if not deviation > 1e-14:
        return None
    centred = parts - parts.mean(axis=0)
    contributions: Floats = centred.T @ (total - total.mean()) / (parts.shape[0] - 1) / deviation
    return contributions


def shortfall_contributions(parts: Floats, tail: float = TAIL) -> Floats | None:
    """Return what each part lost in the worst sessions of the sum; the sum of it is the expected shortfall.

    The mean over the worst ceil(tail x sessions) sessions of the total, as a positive loss (Tasche 2000, section 4).
    Sessions that lost the same are taken in their order.

    Parameters
    ----------
    parts
        (sessions, parts), fractions.
    tail
        Share of the sessions.

    Returns
    -------
    numpy.ndarray or None
        (parts,), of a session; None without sessions.

    Examples
    --------
    The worst session lost 3 in all: the first part 4, while the second earned 1.

    >>> shortfall_contributions(np.array([[-4.0, 1.0], [2.0, 0.0], [1.0, 1.0]]))
    array([ 4., -1.])
    """
    if not parts.shape[0]:
        return None
    worst = np.argsort(parts.sum(axis=1), kind="stable")[: max(1, math.ceil(tail * parts.shape[0] - 1e-9))]
    contributions: Floats = -parts[worst].mean(axis=0)
    return contributions


def holding_contributions(weights: Floats, returns: Floats) -> Floats | None:
    """Return what each holding contributes to the volatility of today's portfolio, by past returns.

    Parameters
    ----------
    weights
        (holdings,), signed fractions of equity.
    returns
        (sessions, holdings), of the holdings, fractions.

    Returns
    -------
    numpy.ndarray or None
        As `volatility_contributions` of the weighted returns: weight x (covariance x weights) / volatility.
    """
    return volatility_contributions(returns * weights)
