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

#: Trials whose returns correlate more than this are one.
TWINS = 0.99
#: The AR(1) of the prewhitening is no closer to a unit root than this (Andrews and Monahan 1992).
LARGEST_AR = 0.97

_NORMAL = NormalDist()
#: A deviation below this is rounding, as in backtests/results/metrics.py.
_NO_SPREAD = 1e-12


def moments(returns: Floats) -> tuple[float, float, float] | None:
    """Return the Sharpe ratio of a session (sample deviation), skewness and raw kurtosis; None if nothing varies.

    Skewness and kurtosis are m3 / m2 ** 1.5 and m4 / m2 ** 2 of the central moments.

    Examples
    --------
    The mean of these four is 1, their sample deviation the root of 20 / 3.

    >>> sharpe, skewness, kurtosis = moments(np.array([-2.0, 0.0, 2.0, 4.0]))
    >>> round(sharpe, 4), skewness, round(kurtosis, 2)
    (0.3873, 0.0, 1.64)
    """
    if returns.size < 2 or float(np.std(returns, ddof=1)) < _NO_SPREAD:
        return None
    centred = returns - returns.mean()
    m2, m3, m4 = (float(np.mean(centred**power)) for power in (2, 3, 4))
    return float(returns.mean() / np.std(returns, ddof=1)), m3 / m2**1.5, m4 / m2**2


def independent_variance(sharpe: float, skewness: float, kurtosis: float) -> float:
    """Return the variance of an estimated Sharpe ratio x (n - 1) of independent returns (Mertens 2002).

    1 - skew SR + (kurtosis - 1) / 4 SR ** 2: what Bailey and Lopez de Prado (2012) use. Below 0 for moments that no
    returns have.

    Parameters
    ----------
    sharpe
        Sharpe ratio of a session, not annualised.
    skewness, kurtosis
        Moments of the returns, see `moments`; the kurtosis is raw: 3 for a normal distribution.

    Examples
    --------
    Of normal returns it is 1 + SR ** 2 / 2 (Lo 2002).

    >>> independent_variance(sharpe=0.1, skewness=0.0, kurtosis=3.0)
    1.005
    """
    return 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2


def long_run_variance(returns: Floats) -> float | None:
    """Return the variance of the estimated Sharpe ratio x (n - 1) of returns that depend on those before.

    The long-run variance of the influence function psi_t = z_t - SR / 2 (z_t ** 2 - 1), z_t the standardised returns
    (Lo 2002): prewhitened by an AR(1) whose coefficient is kept within 0.97 of 0, Bartlett weights up to the lag
    floor(4 (n / 100) ** (2 / 9)), recoloured (Andrews and Monahan 1992; Newey and West 1994). Never below
    `independent_variance`: returns that swing back make a Sharpe ratio look better known than anybody should bet on.

    Parameters
    ----------
    returns
        (sessions,) daily excess returns.

    Returns
    -------
    None if the returns do not vary.

    Examples
    --------
    Returns that alternate look better known than they are: the variance is no less than that of independent ones.

    >>> returns = np.tile([0.01, -0.008], 50)
    >>> long_run_variance(returns) == independent_variance(*moments(returns))
    True
    """
    found = moments(returns)
    if found is None:
        return None
    sharpe, skewness, kurtosis = found
    variance = prewhitened_variance(influence(returns, sharpe))
    return float(max(variance, independent_variance(sharpe, skewness, kurtosis)))


def influence(returns: Floats, sharpe: float) -> Floats:
    """Return the influence function psi_t = z_t - SR / 2 (z_t ** 2 - 1) of a Sharpe ratio (Lo 2002).

    Parameters
    ----------
    returns
        (sessions,) daily excess returns that vary, z_t when standardised.
    sharpe
        Their Sharpe ratio of a session.
    """
    z = (returns - returns.mean()) / np.std(returns)
    return np.asarray(z - sharpe / 2 * (z**2 - 1))


def prewhitened_variance(psi: Floats) -> float:
    """Return the long-run variance of a series with mean 0: prewhitened by an AR(1), Bartlett weights, recoloured.

    See `long_run_variance`, which says how.
    """
    before = float(psi[:-1] @ psi[:-1])
    rho = 0.0 if before <= 0 else float(np.clip(psi[1:] @ psi[:-1] / before, -LARGEST_AR, LARGEST_AR))
    shocks = psi[1:] - rho * psi[:-1]
    n = shocks.size
    lags = min(int(4 * (psi.size / 100) ** (2 / 9)), n - 1)
    variance = float(shocks @ shocks) / n
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(shocks[lag:] @ shocks[:-lag]) / n
    return variance / (1 - rho) ** 2


