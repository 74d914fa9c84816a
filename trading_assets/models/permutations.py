"""Permutations that leave each session what it has: only rows of one session change places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trading_assets.models.samples import Days, RowNumbers


def strata_of(session: Days, tested: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the group of each row within which rows may change places.

    A group is a session: whatever all of its symbols share (a falling market, its share of label 1) stays where it is.
    Where no session has two rows, as of a universe of one symbol, there are two groups: the rows that are tested, and
    all others. Then values change places in time.

    Parameters
    ----------
    session
        (rows,) days since 1970-01-01.
    tested
        (rows,) whether a row is of the test part of a fold.

    Examples
    --------
    >>> strata_of(np.array([7, 7, 8], dtype=np.int32), np.array([False, False, True])).tolist()
    [7, 7, 8]
    >>> strata_of(np.array([7, 8, 9], dtype=np.int32), np.array([False, False, True])).tolist()
    [0, 0, 1]
    """
    if np.unique(session).size < session.size:
        return session.astype(np.int64)
    return tested.astype(np.int64)


def shuffled(strata: NDArray[np.int64], draws: np.random.Generator) -> RowNumbers:
    """Return whose value each row takes: all permutations within a group are equally likely.

    Parameters
    ----------
    strata, draws
        (rows,) group of each row, and what draws.

    Examples
    --------
    >>> strata = np.array([1, 1, 2, 1, 2])
    >>> taken = shuffled(strata, np.random.default_rng(5))
    >>> strata[taken].tolist(), sorted(taken.tolist())
    ([1, 1, 2, 1, 2], [0, 1, 2, 3, 4])
    """
    found = np.empty(strata.size, dtype=np.int64)
    found[np.argsort(strata, kind="stable")] = np.lexsort((draws.random(strata.size), strata))
    return found


def cyclic_permutation(strata: NDArray[np.int64], draws: np.random.Generator) -> RowNumbers:
    """Return another row of its group for each row, all of them equally likely, and each row for one.

    The rows of a group are put into a circle at random, and each takes from the next. A plain permutation would leave
    one row of each group in its place on average: of a session with two symbols that is half of them. A row that is
    alone in its group keeps its own value.

    Parameters
    ----------
    strata, draws
        (rows,) group of each row, and what draws.

    Examples
    --------
    >>> cyclic_permutation(np.array([1, 1, 2]), np.random.default_rng(0)).tolist()
    [1, 0, 2]
    """
    circle = np.lexsort((draws.random(strata.size), strata))
    ordered = strata[circle]
    is_first = np.r_[True, ordered[1:] != ordered[:-1]][: strata.size]
    first = circle[is_first]
    is_last = np.r_[is_first[1:], True][: strata.size]
    following = np.r_[circle[1:], circle[:1]]
    following[is_last] = first
    found = np.empty(strata.size, dtype=np.int64)
    found[circle] = following
    return found


def has_company(strata: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows are not alone in their group.

    Examples
    --------
    >>> has_company(np.array([1, 1, 2])).tolist()
    [True, True, False]
    """
    _, group, count = np.unique(strata, return_inverse=True, return_counts=True)
    found: NDArray[np.bool_] = count[group] > 1
    return found
