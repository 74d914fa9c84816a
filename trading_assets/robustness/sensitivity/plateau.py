"""Parameters by plateau, not by peak: the point of the grid whose neighbourhood does best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Choice(NamedTuple):
    """A point of the grid and its surroundings.

    Attributes
    ----------
    point
        Number of the point, in the order of the grid (the last parameter changes fastest).
    sharpe
        Sharpe ratio of the point; 0 where it is undefined: it did not trade.
    neighbourhood_mean
        Mean of the point's Sharpe ratio and those of its neighbours.
    worst_neighbour
        The lowest of its neighbours; its own if it has none.
    """

    point: int
    sharpe: float
    neighbourhood_mean: float
    worst_neighbour: float


def choices(sharpes: Floats, ordered: Sequence[bool]) -> list[Choice]:
    """Return every point of the grid with its surroundings, in the order of the grid.

    Parameters
    ----------
    sharpes
        One axis a parameter; NaN where undefined.
    ordered
        Whether the values of each parameter are numbers: then a neighbour is one step away. Names have no order:
        every other one is a neighbour.

    Examples
    --------
    One parameter with three numbers: the middle one has two neighbours.

    >>> [round(each.neighbourhood_mean, 2) for each in choices(np.array([0.5, 1.0, 3.0]), ordered=[True])]
    [0.75, 1.5, 2.0]
    """
    values = np.nan_to_num(sharpes)
    found = []
    for point, place in enumerate(np.ndindex(values.shape)):
        beside = np.array([values[other] for other in _neighbours(place, values.shape, ordered)])
        own = float(values[place])
        found.append(
            Choice(point, own, float(np.append(beside, own).mean()), float(beside.min()) if beside.size else own)
        )
    return found


def peak(found: Sequence[Choice]) -> Choice:
    """Return the point with the highest Sharpe ratio; the first of equals.

    Examples
    --------
    >>> peak(choices(np.array([0.9, 1.4, 1.2, 0.0, 2.0, 0.0]), ordered=[True])).point
    4
    """
    return max(found, key=lambda choice: (choice.sharpe, -choice.point))


def plateau(found: Sequence[Choice]) -> Choice:
    """Return the point with the best neighbourhood.

    Of equals the one whose worst neighbour is better, then the one that is better itself, then the first.

    Examples
    --------
    The peak of 2 stands alone: (0 + 2 + 0) / 3 is less than (0.9 + 1.4 + 1.2) / 3.

    >>> plateau(choices(np.array([0.9, 1.4, 1.2, 0.0, 2.0, 0.0]), ordered=[True])).point
    1
    """
    return max(
        found,
        key=lambda choice: (choice.neighbourhood_mean, choice.worst_neighbour, choice.sharpe, -choice.point),
    )


def _neighbours(place: tuple[int, ...], shape: tuple[int, ...], ordered: Sequence[bool]) -> list[tuple[int, ...]]:
    found = []
    for axis, (at, size) in enumerate(zip(place, shape, strict=True)):
        steps = [at - 1, at + 1] if ordered[axis] else [other for other in range(size) if other != at]
        found += [(*place[:axis], step, *place[axis + 1 :]) for step in steps if 0 <= step < size]
    return found
