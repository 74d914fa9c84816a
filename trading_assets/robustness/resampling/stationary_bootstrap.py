"""Indices of the stationary bootstrap: blocks of random length that keep the dependence of neighbouring sessions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def stationary_indices(size: int, resamples: int, block: int, generator: np.random.Generator) -> Integers:
    """Return the indices of the stationary bootstrap (Politis and Romano 1994).

    Each element follows the one before it, or with probability 1 / `block` starts anew anywhere; the end is
    followed by the beginning.

    Parameters
    ----------
    size, resamples
        Elements of the series, which is also the length of a resample, and the number of resamples.
    block
        Mean length of a block in elements.
    generator
        Source of the randomness.

    Returns
    -------
    (resamples, size), 0 to `size` - 1.

    Examples
    --------
    Blocks of one element are the ordinary bootstrap; very long ones are the series itself from another place on.

    >>> stationary_indices(5, resamples=1, block=10**9, generator=np.random.default_rng(3))
    array([[4, 0, 1, 2, 3]])
    """
    starts = generator.integers(0, size, (resamples, size))
    anew = generator.random((resamples, size)) < 1.0 / block
    anew[:, 0] = True
    position = np.arange(size)
    since = np.maximum.accumulate(np.where(anew, position, 0), axis=1)
    return np.asarray((np.take_along_axis(starts, since, axis=1) + position - since) % size, dtype=np.int64)
