"""When losses have become larger than chance makes them: Page's cumulative sums, and what is an alarm of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Of a standard deviation of the losses of a session: half of the shift that is looked for (Montgomery, Introduction to
#: Statistical Quality Control, 2013, 9.1).
TOLERATED = 0.25
#: Share of the drawn years that reach the threshold. Of simulated years without a change 2 to 5 % did where labels last
#: up to five sessions, 7 % where they last twenty: what neighbouring losses share is itself estimated.
LEVEL = 0.02
_YEAR = 252
_RESAMPLES = 2_000


def page_sums(standardised: Floats) -> Floats:
    """Return S = max(0, S + loss - `TOLERATED`) of each series: (series, sessions), in deviations.

    Examples
    --------
    >>> page_sums(np.array([[1.25, -3.0, 0.75]])).tolist()
    [[1.0, 0.0, 0.5]]
    """
    steps = standardised - TOLERATED
    total = np.cumsum(steps, axis=1)
    least = np.minimum(np.minimum.accumulate(total, axis=1), 0.0)
    found: Floats = total - least
    return found


def alarm_threshold(before: Floats, *, horizon: int, seed: int) -> float:
    """Return the sum that `LEVEL` of the years reach that are drawn from losses, in blocks.

    Losses of neighbouring sessions share the sessions of their labels, and the mean before is itself estimated: each
    year is drawn in blocks, and held against a mean that is drawn likewise (Politis and Romano, A circular
    block-resampling procedure for stationary data, 1992).

    Parameters
    ----------
    before
        (sessions,) losses in order of time, not all the same.
    horizon
        Sessions of a label.
    seed
        Of the draws.
    """
    generator = np.random.default_rng(seed)
    block = min(4 * (horizon + 1), len(before) // 4)
    known, year = _resampled(before, len(before), block, generator), _resampled(before, _YEAR, block, generator)
    drawn = (year - known.mean(axis=1, keepdims=True)) / known.std(axis=1, ddof=1, keepdims=True)
    return float(np.quantile(page_sums(drawn).max(axis=1), 1 - LEVEL))


def _resampled(losses: Floats, length: int, block: int, generator: np.random.Generator) -> Floats:
    """(resamples, length) of blocks of losses, the end of which is followed by the beginning."""
    starts = generator.integers(0, len(losses), (_RESAMPLES, -(-length // block)))
    places = (starts[:, :, None] + np.arange(block)) % len(losses)
    found: Floats = losses[places.reshape(_RESAMPLES, -1)[:, :length]]
    return found
