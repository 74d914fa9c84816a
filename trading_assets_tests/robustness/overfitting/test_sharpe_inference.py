from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from trading_assets.robustness.overfitting.sharpe_inference import (
    deflated_benchmark,
    deflated_sharpe,
    effective_trials,
    expected_maximum,
    haircut_sharpe,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
)

YEAR = 252


def noise(trials: int, sessions: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0.0, 0.01, (trials, sessions))


def test_probabilistic_sharpe_of_the_paper() -> None:
    assert probabilistic_sharpe(0.458, 0.0, 24, 0.0, 3.0) == pytest.approx(0.9817, abs=5e-5)


def test_deflated_sharpe_of_the_paper() -> None:
    # Annual Sharpe 2.5 over five years of 250 days, 100 trials of variance 1/2 a year (Bailey, Lopez de Prado 2014).
    variance = 0.5 / 250
    assert deflated_benchmark(variance, 100) == pytest.approx(0.1132, abs=5e-5)
    found = deflated_sharpe(2.5 / math.sqrt(250), 1250, -3.0, 10.0, variance=variance, trials=100)
    assert found == pytest.approx(0.9004, abs=5e-5)


def test_minimum_track_record_of_the_paper() -> None:
    found = minimum_track_record(2 / math.sqrt(YEAR), 1 / math.sqrt(YEAR), 0.0, 3.0)
    assert found is not None and found / YEAR == pytest.approx(2.73, abs=5e-3)
    assert minimum_track_record(0.05, 0.05, 0.0, 3.0) is None


def test_the_minimum_track_record_is_where_the_probability_is_reached() -> None:
    length = minimum_track_record(0.1, 0.02, -0.7, 6.0, confidence=0.9)
    assert length is not None
    before, after = (probabilistic_sharpe(0.1, 0.02, n, -0.7, 6.0) for n in (math.floor(length), math.ceil(length)))
    assert before is not None and after is not None and before < 0.9 <= after


def test_expected_maximum() -> None:
    assert expected_maximum(100) == pytest.approx(2.5306, abs=5e-5)
    assert expected_maximum(1) == 0.0
    # The formula is asymptotic: within 2 % of what drawing shows.
    drawn = np.random.default_rng(0).standard_normal((20_000, 100)).max(axis=1).mean()
    assert expected_maximum(100) == pytest.approx(drawn, rel=0.02)


def test_one_trial_is_not_deflated() -> None:
    assert deflated_sharpe(0.1, 500, 0.0, 3.0, variance=0.0, trials=1) == probabilistic_sharpe(0.1, 0.0, 500, 0.0, 3.0)


def test_haircut_by_hand() -> None:
    # t = 3 has a two-sided p-value of .0027; times 10 it is that of t = 2.2125.
    assert haircut_sharpe(3 / math.sqrt(500), 500, 10) == pytest.approx(2.2125 / math.sqrt(500), rel=1e-3)
    assert haircut_sharpe(3 / math.sqrt(500), 500, 1) == pytest.approx(3 / math.sqrt(500))
    assert haircut_sharpe(1 / math.sqrt(500), 500, 100) == 0.0


def test_moments_are_those_of_scipy() -> None:
    returns = np.random.default_rng(3).standard_t(5, 400)
    found = moments(returns)
    assert found is not None
    assert found[1:] == pytest.approx((stats.skew(returns), stats.kurtosis(returns, fisher=False)))
    assert moments(np.full(10, 0.01)) is None


def test_trials_that_are_alike_count_once() -> None:
    ideas = noise(5, 500, seed=1)
    variations = np.repeat(ideas, 8, axis=0) + noise(40, 500, seed=2) / 4
    assert effective_trials(noise(40, 500, seed=2)) == 40
    assert effective_trials(variations) == 5
    assert effective_trials(variations[np.random.default_rng(0).permutation(40)]) == 5
    assert effective_trials(np.zeros((3, 100))) == 0
    assert effective_trials(np.vstack([ideas[:1], np.zeros((2, 500))])) == 1


def test_the_best_of_200_noise_strategies_is_not_significant() -> None:
    returns = noise(200, 1000, seed=4)
    sharpes = _sharpes(returns)
    best = int(np.argmax(sharpes))
    assert sharpes[best] * math.sqrt(YEAR) > 1.0
    assert _deflated(returns, best) < 0.95


def _sharpes(returns: NDArray[np.float64]) -> list[float]:
    return [found[0] for row in returns if (found := moments(row))]


def _deflated(returns: NDArray[np.float64], chosen: int) -> float:
    found = moments(returns[chosen])
    assert found is not None
    others = np.var(_sharpes(returns), ddof=1)
    value = deflated_sharpe(found[0], returns.shape[1], *found[1:], variance=float(others), trials=len(returns))
    assert value is not None
    return value
