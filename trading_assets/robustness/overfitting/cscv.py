"""Probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey et al. 2017).

The sessions are cut into an even number of blocks. For every choice of half of them, the trial that is best
there is looked up in the other half: a choice that means something does well there too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Combinations computed at once; bounds the memory.
_CHUNK = 1_000


@dataclass(frozen=True)
class Overfitting:
    """What the combinations say.

    Attributes
    ----------
    logits
        (combinations,) ln(w / (1 - w)) of the relative rank w (0 to 1, average of ties) that the best trial of
        one half has in the other; negative: below the median.
    chosen_gain
        (combinations,) mean daily return of that trial in the other half, beyond its benchmark's.
    """

    logits: Floats
    chosen_gain: Floats

    @property
    def probability(self) -> float:
        """Fraction of the combinations whose best trial ends below the median; on the median counts half."""
        return float(np.mean(self.logits < 0) + 0.5 * np.mean(self.logits == 0))

    @property
    def probability_of_loss(self) -> float:
        """Fraction of the combinations whose best trial earns less than its benchmark in the other half."""
        return float(np.mean(self.chosen_gain < 0))


def overfitting(returns: Floats, blocks: int, benchmarks: Floats | None = None) -> Overfitting | None:
    """Cross-validate the choice of the best Sharpe ratio.

    Parameters
    ----------
    returns
        (trials, sessions): daily returns of every trial on the same sessions.
    blocks
        An even number; C(blocks, blocks / 2) combinations.
    benchmarks
        (trials, sessions): what each trial is measured against where it is asked if the choice loses; None for cash.

    Returns
    -------
    None for fewer than two trials, or fewer than two sessions a block.

    Raises
    ------
    ValueError
        An odd number of blocks.

    Examples
    --------
    The best trial of every half is the best of the other one: the choice means something.

    >>> ones = np.tile([1.0, -1.0, 1.0], 8)
    >>> found = overfitting(np.stack([0.02 + 0.01 * ones, 0.01 * ones]), blocks=4)
    >>> found.logits.size, found.probability  # C(4, 2) combinations
    (6, 0.0)

    Each of two trials earns in one half of the blocks what it loses in the other. Two of the six choices are of such a
    half and end at the bottom; in the other four both trials are equal, which counts half: (2 + 4 / 2) / 6.

    >>> edge = np.repeat([0.5, 0.5, -0.5, -0.5], 6)
    >>> round(overfitting(np.stack([edge, -edge]) + 0.25 * ones, blocks=4).probability, 4)
    0.6667
    """
    if blocks % 2 or blocks < 2:
        raise ValueError(f"{blocks} blocks cannot be halved")
    trials, sessions = returns.shape
    if trials < 2 or sessions < 2 * blocks:
        return None
    edges = np.linspace(0, sessions, blocks + 1).astype(int)[:-1]
    counts = np.diff([*edges, sessions]).astype(np.float64)
    sums = np.add.reduceat(returns, edges, axis=1).T
    squares = np.add.reduceat(returns**2, edges, axis=1).T
    gains = sums if benchmarks is None else np.add.reduceat(returns - benchmarks, edges, axis=1).T
    logits, chosen_gains = [], []
    for chosen in _halves(blocks):
        inside = _sharpes(chosen, counts, sums, squares)
        outside = _sharpes(~chosen, counts, sums, squares)
        place = inside.argmax(axis=1)[:, None]
        best = np.take_along_axis(outside, place, axis=1)
        below, equal = (outside < best).sum(axis=1), (outside == best).sum(axis=1)
        rank = (below + (equal + 1) / 2) / (trials + 1)
        logits.append(np.log(rank / (1 - rank)))
        others = (~chosen).astype(np.float64)
        mean_gain = others @ gains / (others @ counts)[:, None]
        chosen_gains.append(np.take_along_axis(mean_gain, place, axis=1)[:, 0])
    return Overfitting(np.concatenate(logits), np.concatenate(chosen_gains))


def _halves(blocks: int) -> Iterator[NDArray[np.bool_]]:
    every = combinations(range(blocks), blocks // 2)
    while rows := list(islice(every, _CHUNK)):
        chosen = np.zeros((len(rows), blocks), dtype=np.bool_)
        np.put_along_axis(chosen, np.array(rows), True, axis=1)
        yield chosen


def _sharpes(chosen: NDArray[np.bool_], counts: Floats, sums: Floats, squares: Floats) -> Floats:
    """Sharpe ratio (combinations, trials) over the chosen blocks; 0 where the returns do not vary."""
    weights = chosen.astype(np.float64)
    n = (weights @ counts)[:, None]
    mean = weights @ sums / n
    variance = np.maximum(weights @ squares / n - mean**2, 0.0)
    found: Floats = np.divide(mean, np.sqrt(variance), out=np.zeros_like(mean), where=variance > 1e-20)
    return found
