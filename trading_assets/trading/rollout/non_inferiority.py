"""Whether a Sharpe ratio is not worse than another one by more than a margin, on the same sessions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from trading_assets.robustness.overfitting.sharpe_inference import influence, moments, prewhitened_variance

Floats = NDArray[np.float64]
_NORMAL = NormalDist()


@dataclass(frozen=True)
class NonInferiority:
    """A one-sided test that a Sharpe ratio is worse than another one by the margin or more.

    Attributes
    ----------
    sessions
        Sessions that both have.
    difference, error, margin
        Sharpe ratio less the other one, its standard error, and the margin, all a year.
    level
        Rate at which what is worse by just the margin passes.
    """

    sessions: int
    difference: float
    error: float
    margin: float
    level: float

    @property
    def p(self) -> float:
        """Probability of such a difference, or a better one, where the truth is worse by just the margin."""
        if not self.error:
            return 0.0 if self.difference + self.margin > 0 else 1.0
        return 1.0 - _NORMAL.cdf((self.difference + self.margin) / self.error)

    @property
    def passed(self) -> bool:
        """Whether it is not worse by the margin, at the level."""
        return self.p <= self.level

    @property
    def power(self) -> float:
        """Probability to pass where the two are equally good."""
        if not self.error:
            return 1.0 if self.margin > 0 else 0.0
        return _NORMAL.cdf(self.margin / self.error - _NORMAL.inv_cdf(1.0 - self.level))


def sharpe_non_inferiority(
    returns: Floats, others: Floats, *, periods: float, margin: float, level: float
) -> NonInferiority | None:
    """Test whether the Sharpe ratio of some returns is not worse than that of others by a margin or more.

    The delta method for the difference of two Sharpe ratios on paired returns with a HAC variance (Ledoit and Wolf
    2008, section 3.1): n times the variance of the difference is the long-run variance of the influence function of the
    one (Lo 2002) less that of the other, as in `sharpe_inference.long_run_variance`; never below that of independent
    sessions. Ledoit and Wolf find such a test to pass somewhat too often in small samples: the key
    `rollout.sharpe_sessions` keeps it from these.

    Parameters
    ----------
    returns, others
        (sessions,) daily returns of the same sessions.
    periods
        Sessions a year.
    margin, level
        Sharpe ratio a year by which the first may be worse, and the rate at which what is worse by that passes.

    Returns
    -------
    None where either of them does not vary.

    Examples
    --------
    The same returns are no worse than themselves, by any margin.

    >>> same = np.tile([0.01, -0.008], 50)
    >>> found = sharpe_non_inferiority(same, same, periods=252, margin=0.5, level=0.05)
    >>> found.p, found.passed
    (0.0, True)
    """
    known = moments(returns), moments(others)
    if known[0] is None or known[1] is None:
        return None
    first, second = known[0][0], known[1][0]
    apart = influence(returns, first) - influence(others, second)
    variance = max(prewhitened_variance(apart), float(apart @ apart) / apart.size)
    yearly = math.sqrt(periods)
    error = math.sqrt(variance / (returns.size - 1)) * yearly
    return NonInferiority(returns.size, (first - second) * yearly, error, margin, level)
