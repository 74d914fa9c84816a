"""Statistics of a series of returns: growth, risk, drawdowns, and what is beside a benchmark.

Returns are fractions per session; the first one is measured against the initial capital. Excess returns are those
beyond the risk-free rate. Whatever is not defined (nothing that varies, no session) is None, never NaN, infinity or a
silent zero. Losses are positive numbers, drawdowns negative ones.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: A standard deviation below this is the rounding of a constant.
_NO_SPREAD = 1e-14
#: A deviation of a resample below this is rounding.
_NO_SPREAD_OF_ROWS = 1e-12


def total_return(returns: Floats) -> float | None:
    """Return the compound return: prod(1 + r) - 1.

    Examples
    --------
    >>> round(total_return(np.array([0.1, -0.5])), 4)  # 1.1 x 0.5 - 1
    -0.45
    """
    return float(np.prod(1.0 + returns) - 1.0) if returns.size else None


def annual_return(returns: Floats, periods: float) -> float | None:
    """Return the compound annual growth rate: prod(1 + r) ** (periods / n) - 1 (GIPS); -1 after a total loss.

    Examples
    --------
    >>> round(annual_return(np.array([0.1, 0.1]), periods=4), 4)  # 1.21 ** 2 - 1
    0.4641
    """
    total = total_return(returns)
    if total is None or total < -1:
        return None
    # Logarithms, because a few sessions of a large gain overflow the power.
    exponent = math.log1p(total) * periods / returns.size if total > -1 else -math.inf
    return math.expm1(exponent) if exponent < 700 else None


def volatility(returns: Floats, periods: float) -> float | None:
    """Return the annualised sample deviation: std(r, ddof=1) x sqrt(periods).

    Examples
    --------
    >>> round(volatility(np.array([0.01, 0.03]), periods=200), 4)  # 0.02 / sqrt(2) x sqrt(200)
    0.2
    """
    return float(np.std(returns, ddof=1) * math.sqrt(periods)) if returns.size > 1 else None


def sharpe(excess: Floats, periods: float) -> float | None:
    """Return the mean excess return over its sample deviation x sqrt(periods) (Sharpe 1994); None if nothing varies.

    Examples
    --------
    The mean is 0.02, the deviation 0.02 / sqrt(2): their ratio sqrt(2), of a year of 200 sessions 20.

    >>> round(sharpe(np.array([0.01, 0.03]), periods=200), 4)
    20.0
    >>> sharpe(np.array([0.01, 0.01]), periods=200) is None
    True
    """
    deviation = _spread(excess)
    return None if deviation is None else float(excess.mean() / deviation * math.sqrt(periods))


def annual_sharpes(returns: Floats, periods: float) -> Floats:
    """Return the annual Sharpe ratio of each row, as `sharpe`; 0 where it does not vary.

    Parameters
    ----------
    returns
        (rows, sessions) excess returns.
    periods
        Sessions a year.

    Returns
    -------
    (rows,)

    Examples
    --------
    >>> annual_sharpes(np.array([[0.01, 0.03], [0.01, 0.01]]), periods=200).round(4)
    array([20.,  0.])
    """
    deviation = returns.std(axis=1, ddof=1)
    found: Floats = np.divide(
        returns.mean(axis=1) * math.sqrt(periods),
        deviation,
        out=np.zeros(len(returns)),
        where=deviation > _NO_SPREAD_OF_ROWS,
    )
    return found


def sortino(excess: Floats, periods: float) -> float | None:
    """Return the mean excess return over the downside deviation, annualised (Sortino and Price 1994); None if no loss.

    The downside deviation is sqrt(mean(min(excess, 0) ** 2)) over all sessions, not only the losing ones.

    Examples
    --------
    The mean is 0.01, the downside deviation sqrt(0.02 ** 2 / 4) = 0.01.

    >>> round(sortino(np.array([0.03, 0.0, -0.02, 0.03]), periods=100), 4)
    10.0
    """
    if excess.size < 2:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    return None if downside < _NO_SPREAD else float(excess.mean()) * math.sqrt(periods) / downside


def calmar(returns: Floats, periods: float) -> float | None:
    """Return the annual return over the size of the deepest drawdown (Young 1991, over the whole curve).

    Examples
    --------
    1.1 x 0.9 x 1.1 - 1 = 0.089 in a year of three sessions, with a fall of 0.1.

    >>> round(calmar(np.array([0.1, -0.1, 0.1]), periods=3), 4)
    0.89
    """
    return ratio(annual_return(returns, periods), _size(max_drawdown(returns)))


def drawdowns(returns: Floats) -> Floats:
    """Return the curve over its highest value so far, the initial capital included, minus 1: (n,), at most 0.

    Examples
    --------
    >>> drawdowns(np.array([-0.2, 0.25, 0.5, -0.5])).round(4)
    array([-0.2,  0. ,  0. , -0.5])
    """
    curve = np.cumprod(1.0 + returns)
    peak = np.maximum(np.maximum.accumulate(curve), 1.0)
    return np.asarray(curve / peak - 1.0, dtype=np.float64)


def max_drawdown(returns: Floats) -> float | None:
    """Return the deepest of `drawdowns`; 0 when the curve never falls.

    Examples
    --------
    >>> round(max_drawdown(np.array([-0.2, 0.25, 0.5, -0.5])), 4)
    -0.5
    """
    return float(drawdowns(returns).min()) if returns.size else None


def max_drawdown_sessions(returns: Floats) -> float | None:
    """Return the sessions from the peak before the deepest drawdown until it is regained, or to the end.

    A peak that is the initial capital stands one session before the first return. Of equally deep
    drawdowns the first counts.

    Examples
    --------
    100, 110, 55, 88, 110: the peak of the first session is regained three sessions later.

    >>> max_drawdown_sessions(np.array([0.1, -0.5, 0.6, 0.25]))
    3.0
    """
    if not returns.size:
        return None
    depth = drawdowns(returns)
    trough = int(depth.argmin())
    if depth[trough] == 0:
        return 0.0
    before = np.flatnonzero(depth[:trough] == 0)
    after = np.flatnonzero(depth[trough:] == 0)
    peak = int(before[-1]) if before.size else -1
    end = trough + int(after[0]) if after.size else returns.size - 1
    return float(end - peak)


def value_at_risk(returns: Floats, tail: float) -> float | None:
    """Return the historical 1-session value at risk: minus the `tail` quantile (linear), positive for a loss.

    Parameters
    ----------
    returns
        (sessions,) fractions.
    tail
        Probability of a larger loss, 0 to 1.

    Examples
    --------
    >>> value_at_risk(np.array([-0.04, -0.02, 0.0, 0.02, 0.04]), tail=0.25)
    0.02
    """
    return -float(np.quantile(returns, tail)) if returns.size else None


def expected_shortfall(returns: Floats, tail: float) -> float | None:
    """Return the conditional value at risk: minus the mean of the floor(tail (n - 1)) + 1 worst returns.

    Parameters
    ----------
    returns
        (sessions,) fractions.
    tail
        Probability of the losses that are averaged, 0 to 1.

    Examples
    --------
    >>> round(expected_shortfall(np.array([-0.04, -0.02, 0.0, 0.02, 0.04]), tail=0.25), 4)
    0.03
    """
    worst = np.sort(returns)[: int((returns.size - 1) * tail) + 1]
    return -float(worst.mean()) if returns.size else None


def recovery_factor(returns: Floats) -> float | None:
    """Return the total return over the size of the deepest drawdown.

    Examples
    --------
    >>> round(recovery_factor(np.array([0.5, -0.2, 0.25])), 4)  # 0.5 / 0.2
    2.5
    """
    return ratio(total_return(returns), _size(max_drawdown(returns)))


def correlation(returns: Floats, benchmark: Floats) -> float | None:
    """Return Pearson's correlation of the returns; None if either is constant.

    Examples
    --------
    >>> round(correlation(np.array([0.01, 0.02, 0.03]), np.array([0.0, -0.2, -0.4])), 4)
    -1.0
    """
    if _spread(returns) is None or _spread(benchmark) is None:
        return None
    return float(np.clip(np.corrcoef(returns, benchmark)[0, 1], -1.0, 1.0))


def beta(returns: Floats, benchmark: Floats) -> float | None:
    """Return the covariance of the returns over the benchmark's variance; None if the benchmark is constant.

    Examples
    --------
    >>> round(beta(np.array([0.02, 0.04, 0.0]), np.array([0.01, 0.02, 0.0])), 4)
    2.0
    """
    if _spread(benchmark) is None:
        return None
    centred = benchmark - benchmark.mean()
    return float(np.mean((returns - returns.mean()) * centred) / np.mean(centred**2))


def alpha(excess: Floats, benchmark_excess: Floats, periods: float) -> float | None:
    """Return Jensen's alpha: (1 + mean(excess - beta x benchmark excess)) ** periods - 1.

    Parameters
    ----------
    excess, benchmark_excess
        (sessions,) returns beyond the risk-free rate, fractions, on the same sessions.
    periods
        Sessions a year.

    Examples
    --------
    Half the benchmark and 0.1 more in each session, two of which are a year: 1.1 ** 2 - 1.

    >>> benchmark = np.array([0.02, -0.04, 0.06])
    >>> round(alpha(0.5 * benchmark + 0.1, benchmark, periods=2), 4)
    0.21
    """
    slope = beta(excess, benchmark_excess)
    if slope is None:
        return None
    daily = float(np.mean(excess - slope * benchmark_excess))
    exponent = periods * math.log1p(daily) if daily > -1 else -math.inf
    return math.expm1(exponent) if exponent < 700 else None


def information_ratio(returns: Floats, benchmark: Floats, periods: float) -> float | None:
    """Return the Sharpe ratio of the difference to the benchmark (Grinold and Kahn 1999).

    Parameters
    ----------
    returns, benchmark
        (sessions,) fractions on the same sessions, both beyond the risk-free rate or both not: it cancels.
    periods
        Sessions a year.

    Examples
    --------
    The differences are 0.01 and 0.03, as in `sharpe`.

    >>> round(information_ratio(np.array([0.02, 0.01]), np.array([0.01, -0.02]), periods=200), 4)
    20.0
    """
    return sharpe(returns - benchmark, periods)


def minimum_detectable_sharpe(sessions: int, periods: float) -> float | None:
    """Return the smallest true Sharpe that a one-sided 5 % test finds with 80 % power in a curve of this length.

    Solves s = z sqrt((1 + s ** 2 / 2) / n), the standard error of Lo (2002, eq. 9) for independent
    normal returns, with z = z(0.95) + z(0.80); annualised by sqrt(periods).

    Examples
    --------
    Ten years of 252 sessions show no annual Sharpe ratio below 0.787 reliably, one year none below 2.5.

    >>> round(minimum_detectable_sharpe(2520, periods=252), 3), round(minimum_detectable_sharpe(252, periods=252), 2)
    (0.787, 2.5)
    """
    z = NormalDist().inv_cdf(0.95) + NormalDist().inv_cdf(0.80)
    remaining = sessions - z**2 / 2
    return z / math.sqrt(remaining) * math.sqrt(periods) if remaining > 0 else None


def mean(values: Floats) -> float | None:
    """Return the arithmetic mean; None of nothing."""
    return float(values.mean()) if values.size else None


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """Return a ratio; None if either number is unknown or the denominator is 0.

    Examples
    --------
    >>> ratio(1.0, 4.0), ratio(1.0, 0.0), ratio(None, 4.0)
    (0.25, None, None)
    """
    return numerator / denominator if numerator is not None and denominator else None


def _spread(values: Floats) -> float | None:
    deviation = float(np.std(values, ddof=1)) if values.size > 1 else 0.0
    return deviation if deviation > _NO_SPREAD else None


def _size(value: float | None) -> float | None:
    return None if value is None else -value
