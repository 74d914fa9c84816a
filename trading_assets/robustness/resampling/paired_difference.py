"""How far two return series differ, and what chance would make of it: a paired stationary bootstrap.

Both series are resampled with the same blocks of sessions, so that what they have in common, such as the market, is in
both. Intervals are percentiles; that of the Sharpe ratio is not studentised (Ledoit and Wolf 2008, section 3.2), which
is a little too narrow in short samples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_assets.backtests.results.return_metrics import annual_sharpes
from trading_assets.robustness.resampling.stationary_bootstrap import stationary_indices

Floats = NDArray[np.float64]

#: Fewer common sessions than this say nothing.
LEAST_SESSIONS = 60
_AT_A_TIME = 500


class Interval(NamedTuple):
    """A difference, and the interval that the resamples leave it in.

    Attributes
    ----------
    value
        Second minus first; None where it is not defined.
    low, high
        Ends of the interval; None where there is none.
    """

    value: float | None
    low: float | None
    high: float | None

    @property
    def tells(self) -> bool | None:
        """Whether zero is outside of the interval; None where there is none."""
        return None if self.low is None or self.high is None else not self.low <= 0.0 <= self.high


class PairedDifference(NamedTuple):
    """What differs between two series on their common sessions.

    Attributes
    ----------
    sessions
        How many they have in common.
    annual_return
        Difference of the geometric annual returns, fractions.
    sharpe
        Difference of the annual Sharpe ratios.
    """

    sessions: int
    annual_return: Interval
    sharpe: Interval


NOTHING = Interval(None, None, None)


def paired_difference(
    first: Floats,
    second: Floats,
    excess: tuple[Floats, Floats],
    periods: float,
    *,
    resamples: int,
    block: int,
    seed: int,
) -> PairedDifference:
    """Return how much the second of two series is better than the first, with 90 % intervals.

    Parameters
    ----------
    first, second
        Daily returns on the same sessions, fractions.
    excess
        The same less what cash earned.
    periods
        Sessions of a year.
    resamples, block, seed
        Number of resamples, mean length of a block in sessions, and seed of the draws.

    Examples
    --------
    A series is no better than itself, whatever is drawn.

    >>> returns = np.random.default_rng(1).normal(0.0005, 0.01, 250)
    >>> found = paired_difference(returns, returns, (returns, returns), 252, resamples=50, block=10, seed=0)
    >>> found.sharpe
    Interval(value=0.0, low=0.0, high=0.0)
    """
    size = first.size
    if size < LEAST_SESSIONS:
        return PairedDifference(size, NOTHING, NOTHING)
    generator, returns, sharpes = np.random.default_rng(seed), list[Floats](), list[Floats]()
    for start in range(0, resamples, _AT_A_TIME):
        taken = stationary_indices(size, min(_AT_A_TIME, resamples - start), block, generator)
        returns.append(_annual(second[taken], periods) - _annual(first[taken], periods))
        sharpes.append(annual_sharpes(excess[1][taken], periods) - annual_sharpes(excess[0][taken], periods))
    annual = _annual(second[None], periods) - _annual(first[None], periods)
    sharpe = annual_sharpes(excess[1][None], periods) - annual_sharpes(excess[0][None], periods)
    return PairedDifference(size, _interval(annual[0], returns), _interval(sharpe[0], sharpes))


def _annual(returns: Floats, periods: float) -> Floats:
    """Geometric annual return of each row; a total loss is -1."""
    grown = np.log1p(np.maximum(returns, -1.0 + 1e-12)).mean(axis=1)
    return np.asarray(np.expm1(grown * periods))


def _interval(value: float, drawn: list[Floats]) -> Interval:
    low, high = np.quantile(np.concatenate(drawn), [0.05, 0.95])
    return Interval(float(value), float(low), float(high))
