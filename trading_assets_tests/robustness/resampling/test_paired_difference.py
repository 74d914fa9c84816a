"""Differences of two series, resampled with the same blocks."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap

from trading_assets.backtests.results.return_metrics import annual_return, sharpe
from trading_assets.robustness.resampling.paired_difference import (
    LEAST_SESSIONS,
    NOTHING,
    Floats,
    Interval,
    PairedDifference,
    paired_difference,
)
from trading_assets_tests.narrow import as_number

RANDOM = np.random.default_rng(11)
MARKET = RANDOM.normal(0.0003, 0.01, 700)
ONE, TWO = (MARKET + RANDOM.normal(drift, 0.004, 700) for drift in (0.0, 0.0006))


def difference(one: Floats, two: Floats, resamples: int = 2_000, block: int = 10) -> PairedDifference:
    return paired_difference(one, two, (one, two), 252, resamples=resamples, block=block, seed=3)


def apart(one: Floats, two: Floats) -> tuple[float, float]:
    """Differences of the Sharpe ratio and of the annual return, by the functions that the metrics are of."""
    sharpes, annual = ([own(each, 252) for each in (one, two)] for own in (sharpe, annual_return))
    return as_number(sharpes[1]) - as_number(sharpes[0]), as_number(annual[1]) - as_number(annual[0])


def test_the_values_are_those_of_the_metrics() -> None:
    found = difference(ONE, TWO, resamples=10)
    assert (found.sharpe.value, found.annual_return.value) == pytest.approx(apart(ONE, TWO), abs=1e-12)
    assert found.sessions == 700


def test_the_interval_agrees_with_arch_which_draws_both_series_together() -> None:
    """Two bootstraps of 4,000 resamples: their ends differ by less than a tenth of the width."""
    found = difference(ONE, TWO, resamples=4_000)
    bootstrap = StationaryBootstrap(10, ONE, TWO, seed=np.random.default_rng(5))
    drawn = bootstrap.apply(lambda one, two: np.array(apart(one, two)), 4_000)
    for interval, values in ((found.sharpe, drawn[:, 0]), (found.annual_return, drawn[:, 1])):
        low, high = np.quantile(values, [0.05, 0.95])
        assert interval.low == pytest.approx(low, abs=0.1 * (high - low))
        assert interval.high == pytest.approx(high, abs=0.1 * (high - low))


def test_what_both_have_in_common_makes_the_interval_no_wider() -> None:
    """Paired, the market cancels; the same series in another order has it twice."""
    paired = difference(ONE, TWO).sharpe
    apart = difference(ONE, RANDOM.permutation(TWO)).sharpe
    assert paired.high - paired.low < 0.7 * (apart.high - apart.low)  # type: ignore[operator]
    assert paired.tells is True and apart.tells is False


def test_turned_round_it_is_the_negative() -> None:
    one, two = difference(ONE, TWO).sharpe, difference(TWO, ONE).sharpe
    assert (one.value, one.low, one.high) == pytest.approx((-two.value, -two.high, -two.low))  # type: ignore[operator]


def test_few_sessions_say_nothing() -> None:
    found = difference(ONE[: LEAST_SESSIONS - 1], TWO[: LEAST_SESSIONS - 1])
    assert found == PairedDifference(LEAST_SESSIONS - 1, NOTHING, NOTHING)
    assert NOTHING.tells is None and Interval(0.1, -0.2, 0.3).tells is False


def test_a_series_that_never_moves_and_one_that_loses_all_are_taken() -> None:
    still, lost = np.zeros(100), np.r_[np.full(99, 0.001), -1.0]
    found = difference(still, lost, resamples=50)
    assert all(value is not None and np.isfinite(value) for value in (*found.sharpe, *found.annual_return))
