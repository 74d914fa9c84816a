from __future__ import annotations

import datetime as dt
import math
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats

from trading_assets.robustness.overfitting.cscv import overfitting
from trading_assets.robustness.overfitting.reality_check import common_returns, reality_check
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


def test_overfitting_is_a_coin_toss_on_noise_over_draws() -> None:
    found = [overfitting(noise(20, 240, seed), 8) for seed in range(200)]
    values = [each.probability for each in found if each]
    # One draw has a deviation of about .2, so the mean of 200 has .014.
    assert np.mean(values) == pytest.approx(0.5, abs=0.045)
    assert np.std(values) > 0.1


def test_overfitting_finds_a_planted_edge_and_not_200_noise_strategies() -> None:
    returns = noise(200, 1000, seed=4)
    luck = overfitting(returns, 10)
    returns[17] += 0.0025  # Sharpe 4 a year
    edge = overfitting(returns, 10)
    assert luck is not None and edge is not None
    assert luck.probability > 0.3
    assert edge.probability < 0.01 and edge.probability_of_loss < 0.01

    assert _deflated(returns, 17) > 0.95


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


def test_overfitting_by_brute_force() -> None:
    returns, blocks = noise(6, 45, seed=9), 4
    parts = np.split(np.arange(45), np.linspace(0, 45, blocks + 1).astype(int)[1:-1])
    logits = []
    for half in combinations(range(blocks), 2):
        inside = np.concatenate([parts[b] for b in half])
        outside = np.setdiff1d(np.arange(45), inside)
        here, there = (returns[:, part].mean(axis=1) / returns[:, part].std(axis=1) for part in (inside, outside))
        rank = (np.argsort(np.argsort(there))[here.argmax()] + 1) / 7
        logits.append(math.log(rank / (1 - rank)))
    found = overfitting(returns, blocks)
    assert found is not None and found.logits == pytest.approx(logits)


def test_overfitting_of_too_little() -> None:
    assert overfitting(noise(1, 100, 0), 4) is None
    assert overfitting(noise(5, 7, 0), 4) is None
    same = overfitting(np.repeat(noise(1, 100, 0), 4, axis=0), 4)
    assert same is not None and same.probability == 0.5
    with pytest.raises(ValueError, match="halved"):
        overfitting(noise(5, 100, 0), 5)


def test_superiority_of_an_edge_and_of_noise() -> None:
    returns = noise(5, 750, seed=6).T
    returns -= returns.mean(axis=0)
    luck = reality_check(returns, block_sessions=10, resamples=500, seed=1)
    assert luck == reality_check(returns, block_sessions=10, resamples=500, seed=1)
    returns[:, 2] += 0.002
    edge = reality_check(returns, block_sessions=10, resamples=500, seed=1)
    assert luck["spa_p"] is not None and luck["spa_p"] > 0.5
    assert luck["reality_check_p"] is not None and luck["reality_check_p"] > 0.5
    assert edge["spa_p"] is not None and edge["spa_p"] < 0.01
    assert edge["reality_check_p"] is not None and edge["reality_check_p"] < 0.01


def test_superiority_of_returns_that_do_not_vary() -> None:
    nothing = {"spa_p": None, "reality_check_p": None}
    assert reality_check(np.zeros((100, 2)), block_sessions=10, resamples=50, seed=1) == nothing
    assert reality_check(noise(2, 20, 0).T, block_sessions=10, resamples=50, seed=1) == nothing


def test_common_returns_compound_over_days_that_only_one_has() -> None:
    days = [dt.date(2020, 1, day) for day in (3, 4, 5, 6)]  # Friday to Monday
    curves = pl.DataFrame(
        {
            "strategy": ["a", "a", "b", "b", "b", "b"],
            "session": [days[0], days[3], *days],
            "equity": [1.0, 1.1, 2.0, 2.2, 2.1, 2.4],
        }
    )
    assert common_returns(curves) == pytest.approx(np.array([[0.1, 0.2]]))
