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
    chosen_sharpe
        (combinations,) Sharpe ratio of a session of that trial in the other half.
    """

    logits: Floats
    chosen_sharpe: Floats

    @property
    def probability(self) -> float:
        """Fraction of the combinations whose best trial ends below the median; on the median counts half."""
        return float(np.mean(self.logits < 0) + 0.5 * np.mean(self.logits == 0))

    @property
    def probability_of_loss(self) -> float:
        """Fraction of the combinations whose best trial loses money in the other half."""
        return float(np.mean(self.chosen_sharpe < 0))


def overfitting(returns: Floats, blocks: int) -> Overfitting | None:
    """Cross-validate the choice of the best Sharpe ratio.

    Parameters
    ----------
    returns
        (trials, sessions): daily returns of every trial on the same sessions.
    blocks
        An even number; C(blocks, blocks / 2) combinations.

    Returns
    -------
    None for fewer than two trials, or fewer than two sessions a block.

    Raises
    ------
    ValueError
        An odd number of blocks.
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
    logits, sharpes = [], []
    for chosen in _halves(blocks):
        inside = _sharpes(chosen, counts, sums, squares)
        outside = _sharpes(~chosen, counts, sums, squares)
        best = np.take_along_axis(outside, inside.argmax(axis=1)[:, None], axis=1)
        below, equal = (outside < best).sum(axis=1), (outside == best).sum(axis=1)
        rank = (below + (equal + 1) / 2) / (trials + 1)
        logits.append(np.log(rank / (1 - rank)))
        sharpes.append(best[:, 0])
    return Overfitting(np.concatenate(logits), np.concatenate(sharpes))


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
