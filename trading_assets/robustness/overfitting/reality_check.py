"""Is the best of all trials on record better than cash, given how many there were?

The library `arch` has these tests too, but wants the same sessions of all, and does not divide by the deviation when it
compares the best with its resamples. Here a session that a trial has no return of is missing, and each trial counts by
its t-statistic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trading_assets.robustness.resampling.stationary_bootstrap import stationary_indices

Floats = NDArray[np.float64]

#: A trial of fewer sessions is not in the test.
LEAST_SESSIONS = 250
_NO_SPREAD = 1e-12
#: Resamples computed at once; bounds the memory.
_CHUNK = 200


def reality_check(
    returns: Floats, *, block_sessions: int, resamples: int, seed: int, not_on_record: int = 0
) -> dict[str, float | None]:
    """Return the p-values of the hypothesis that no trial earns more than cash.

    The statistic is the largest t_i = sqrt(n_i) mean_i / deviation_i, or 0 if none is above. It is compared with what
    `resamples` of the stationary bootstrap show about means of 0: whole sessions of the union calendar are drawn, so
    that trials stay as alike as they are, and a trial's missing sessions stay missing. Means of resamples are stretched
    by what the bootstrap of n sessions loses of their variance, see `_stretch`.

    Parameters
    ----------
    resamples, seed
        Number of resamples, and the seed that they are drawn with.
    returns
        (sessions, trials) daily excess returns on the union of all calendars; NaN where a trial has none.
    block_sessions
        Mean length of a block.
    not_on_record
        Trials of which no returns are known: nobody knows how good they were, so the p-values are multiplied by all
        trials over those in the test, as for trials of fewer than `LEAST_SESSIONS` sessions; 1 at most.

    Returns
    -------
    spa_p
        Hansen's test of superior predictive ability (2005), the consistent p-value: a trial that is clearly bad, below
        -sqrt(2 ln ln n) of its bootstrapped deviations, is no candidate.
    reality_check_p
        White's reality check (2000): every trial, however bad, counts as if its true mean were 0.
    Both None where no trial has enough sessions and returns that vary.

    Examples
    --------
    A trial that loses is no reason to doubt the hypothesis. One that earns 0.1 % a session, give or take 0.1 %, is:
    none of 99 resamples about 0 is as good, so p = 1 / 100. One more trial, whose returns nobody knows, doubles it.

    >>> swing = np.tile([0.001, -0.001], 250)[:, np.newaxis]
    >>> reality_check(swing - 0.001, block_sessions=5, resamples=99, seed=1)
    {'spa_p': 1.0, 'reality_check_p': 1.0}
    >>> reality_check(swing + 0.001, block_sessions=5, resamples=99, seed=1)
    {'spa_p': 0.01, 'reality_check_p': 0.01}
    >>> reality_check(swing + 0.001, block_sessions=5, resamples=99, seed=1, not_on_record=1)["spa_p"]
    0.02
    """
    there = ~np.isnan(returns)
    enough = there.sum(axis=0) >= LEAST_SESSIONS
    values, seen = np.where(there, returns, 0.0)[:, enough], there[:, enough].astype(np.float64)
    n = seen.sum(axis=0)
    mean = values.sum(axis=0) / np.maximum(n, 1.0)
    centred = (values - mean) * seen
    deviation = np.sqrt((centred**2).sum(axis=0) / np.maximum(n - 1, 1.0))
    varies = deviation > _NO_SPREAD
    if not varies.any():
        return {"spa_p": None, "reality_check_p": None}
    # A trial that never traded cannot be the best: its statistic is 0 in the sample and in each resample.
    factor = np.divide(np.sqrt(n), deviation, out=np.zeros_like(n), where=varies)
    drawn = _resampled_means(centred, seen, block_sessions, resamples, seed) * factor * _stretch(n, block_sessions)
    actual = mean * factor
    omega = drawn.std(axis=0)
    clearly_bad = actual < -omega * np.sqrt(2 * np.log(np.log(n)))
    best = max(0.0, float(actual.max()))
    penalty = (returns.shape[1] + not_on_record) / int(enough.sum())

    def p_value(shown: Floats) -> float:
        as_good = int(np.sum(np.maximum(shown.max(axis=1), 0.0) >= best))
        return float(min(1.0, penalty * (1 + as_good) / (1 + resamples)))

    return {
        "spa_p": p_value(drawn + np.where(clearly_bad, actual, 0.0)),
        "reality_check_p": p_value(drawn),
    }


def _resampled_means(centred: Floats, seen: Floats, block: int, resamples: int, seed: int) -> Floats:
    """Means (resamples, trials) of the sessions drawn that a trial has; 0 where it has none of them."""
    generator, size = np.random.default_rng(seed), len(centred)
    means = np.empty((resamples, centred.shape[1]))
    complete = bool(seen.all())
    for begin in range(0, resamples, _CHUNK):
        rows = stationary_indices(size, min(_CHUNK, resamples - begin), block, generator)
        offset = size * np.arange(len(rows))[:, None]
        times = np.bincount((rows + offset).ravel(), minlength=rows.size).reshape(rows.shape).astype(np.float64)
        counts = np.full((len(rows), 1), float(size)) if complete else times @ seen
        means[begin : begin + len(rows)] = (times @ centred) / np.maximum(counts, 1.0)
    return means


def _stretch(n: Floats, block: int) -> Floats:
    """Return how much wider the means of resamples have to be spread, by the number of sessions.

    A sample's autocovariances about its own mean are each too small by about the variance of that mean. The stationary
    bootstrap adds up 2 `block` - 1 of them (with weights (1 - 1 / block) ** k), so the variance of its means is too
    small by a part (2 block - 1) / n. No more than doubled.
    """
    return np.asarray(1 / np.sqrt(np.maximum(1 - (2 * block - 1) / n, 0.5)))