def probabilistic_sharpe(sharpe: float, benchmark: float, observations: int, variance: float) -> float | None:
    """Return the probability that the true Sharpe ratio is above `benchmark` (Bailey and Lopez de Prado 2012).

    Phi((SR - SR*) sqrt(n - 1) / omega).

    Parameters
    ----------
    observations
        Number of returns that the estimate is of.
    sharpe, benchmark
        Sharpe ratios of one observation's period, not annualised.
    variance
        omega ** 2: `long_run_variance`, or for independent returns `independent_variance`.

    Returns
    -------
    None for fewer than two observations, or where the standard error is undefined.

    Examples
    --------
    An estimate at its benchmark is above it as likely as not.

    >>> probabilistic_sharpe(0.1, benchmark=0.1, observations=250, variance=1.0)
    0.5
    >>> round(probabilistic_sharpe(0.1, benchmark=0.0, observations=401, variance=1.0), 4)  # Phi(2)
    0.9772
    """
    if observations < 2 or variance <= 0:
        return None
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt((observations - 1) / variance))


def expected_maximum(trials: float) -> float:
    """Return the expected largest of `trials` independent standard normals (Bailey and Lopez de Prado 2014); 0 for one.

    (1 - g) z(1 - 1 / N) + g z(1 - 1 / (N e)), g the Euler-Mascheroni constant.

    Examples
    --------
    >>> round(expected_maximum(100), 4)
    2.5306
    >>> expected_maximum(1)
    0.0
    """
    if trials <= 1:
        return 0.0
    high, higher = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return max(0.0, (1 - EULER_MASCHERONI) * high + EULER_MASCHERONI * higher)


def deflated_benchmark(variance: float, trials: float) -> float:
    """Return the Sharpe ratio of a session that the best of `trials` without any skill is expected to show.

    Parameters
    ----------
    trials
        Number of trials, distinct or effective.
    variance
        Variance of the trials' Sharpe ratios of a session.

    Examples
    --------
    The example of Bailey and Lopez de Prado (2014): 100 trials whose annual ratios have a variance of 1/2, and 250
    sessions a year.

    >>> round(deflated_benchmark(variance=0.5 / 250, trials=100), 4)
    0.1132
    """
    return math.sqrt(variance) * expected_maximum(trials)


def deflated_sharpe(
    sharpe: float, observations: int, variance: float, *, benchmark: float, types: int = 1
) -> float | None:
    """Return the deflated Sharpe ratio: `probabilistic_sharpe` against the best of all trials without skill.

    1 - min(1, T (1 - PSR(SR0))): for one type what Bailey and Lopez de Prado (2014) define. Trials of other types have
    Sharpe ratios of another spread, so they are not pooled: whoever tried T different types could have shown any of
    them, and each pays for that (Bonferroni).

    Parameters
    ----------
    sharpe, observations
        Sharpe ratio of a session, and the number of sessions that it is of.
    variance
        Variance of the estimate, as in `probabilistic_sharpe`.
    benchmark
        `deflated_benchmark` of the trials of the strategy's own type.
    types
        Effective number of types, see `effective_trials`.

    Examples
    --------
    The example of Bailey and Lopez de Prado (2014): an annual ratio of 2.5 over five years of 250 sessions, a
    skewness of -3 and a kurtosis of 10, the best of 100 trials.

    >>> sharpe = 2.5 / math.sqrt(250)
    >>> variance = independent_variance(sharpe, skewness=-3.0, kurtosis=10.0)
    >>> benchmark = deflated_benchmark(variance=0.5 / 250, trials=100)
    >>> round(deflated_sharpe(sharpe, 1250, variance, benchmark=benchmark), 3)
    0.9
    >>> round(deflated_sharpe(sharpe, 1250, variance, benchmark=benchmark, types=2), 3)
    0.801
    """
    alone = probabilistic_sharpe(sharpe, benchmark, observations, variance)
    return None if alone is None else 1 - min(1.0, max(types, 1) * (1 - alone))


