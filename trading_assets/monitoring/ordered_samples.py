"""Passes over samples in order, compiled: ranks, the largest gap and the area between two distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from trading_assets.machine_code import kept_on_disk

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Ranks = NDArray[np.int32]

F = TypeVar("F", bound=Callable[..., Any])


def _compiled(function: F) -> F:
    return kept_on_disk(function, Path(__file__).parent)


@_compiled
def rank_distinct(values: Floats, order: Counts, rank: Ranks, starts: Counts) -> int:
    """Number distinct values in order, and return how many there are.

    Parameters
    ----------
    values
        (rows,) in any order.
    order
        Rows of the values that count, ascending by value.
    rank
        (rows,) is filled: 0 for the lowest distinct value; other rows stay as they are.
    starts
        (values that count + 1,) is filled as far as there are distinct values: where each begins in `order`, then the
        number of values that count.
    """
    distinct = -1
    last = 0.0
    for place in range(order.size):
        value = values[order[place]]
        if place == 0 or value != last:
            distinct += 1
            starts[distinct] = place
            last = value
        rank[order[place]] = distinct
    starts[distinct + 1] = order.size
    return distinct + 1


@_compiled
def ranks_of_windows(order: Counts, rank: Ranks, first: Ranks, after: Ranks, begins: Counts, ranks: Ranks) -> Counts:
    """Fill in the ranks of each window, ascending without a sort, and return how many each has.

    Parameters
    ----------
    order, rank
        As in `rank_distinct`.
    first, after
        (rows,) the windows that hold a row are those from `first` to before `after`.
    begins
        (windows,) where the ranks of each begin in `ranks`.
    ranks
        Is filled; a window's rows fit before the next one begins.
    """
    counts = np.zeros(begins.size, np.int64)
    for row in order:
        for window in range(first[row], after[row]):
            ranks[begins[window] + counts[window]] = rank[row]
            counts[window] += 1
    return counts


@_compiled
def gap_to_the_rest(ranks: Ranks, starts: Counts, rows: int) -> float:
    """Return the largest distance of the distribution of a window to that of the rest of a sample.

    Between the window's own points its function is constant, so that the largest distance lies at one, on either side.

    Parameters
    ----------
    ranks
        (window,) ranks of the window's values in the whole sample, ascending.
    starts
        Where each distinct value of the sample begins, as `rank_distinct` leaves it.
    rows
        Values of the sample, the window's among them.
    """
    inside, outside = ranks.size, rows - ranks.size
    largest = begin = 0
    while begin < inside:
        end = begin + 1
        while end < inside and ranks[end] == ranks[begin]:
            end += 1
        below = abs((starts[ranks[begin]] - begin) * inside - begin * outside)
        up_to = abs((starts[ranks[begin] + 1] - end) * inside - end * outside)
        largest = max(largest, below, up_to)
        begin = end
    return largest / (inside * outside)


@_compiled
def area_between(one: Floats, other: Floats) -> float:
    """Return the area between the distributions of two ascending samples, with a compensated sum (Neumaier 1974)."""
    i = j = 0
    total = lost = 0.0
    last = min(one[0], other[0])
    while i < one.size or j < other.size:
        takes_one = j == other.size or (i < one.size and one[i] <= other[j])
        value = one[i] if takes_one else other[j]
        part = abs(i / one.size - j / other.size) * (value - last)
        added = total + part
        lost += (total - added) + part if total >= part else (part - added) + total
        total = added
        last = value
        if takes_one:
            i += 1
        else:
            j += 1
    return total + lost if math.isfinite(lost) else total
