"""Numbers of regimes that mean the same after a refit, or are new ones.

At a refit both fits label the sessions just before it, each by its own filter, so that nothing later is known. A regime
takes over the number of the one with which it has these sessions in common. Where few sessions tell, what tells is how
much the two distributions overlap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trading_assets.models.regime_model import Floats, RegimeModel, forward, log_densities

#: Sessions before a refit that both fits label.
RECENT = 252
#: A regime with fewer of them is told by its distribution.
FEW = 25
#: Below this a regime is not the one before, and has a number of its own.
ALIKE = 0.8
#: Numbers that there are for each regime of a fit: columns must be there before anybody knows that they are needed.
NUMBERS_PER_REGIME = 4


def labels(model: RegimeModel, observations: Floats) -> NDArray[np.int64]:
    """Return the place of the most likely regime at each observation, filtered from the first of them."""
    return np.array([each.argmax() for each in forward(model, log_densities(model, observations))], dtype=np.int64)


def next_numbers(
    before: RegimeModel, after: RegimeModel, recent: Floats, numbers: Sequence[int], retired: Sequence[int]
) -> list[int]:
    """Return the numbers of the regimes of a refit.

    Regimes are assigned one to one so that the sum of their likeness is greatest. Likeness is the sessions that both
    fits give to the regime, over the mean of those that each of them does (Dice, Ecology 26, 1945). Of regimes with
    fewer than `FEW` sessions in either it is the overlap of their distributions. Pairs less alike than `ALIKE` are
    none.

    Parameters
    ----------
    before, after
        Two fits that follow each other.
    recent
        (sessions, features) observations before the refit.
    numbers
        Numbers of the regimes of `before`.
    retired
        All other numbers that there are, those never used first, then those out of use the longest: a new number is
        taken from there.
    """
    from scipy.optimize import linear_sum_assignment

    alike = likeness(before, after, recent)
    places = dict(zip(*reversed(linear_sum_assignment(-alike)), strict=True))
    free, found = iter(retired), []
    for place in range(len(after.weights)):
        own = places[place]
        found.append(numbers[own] if alike[own, place] >= ALIKE else next(free))
    return found


def likeness(before: RegimeModel, after: RegimeModel, recent: Floats) -> Floats:
    """Return how much each regime of a fit is each of a later one, (regimes, regimes), from 0 to 1.

    Parameters
    ----------
    before, after, recent
        As `next_numbers` takes them.
    """
    count = len(after.weights)
    common = np.zeros((count, count))
    np.add.at(common, (labels(before, recent), labels(after, recent)), 1)
    of_before, of_after = common.sum(axis=1)[:, None], common.sum(axis=0)[None, :]
    is_told = np.minimum(of_before, of_after) >= FEW
    mean = np.maximum(of_before + of_after, 1) / 2
    return np.where(is_told, common / mean, overlap(before, after))


def overlap(before: RegimeModel, after: RegimeModel) -> Floats:
    """Return the Bhattacharyya coefficient of the distributions of each pair of regimes, (regimes, regimes).

    It is exp(-D) of the distance D between normal distributions (Bhattacharyya, Bulletin of the Calcutta Mathematical
    Society 35, 1943; Kailath, IEEE Transactions on Communication Technology 15, 1967): 1 of the same, 0 of
    distributions that have nothing in common.

    Parameters
    ----------
    before, after
        Two fits, each in units of its own.
    """
    one, other = ([_of_the_data(each, place) for place in range(len(each.weights))] for each in (before, after))
    return np.array([[_coefficient(*left, *right) for right in other] for left in one])


def _of_the_data(model: RegimeModel, place: int) -> tuple[Floats, Floats]:
    factor = model.factors[place] * model.scale[:, None]
    return model.location + model.scale * model.means[place], factor @ factor.T


def _coefficient(mean: Floats, covariance: Floats, other_mean: Floats, other: Floats) -> float:
    middle, apart = (covariance + other) / 2, mean - other_mean
    logs = [np.linalg.slogdet(each)[1] for each in (middle, covariance, other)]
    distance = apart @ np.linalg.solve(middle, apart) / 8 + (logs[0] - (logs[1] + logs[2]) / 2) / 2
    return float(np.exp(-distance))
