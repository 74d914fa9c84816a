"""Sequential tests by betting: a gambler bets, round by round, that a mean is above 0.

If the mean of each round is at most 0 given the rounds before it, no way of betting makes money on average, and the
chance that the gambler ever has 1 / alpha times the money of the beginning is at most alpha (Ville 1939). So one may
look after every round, for ever, and stop when one likes.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: A value of a round is cut here, on both sides: 1 + bet x value stays above 0 whatever comes.
CLIP = 3.0
#: Shares of the money that are bet on a value of 1, each by a quarter of the money of the beginning: small ones find a
#: small mean, large ones a large mean soon.
BETS = (0.05, 0.1, 0.2, 0.32)


def cut(values: Floats) -> Floats:
    """Return values cut at `CLIP` on both sides; 0 where there is none: nothing is bet then.

    To cut what is above makes an alarm later, never a false one. To cut what is below matters where a value is often
    far below 0: the test is of the mean of what is cut.
    """
    return np.clip(np.nan_to_num(values, nan=0.0, posinf=CLIP, neginf=-CLIP), -CLIP, CLIP)


def wealth(values: Floats) -> Floats:
    """Return the money of a mixture of bets after each round, 1 at the beginning.

    The mean over j of prod (1 + lambda_j z_t), a test martingale (Ville 1939; Waudby-Smith and Ramdas 2024, section 4:
    "Estimating means of bounded random variables by betting"). It is 1 / alpha or more at any time with a probability
    of at most alpha while the mean of z_t, given the past, is at most 0.

    Parameters
    ----------
    values
        (rounds,) z_t in units of a scale that was known before the round; NaN: nothing is bet. Cut by `cut`.

    Returns
    -------
    numpy.ndarray
        (rounds,)

    Examples
    --------
    Two values of 1: (1.05^2 + 1.1^2 + 1.2^2 + 1.32^2) / 4 = (1.1025 + 1.21 + 1.44 + 1.7424) / 4.

    >>> wealth(np.array([1.0, 1.0])).round(6).tolist()
    [1.1675, 1.373725]
    """
    z = cut(np.asarray(values, np.float64))
    grown = [np.cumsum(np.log1p(bet * z)) for bet in BETS]
    return np.asarray(np.mean(np.exp(grown), axis=0))


def late_evidence(values: Floats) -> Floats:
    """Return the Shiryaev-Roberts statistic of the same bets after each round: for a mean that rises at some time.

    R_t = (R_{t-1} + 1)(1 + lambda z_t), R_0 = 0, its mean over the bets: the sum, over all rounds at which the change
    may have been, of the money of a gambler who began to bet then. `wealth` has lost most of its money when a change
    comes late; this has not. While the mean is at most 0 given the past, R_t - t is a supermartingale: the mean number
    of rounds until R is A or more is at least A (Pollak 1985; Moustakides, Polunchenko and Tartakovsky 2009; Shin,
    Ramdas and Rinaldo 2024, "E-detectors"). It says nothing of the probability within a number of rounds beyond
    P(R >= A within n) <= n / A.

    Parameters
    ----------
    values
        (rounds,) as `wealth` takes them. A round without a bet counts no round: R stays.

    Returns
    -------
    numpy.ndarray
        (rounds,)

    Examples
    --------
    By hand, of a value of 0 and one of 1, a bet of 0.2: R_1 = 1 x 1, R_2 = 2 x 1.2. The mean of all: 2 x 1.1675.

    >>> late_evidence(np.array([0.0, 1.0])).round(6).tolist()
    [1.0, 2.335]
    """
    given = np.asarray(values, np.float64)
    is_bet, z, bets = ~np.isnan(given), cut(given), np.array(BETS)
    state, found = np.zeros(bets.size), np.zeros(given.size)
    for t in range(given.size):
        if is_bet[t]:
            state = (state + 1.0) * (1.0 + bets * z[t])
        found[t] = math.fsum(state) / bets.size
    return found


def ever_reached(statistic: Floats, level: float) -> NDArray[np.bool_]:
    """Return whether a statistic has been at its level or above by each round: an alarm is not taken back."""
    return np.maximum.accumulate(np.asarray(statistic, np.float64)) >= level if len(statistic) else np.zeros(0, bool)


def predictable_scale(values: Floats, first: float, half_life: float, least: float, *, weight: float = 1.0) -> Floats:
    """Return a scale for each round that was known before it: the root of a weighted mean of earlier squares.

    Parameters
    ----------
    values
        (rounds,) NaN: none, and the scale stays.
    first, weight
        Scale before any value, and as how many values it counts at the beginning.
    half_life
        Values after which one counts half.
    least
        Smallest scale.

    Returns
    -------
    numpy.ndarray
        (rounds,)

    Examples
    --------
    A half life of 1: the 2 of the beginning counts half by then, so the square is (0.5 x 4 + 0) / (0.5 + 1).

    >>> predictable_scale(np.array([0.0, 5.0]), 2.0, 1.0, 0.1).round(6).tolist()
    [2.0, 1.154701]
    """
    kept, found = 0.5 ** (1.0 / half_life), np.empty(len(values))
    total, squares = weight, weight * first * first
    for t, value in enumerate(values):
        found[t] = max(math.sqrt(squares / total), least)
        if not math.isnan(value):
            total, squares = kept * total + 1.0, kept * squares + value * value
    return found