def minimum_track_record(sharpe: float, benchmark: float, variance: float, confidence: float = 0.95) -> float | None:
    """Return the sessions until `probabilistic_sharpe` reaches `confidence` (Bailey and Lopez de Prado 2012).

    Parameters
    ----------
    sharpe, benchmark
        Sharpe ratios of a session.
    confidence
        Probability, 0 to 1.
    variance
        Variance of the estimate, as in `probabilistic_sharpe`.

    Returns
    -------
    None where no length is enough, because the Sharpe ratio is not above the benchmark.

    Examples
    --------
    1 + (1.6449 / 0.1) ** 2

    >>> round(minimum_track_record(0.1, benchmark=0.0, variance=1.0), 1)
    271.6
    """
    if sharpe <= benchmark or variance <= 0:
        return None
    return 1 + variance * (_NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2


def haircut_sharpe(sharpe: float, observations: int, trials: float) -> float:
    """Return the Sharpe ratio that is as significant alone as `sharpe` is as one of `trials` (Harvey and Liu 2015).

    The two-sided p-value of t = SR sqrt(n) is multiplied by the number of trials (Bonferroni) and turned back
    into a Sharpe ratio; 0 where the product reaches 1, and for a negative Sharpe ratio that itself.

    Parameters
    ----------
    sharpe, observations
        Sharpe ratio of a session, and the number of sessions that it is of.
    trials
        Number of trials, all of them: a Bonferroni haircut does not ask how alike they are.

    Examples
    --------
    t = 3 has the tail 0.00135; ten times that is the tail of t = 2.2116.

    >>> round(haircut_sharpe(0.3, observations=100, trials=10), 4)
    0.2212
    >>> haircut_sharpe(0.3, observations=100, trials=1000)
    0.0
    """
    if sharpe <= 0:
        return sharpe
    tail = _NORMAL.cdf(-sharpe * math.sqrt(observations))
    adjusted = max(tail * max(trials, 1.0), 1e-300)
    return 0.0 if adjusted >= 0.5 else -_NORMAL.inv_cdf(adjusted) / math.sqrt(observations)


def effective_trials(returns: Floats) -> int:
    """Return the number of different ideas among trials: clusters of their daily returns.

    Average linkage on the distance 1 - correlation, cut where the mean correlation between two clusters falls
    to one half: what is more alike counts once. Trials whose returns do not vary are no idea and are left out.

    Parameters
    ----------
    returns
        (trials, sessions), on the same sessions.

    Examples
    --------
    The second trial is the first one at twice the size, the third one has nothing to do with either.

    >>> returns = np.array([[1.0, -1.0, 1.0, -1.0], [2.0, -2.0, 2.0, -2.0], [1.0, 1.0, -1.0, -1.0]])
    >>> effective_trials(returns)
    2
    """
    varying = returns[np.std(returns, axis=1) > _NO_SPREAD]
    count = len(varying)
    return len(set(cluster_labels(np.corrcoef(varying).reshape(count, count)))) if count else 0


def cluster_labels(correlations: Floats, *, alike: float = SAME_IDEA, method: str = "average") -> list[int]:
    """Return a number for each row of a matrix of correlations, the same for rows of a cluster.

    Parameters
    ----------
    correlations
        (rows, rows), symmetric, 1 on the diagonal.
    alike
        Clusters are joined while their correlation is above.
    method
        How the correlation of two clusters is taken: `average`, or `complete` for that of the two least alike.

    Examples
    --------
    >>> cluster_labels(np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]]))
    [1, 1, 2]
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    size = len(correlations)
    if size < 2:
        return [1] * size
    condensed = np.clip(1.0 - correlations, 0.0, 2.0)[np.triu_indices(size, 1)]
    return [int(each) for each in fcluster(linkage(condensed, method=method), t=1 - alike, criterion="distance")]


def without_twins(returns: Floats) -> list[list[int]]:
    """Group trials that are the same but for rounding: every two of a group correlate more than 0.99.

    Complete linkage, so that neighbours of a grid that each resemble the next are not one trial. Trials whose returns
    do not vary are a group together: none of them did anything.

    Parameters
    ----------
    returns
        (trials, sessions), on the same sessions.

    Returns
    -------
    Rows of each group, ascending; the groups by their first row.

    Examples
    --------
    >>> without_twins(np.array([[1.0, -1.0, 2.0], [3.0, 1.0, 2.0], [2.0, -2.0, 4.0], [0.0, 0.0, 0.0]]))
    [[0, 2], [1], [3]]
    """
    varies = np.std(returns, axis=1) > _NO_SPREAD
    rows, idle = np.flatnonzero(varies), np.flatnonzero(~varies).tolist()
    correlations = np.corrcoef(returns[rows]).reshape(rows.size, rows.size) if rows.size else np.empty((0, 0))
    groups: dict[int, list[int]] = {}
    for row, label in zip(rows.tolist(), cluster_labels(correlations, alike=TWINS, method="complete"), strict=True):
        groups.setdefault(label, []).append(row)
    return sorted([*groups.values(), *([idle] if idle else [])])
