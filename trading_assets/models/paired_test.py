"""Is one model better than another? A paired test of their losses, session by session, and its power.

Scores of one session share the market's move, and labels of neighbouring sessions overlap, so that neither rows nor
sessions are independent of each other. The unit is a session's mean difference; what sessions tell of each other is in
the variance. For labels over five sessions that variance is about five times that of independent ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Rate at which an equal model is taken for a better one, one-sided.
LEVEL = 0.025
#: Cosines for n sessions: this times n to the power of two thirds, rounded down.
_COSINES, _POWER = 0.4, 2 / 3
#: Fewer cosines than this, as below 45 sessions, leave the variance to chance.
LEAST_COSINES = 5
_NO_SPREAD = 1e-15


@dataclass(frozen=True)
class PairedTest:
    """What two series of losses say of their difference.

    Attributes
    ----------
    sessions, degrees
        Pairs that were compared, and degrees of freedom of the test.
    difference
        Mean loss of the second less that of the first: above 0 the first is better.
    deviation
        Standard deviation of a session's difference.
    error
        Standard error of the mean difference, what neighbours tell of each other included.
    statistic, critical, p
        The difference over its error, the value that it has to exceed, and the one-sided p-value.
    """

    sessions: int
    degrees: int
    difference: float
    deviation: float
    error: float
    statistic: float
    critical: float
    p: float

    @property
    def is_better(self) -> bool:
        """The first is better, beyond what chance makes of equals."""
        return self.statistic > self.critical

    def figures(self) -> dict[str, float | int]:
        """Return what tables have of it, by column: `effect` is the difference, `detectable` see there."""
        return {
            "sessions": self.sessions,
            "effect": self.difference,
            "error": self.error,
            "statistic": self.statistic,
            "critical": self.critical,
            "p": self.p,
            "detectable": self.detectable(),
        }

    def power(self, difference: float) -> float:
        """Return how often a true difference of this size would be found.

        Parameters
        ----------
        difference
            In units of the loss.
        """
        from scipy.stats import nct

        return float(nct.sf(self.critical, self.degrees, difference / self.error))

    def detectable(self, power: float = 0.8) -> float:
        """Return the least true difference that would be found so often.

        Parameters
        ----------
        power
            Above the level of the test and below 1.
        """
        from scipy.optimize import brentq
        from scipy.stats import nct

        shift = brentq(lambda each: nct.sf(self.critical, self.degrees, each) - power, 0.0, self.critical + 10.0)
        return float(shift) * self.error


def cosines(sessions: int, overlap: int = 1) -> int:
    """Return how many cosines the variance of so many sessions is the mean of.

    Where labels overlap, those of a period below two labels see nothing but what the overlap has smoothed away.

    Parameters
    ----------
    sessions, overlap
        Sessions, and over how many of them a label lasts.

    Examples
    --------
    >>> cosines(750), cosines(750, 5), cosines(750, 60), cosines(45), cosines(44)
    (33, 33, 6, 5, 4)
    """
    return min(int(_COSINES * float(sessions) ** _POWER), sessions // (2 * overlap))


def paired_test(losses: Floats, others: Floats, overlap: int = 1, level: float = LEVEL) -> PairedTest | None:
    """Test whether losses are lower than others on the same sessions.

    The long-run variance is the mean of the squared projections of the differences on the first cosines, and the
    statistic has Student's t distribution with as many degrees of freedom (fixed-b asymptotics). Source: Lazarus,
    Lewis, Stock and Watson (2018), HAR Inference: Recommendations for Practice, Journal of Business & Economic
    Statistics 36(4), equations 4 and 10.

    Parameters
    ----------
    losses, others
        (sessions,) mean loss of each session, in order of time, of the model that asks and of the one there is.
    overlap
        Over how many sessions a label lasts.
    level
        Rate at which an equal model may pass.

    Returns
    -------
    None where there are too few sessions, or where the difference is the same on all of them.
    """
    from scipy.stats import t

    difference = others - losses
    count = cosines(difference.size, overlap)
    if count < LEAST_COSINES or float(np.ptp(difference)) <= _NO_SPREAD:
        return None
    mean = float(difference.mean())
    error = math.sqrt(_long_run_variance(difference, count) / difference.size)
    critical = float(t.isf(level, count))
    if error <= _NO_SPREAD:
        return None
    statistic = mean / error
    return PairedTest(
        sessions=difference.size,
        degrees=count,
        difference=mean,
        deviation=float(difference.std(ddof=1)),
        error=error,
        statistic=statistic,
        critical=critical,
        p=float(t.sf(statistic, count)),
    )


def _long_run_variance(values: Floats, count: int) -> float:
    """Mean of the squared projections on the first `count` cosines of type II, which do not see the mean."""
    middles = (np.arange(values.size) + 0.5) / values.size
    frequencies = np.arange(1, count + 1)
    projections = math.sqrt(2 / values.size) * (np.cos(np.pi * np.outer(frequencies, middles)) @ values)
    return float(np.mean(projections**2))
