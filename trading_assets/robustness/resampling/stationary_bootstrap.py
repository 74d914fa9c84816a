"""Indices of the stationary bootstrap: blocks of random length that keep the dependence of neighbouring sessions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def stationary_indices(size: int, resamples: int, block: int, generator: np.random.Generator) -> Integers:
    """Indices (resamples, size) of the stationary bootstrap (Politis and Romano 1994).

    Each element follows the one before it, or with probability 1 / `block` starts anew anywhere; the end is
    followed by the beginning.
    """
    starts = generator.integers(0, size, (resamples, size))
    anew = generator.random((resamples, size)) < 1.0 / block
    anew[:, 0] = True
    position = np.arange(size)
    since = np.maximum.accumulate(np.where(anew, position, 0), axis=1)
    return np.asarray((np.take_along_axis(starts, since, axis=1) + position - since) % size, dtype=np.int64)
