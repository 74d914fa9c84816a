"""What returns promise: by hand where no draw matters, and how often the truth is below it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from trading_assets.trading.divergence.betting import Floats
from trading_assets.trading.divergence.promise import Promise, promise_of, sessions_held


def promised(returns: Sequence[float] | Floats, seed: int = 1) -> Promise:
    random = np.random.default_rng(seed)
    return promise_of(np.asarray(returns, np.float64), 252, block=5, resamples=300, generator=random)


def test_returns_that_are_all_alike_promise_themselves() -> None:
    """Each is 1 in their own scale, whatever is drawn."""
    found = promised([0.02] * 50)
    assert (found.mean, found.scale) == pytest.approx((1.0, 0.02))


def test_nothing_is_promised_by_returns_that_are_none() -> None:
    for returns in ([], [0.01, 0.02], [0.0] * 50):
        assert promised(returns) == Promise(None, None, 252)


def test_one_large_gain_promises_no_more_than_the_cut() -> None:
    """Of 99 losses of 1 and a gain of 1,000 the gain is cut at 3 scales: the cut mean is 3 / 100 less 99 small ones."""
    returns = np.array([-0.001] * 99 + [1.0])
    scale = math.sqrt(float(np.mean(returns**2)))
    found = promised(returns)
    assert found.mean is not None
    assert found.mean < 0.03 - 99 * 0.001 / scale / 100


def test_the_true_mean_is_seldom_below_the_promise() -> None:
    """Of 300 holdouts of 250 normal returns 5 % promise more than is true, within chance."""
    random, promises = np.random.default_rng(7), list[float]()
    for seed in range(300):
        found = promised(random.normal(0.05, 1.0, 250), seed)
        assert found.mean is not None
        promises.append(found.mean)
    truth = 0.05 * math.erf(3.0 / math.sqrt(2.0))
    assert 0.01 <= np.mean(np.array(promises) > truth) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)


def test_something_is_held_from_the_entry_to_the_exit() -> None:
    """Open at the closes 1 and 2, left in 3; entered and left in 5; the rest is flat."""
    rows = {"positions": [0, 1, 1, 0, 0, 0, 0], "daily_return": [0.0, 0.0, 0.01, -0.01, 0.0, 0.02, None]}
    assert sessions_held(pl.DataFrame(rows)).tolist() == [False, True, True, True, False, True, False]
