"""What is known of a published series as one publication comes after the other."""

from __future__ import annotations

import numpy as np

from trading_assets.features.compiled.blocks import Floats, Integers
from trading_assets.features.compiled.kernel import kernel

#: Earlier observations that a value is compared with, and how many there have to be.
WINDOW, FEWEST = 20, 8
#: A spread that is a smaller part of the values is rounding, not movement.
ROUNDING = 1e-12


@kernel
def states(
    out: Floats, since: Integers, bounds: Integers, places: Integers, values: Floats, known_from: Integers
) -> None:
    """Write what is known after each publication: value, surprise and z-score of the latest observation.

    Parameters
    ----------
    out
        (publications, 3), NaN where undefined.
    since
        (publications,) `known_from` of the publication that the value is of; one that repeats it is not counted.
    bounds
        (series + 1,) first publication of each series, and the number of publications.
    places
        (publications,) number of the observation among those of its series, from 0, in the order of their times.
    values, known_from
        (publications,) what was published, and the number of the first session that knows it; each series in the order
        in which its publications became known.
    """
    for series in range(bounds.size - 1):
        first, last = bounds[series], bounds[series + 1]
        count = 0
        for row in range(first, last):
            count = max(count, places[row] + 1)
        latest, seen = np.full(count, np.nan), np.zeros(count, np.int64)
        newest = -1
        window = np.empty(WINDOW + 1)
        for row in range(first, last):
            place = places[row]
            if np.isnan(latest[place]) or latest[place] != values[row]:
                seen[place] = known_from[row]
            latest[place] = values[row]
            newest = max(newest, place)
            found = 0  # values before the latest, the newest first
            before = newest - 1
            while before >= 0 and found < WINDOW + 1:
                if not np.isnan(latest[before]):
                    window[found] = latest[before]
                    found += 1
                before -= 1
            since[row] = seen[newest]
            out[row, 0] = latest[newest]
            out[row, 1] = _surprise(latest[newest], window, found)
            out[row, 2] = _zscore(latest[newest], window, min(found, WINDOW))


@kernel
def _surprise(value: float, window: Floats, found: int) -> float:
    """The change from the observation before, in deviations of the changes before that one."""
    changes = found - 1
    if changes < FEWEST:
        return np.nan
    total = largest = 0.0
    for each in range(changes):
        total += window[each] - window[each + 1]
        largest = max(largest, abs(window[each]))
    mean, squares = total / changes, 0.0
    for each in range(changes):
        squares += (window[each] - window[each + 1] - mean) ** 2
    deviation = np.sqrt(squares / (changes - 1))
    return (value - window[0]) / deviation if deviation > ROUNDING * largest else np.nan


@kernel
def _zscore(value: float, window: Floats, found: int) -> float:
    """The distance from the mean of the observations before, in their deviations."""
    if found < FEWEST:
        return np.nan
    total = largest = 0.0
    for each in range(found):
        total += window[each]
        largest = max(largest, abs(window[each]))
    mean, squares = total / found, 0.0
    for each in range(found):
        squares += (window[each] - mean) ** 2
    deviation = np.sqrt(squares / (found - 1))
    return (value - mean) / deviation if deviation > ROUNDING * largest else np.nan
