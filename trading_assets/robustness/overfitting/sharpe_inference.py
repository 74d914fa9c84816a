"""How much of a Sharpe ratio is what the best of many trials shows by luck.

Sharpe ratios are those of one session (not annualised) unless a name says otherwise. Kurtosis is **raw**: 3 for a
normal distribution, not 0.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EULER_MASCHERONI = 0.5772156649015329
#: Trials whose returns correlate more than this are variations of one idea.
SAME_IDEA = 0.5

_NORMAL = NormalDist()
#: A deviation below this is rounding, as in backtests/results/metrics.py.
_NO_SPREAD = 1e-12


def moments(returns: Floats) -> tuple[float, float, float] | None:
    """Sharpe ratio of a session (sample deviation), skewness and raw kurtosis; None if the returns do not vary.

    Skewness and kurtosis are m3 / m2 ** 1.5 and m4 / m2 ** 2 of the central moments.
    """
    if returns.size < 2 or float(np.std(returns, ddof=1)) < _NO_SPREAD:
        return None
    centred = returns - returns.mean()
    m2, m3, m4 = (float(np.mean(centred**power)) for power in (2, 3, 4))
    return float(returns.mean() / np.std(returns, ddof=1)), m3 / m2**1.5, m4 / m2**2


def probabilistic_sharpe(
    sharpe: float, benchmark: float, observations: int, skewness: float, kurtosis: float
) -> float | None:
    """Probability that the true Sharpe ratio is above `benchmark` (Bailey and Lopez de Prado 2012).

    Phi((SR - SR*) sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR ** 2)).

    Parameters
    ----------
    sharpe, benchmark
        Of one observation's period.
    kurtosis
        Raw.

    Returns
    -------
    None for fewer than two observations, or where the standard error is undefined.
    """
    variance = _variance(sharpe, skewness, kurtosis)
    if observations < 2 or variance <= 0:
        return None
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt((observations - 1) / variance))


def expected_maximum(trials: float) -> float:
    """Expected largest of `trials` independent standard normals (Bailey and Lopez de Prado 2014); 0 for one.

    (1 - g) z(1 - 1 / N) + g z(1 - 1 / (N e)), g the Euler-Mascheroni constant.
    """
    if trials <= 1:
        return 0.0
    high, higher = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return max(0.0, (1 - EULER_MASCHERONI) * high + EULER_MASCHERONI * higher)


def deflated_benchmark(variance: float, trials: float) -> float:
    """Sharpe ratio of a session that the best of `trials` without any skill is expected to show.

    Parameters
    ----------
    variance
        Of the trials' Sharpe ratios of a session.
    """
    return math.sqrt(variance) * expected_maximum(trials)


def deflated_sharpe(
    sharpe: float, observations: int, skewness: float, kurtosis: float, *, variance: float, trials: float
) -> float | None:
    """Deflated Sharpe ratio: `probabilistic_sharpe` against `deflated_benchmark` (Bailey and Lopez de Prado 2014)."""
    return probabilistic_sharpe(sharpe, deflated_benchmark(variance, trials), observations, skewness, kurtosis)


def minimum_track_record(
    sharpe: float, benchmark: float, skewness: float, kurtosis: float, confidence: float = 0.95
) -> float | None:
    """Sessions needed until `probabilistic_sharpe` reaches `confidence` (Bailey and Lopez de Prado 2012).

    Returns
    -------
    None where no length is enough, because the Sharpe ratio is not above the benchmark.
    """
    variance = _variance(sharpe, skewness, kurtosis)
    if sharpe <= benchmark or variance <= 0:
        return None
    return 1 + variance * (_NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2


def haircut_sharpe(sharpe: float, observations: int, trials: float) -> float:
    """Sharpe ratio that is as significant alone as `sharpe` is as one of `trials` (Harvey and Liu 2015).

    The two-sided p-value of t = SR sqrt(n) is multiplied by the number of trials (Bonferroni) and turned back
    into a Sharpe ratio; 0 where the product reaches 1, and for a negative Sharpe ratio that itself.
    """
    if sharpe <= 0:
        return sharpe
    tail = _NORMAL.cdf(-sharpe * math.sqrt(observations))
    adjusted = max(tail * max(trials, 1.0), 1e-300)
    return 0.0 if adjusted >= 0.5 else -_NORMAL.inv_cdf(adjusted) / math.sqrt(observations)


def effective_trials(returns: Floats) -> int:
    """Number of different ideas among trials: clusters of their daily returns.

    Average linkage on the distance 1 - correlation, cut where the mean correlation between two clusters falls
    to one half: what is more alike counts once. Trials whose returns do not vary are no idea and are left out.

    Parameters
    ----------
    returns
        (trials, sessions), on the same sessions.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    varying = returns[np.std(returns, axis=1) > _NO_SPREAD]
    if len(varying) < 2:
        return len(varying)
    distance = np.clip(1.0 - np.corrcoef(varying), 0.0, 2.0)
    condensed = distance[np.triu_indices(len(varying), 1)]
    clusters = fcluster(linkage(condensed, method="average"), t=1 - SAME_IDEA, criterion="distance")
    return int(clusters.max())


def _variance(sharpe: float, skewness: float, kurtosis: float) -> float:
    """Variance of an estimated Sharpe ratio x (n - 1) (Mertens 2002)."""
    return 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
