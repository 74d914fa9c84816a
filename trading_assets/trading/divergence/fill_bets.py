"""A bet on each fill, session by session, that knows how fills of one open hang together.

What moves all fills of an open moves them together. A bet on each as if it were news would be won many times at once,
and its money would grow on average though nothing is wrong: by exp(lambda^2 rho n (n - 1) / 2) a session, where n
fills have the covariance rho (normal values; lambda is the bet). The money of a session is divided by that, with a rho
that was known before its open. Without anything in common it is a supermartingale whatever is said, as rho is never
below 0. With something in common it is one if values are normal and rho is no more than what is said; rho is estimated,
so that the level is then a hypothesis that simulation bears out (docs/trading.md), and no guarantee.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trading_assets.trading.divergence.betting import BETS, Floats, cut

#: Share of the money of the beginning that makes each of `BETS`: the largest is what finds a doubling soon.
SHARES = (0.05, 0.05, 0.1, 0.8)
#: Covariance of two fills of an open before any session with two, and as how many pairs of fills it counts.
_FIRST_COVARIANCE, _COUNTS_AS = 0.45, 10.0
#: Fills of a session that are bet on in full: of more, each in proportion. One open is no more than so much evidence.
MOST_FILLS = 5


def factors(sessions: Sequence[Floats]) -> Floats:
    """Return by what each session multiplies the money of each bet; 1 where there is no fill.

    Parameters
    ----------
    sessions
        Values of the fills of each session, in units of a scale that was known before it. Cut by `cut`.

    Returns
    -------
    numpy.ndarray
        (sessions, bets)

    Examples
    --------
    A value of 1 alone; then two of 1, which are divided by exp(0.32^2 x 0.45 x 2 / 2) = 1.0472 at the largest bet.

    >>> factors([np.array([1.0]), np.array([1.0, 1.0])])[:, 3].round(4).tolist()
    [1.32, 1.6639]
    """
    counts, z, begin = _flat(sessions)
    has, bets = counts > 0, np.array(BETS)
    share = np.minimum(1.0, MOST_FILLS / counts[has])
    together = share * counts[has]
    pairs = (covariances(sessions)[has] * together * (together - 1.0) / 2.0)[:, None]
    found = np.ones((counts.size, bets.size))
    if z.size:
        grown = np.add.reduceat(np.log1p(bets * z[:, None]), begin, axis=0)
        found[has] = np.exp(share[:, None] * grown - bets**2 * pairs)
    return found


def covariances(sessions: Sequence[Floats]) -> Floats:
    """Return the covariance of two fills of an open as it was known before each session, at least 0.

    The mean over earlier sessions of the mean product of two of their fills, each less the mean of all fills before:
    fills that all cost more have a mean, and nothing in common beyond it. A session counts by its pairs, of at most
    `MOST_FILLS`, as the bet is divided by them: else quiet sessions of two fills would hide what those of many share.

    Parameters
    ----------
    sessions
        As `factors` takes them.

    Returns
    -------
    numpy.ndarray
        (sessions,)

    Examples
    --------
    After 1 and 2 the mean is 1.5, and the product (-0.5)(0.5): (10 x 0.45 - 0.25) / 11.

    >>> covariances([np.array([1.0, 2.0]), np.array([0.0])]).round(6).tolist()
    [0.45, 0.386364]
    """
    counts, z, begin = _flat(sessions)
    own, squares = np.zeros(counts.size), np.zeros(counts.size)
    if z.size:
        own[counts > 0], squares[counts > 0] = np.add.reduceat(z, begin), np.add.reduceat(z**2, begin)
    together, pairs = np.minimum(counts, MOST_FILLS), np.maximum(counts * (counts - 1), 1)
    weights = together * (together - 1) / 2.0
    several = _before(weights)
    products = _before(weights * (own**2 - squares) / pairs)
    means = _before(weights * own / np.maximum(counts, 1))
    mean = _before(own) / np.maximum(_before(counts.astype(np.float64)), 1.0)
    known = products - 2.0 * mean * means + several * mean**2
    return np.asarray(np.maximum(0.0, (_COUNTS_AS * _FIRST_COVARIANCE + known) / (_COUNTS_AS + several)))


def wealth_of_fills(sessions: Sequence[Floats]) -> Floats:
    """Return the money of the bets after each session, 1 at the beginning; `betting.wealth` says what it means.

    Parameters
    ----------
    sessions
        As `factors` takes them.

    Returns
    -------
    numpy.ndarray
        (sessions,)
    """
    money = np.cumprod(factors(sessions), axis=0)
    return np.asarray(sum(share * money[:, place] for place, share in enumerate(SHARES)))


def late_evidence_of_fills(sessions: Sequence[Floats]) -> Floats:
    """Return the Shiryaev-Roberts statistic of the same bets; a round of `betting.late_evidence` is a session.

    Parameters
    ----------
    sessions
        As `factors` takes them. A session without a fill counts no round.

    Returns
    -------
    numpy.ndarray
        (sessions,)
    """
    state, found, shares = np.zeros(len(BETS)), np.zeros(len(sessions)), np.array(SHARES)
    for place, (values, grown) in enumerate(zip(sessions, factors(sessions), strict=True)):
        if values.size:
            state = (state + 1.0) * grown
        found[place] = float(state @ shares)
    return found


def _flat(sessions: Sequence[Floats]) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64]]:
    """Fills by session, all of them cut, and where those of each session with any begin."""
    counts = np.array([len(each) for each in sessions], np.int64)
    z = cut(np.concatenate([np.zeros(0), *sessions]))
    return counts, z, (np.cumsum(counts) - counts)[counts > 0]


def _before(values: Floats) -> Floats:
    """Sums of what was before each session."""
    return np.asarray(np.concatenate([np.zeros(1), np.cumsum(values)[:-1]]) if values.size else values)
