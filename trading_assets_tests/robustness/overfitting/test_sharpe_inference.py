from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.signal import lfilter

from trading_assets.robustness.overfitting.sharpe_inference import (
    deflated_benchmark,
    deflated_sharpe,
    effective_trials,
    expected_maximum,
    haircut_sharpe,
    independent_variance,
    long_run_variance,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
    without_twins,
)

YEAR = 252


def noise(trials: int, sessions: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0.0, 0.01, (trials, sessions))


def test_probabilistic_sharpe_of_the_paper() -> None:
    assert probabilistic_sharpe(0.458, 0.0, 24, independent_variance(0.458, 0.0, 3.0)) == pytest.approx(
        0.9817, abs=5e-5
    )


def test_deflated_sharpe_of_the_paper() -> None:
    # Annual Sharpe 2.5 over five years of 250 days, 100 trials of variance 1/2 a year (Bailey, Lopez de Prado 2014).
    variance = 0.5 / 250
    assert deflated_benchmark(variance, 100) == pytest.approx(0.1132, abs=5e-5)
    sharpe = 2.5 / math.sqrt(250)
    benchmark = deflated_benchmark(variance, 100)
    found = deflated_sharpe(sharpe, 1250, independent_variance(sharpe, -3.0, 10.0), benchmark=benchmark)
    assert found == pytest.approx(0.9004, abs=5e-5)


def test_minimum_track_record_of_the_paper() -> None:
    found = minimum_track_record(
        2 / math.sqrt(YEAR), 1 / math.sqrt(YEAR), independent_variance(2 / math.sqrt(YEAR), 0.0, 3.0)
    )
    assert found is not None and found / YEAR == pytest.approx(2.73, abs=5e-3)
    assert minimum_track_record(0.05, 0.05, 1.0) is None


def test_the_minimum_track_record_is_where_the_probability_is_reached() -> None:
    variance = independent_variance(0.1, -0.7, 6.0)
    length = minimum_track_record(0.1, 0.02, variance, confidence=0.9)
    assert length is not None
    before, after = (probabilistic_sharpe(0.1, 0.02, n, variance) for n in (math.floor(length), math.ceil(length)))
    assert before is not None and after is not None and before < 0.9 <= after


def test_expected_maximum() -> None:
    assert expected_maximum(100) == pytest.approx(2.5306, abs=5e-5)
    assert expected_maximum(1) == 0.0
    # The formula is asymptotic: within 2 % of what drawing shows.
    drawn = np.random.default_rng(0).standard_normal((20_000, 100)).max(axis=1).mean()
    assert expected_maximum(100) == pytest.approx(drawn, rel=0.02)


def test_one_trial_is_not_deflated() -> None:
    nothing = deflated_benchmark(0.0, 1)
    assert deflated_sharpe(0.1, 500, 1.01, benchmark=nothing) == pytest.approx(
        probabilistic_sharpe(0.1, 0.0, 500, 1.01), rel=1e-12
    )


def test_each_type_on_record_is_paid_for() -> None:
    """PSR = Phi(.1 sqrt(499 / 1.005)) = Phi(2.2283) = .98707; of four types 1 - 4 x .01293 = .94828; of 100 nothing."""
    found = [deflated_sharpe(0.1, 500, 1.005, benchmark=0.0, types=types) for types in (1, 4, 100)]
    assert found == pytest.approx([0.98707, 0.94828, 0.0], abs=2e-5)
    assert deflated_sharpe(0.1, 1, 1.0, benchmark=0.0) is None


def autoregressive(phi: float, sessions: int, seed: int) -> NDArray[np.float64]:
    shocks = np.random.default_rng(seed).normal(0.0, 0.01, sessions + 100)
    return np.asarray(lfilter([1.0], [1.0, -phi], shocks)[100:])


def test_the_long_run_variance_is_that_of_an_autoregression() -> None:
    """Of AR(phi) with a mean of 0 it is (1 + phi) / (1 - phi), the variance of the mean x n / that of a return: 3."""
    found = long_run_variance(autoregressive(0.5, 50_000, seed=8))
    assert found == pytest.approx(3.0, rel=0.07)
    assert long_run_variance(np.full(50, 0.01)) is None
    assert long_run_variance(np.array([0.01])) is None
    assert long_run_variance(np.array([0.01, 0.02])) is not None


def test_the_long_run_variance_of_another_implementation() -> None:
    """The same steps over the influence function, by loops."""
    returns = autoregressive(0.3, 700, seed=9) + 0.001
    z = (returns - returns.mean()) / returns.std()
    sharpe = returns.mean() / returns.std(ddof=1)
    psi = [value - sharpe / 2 * (value**2 - 1) for value in z]
    rho = sum(psi[t] * psi[t - 1] for t in range(1, 700)) / sum(psi[t - 1] ** 2 for t in range(1, 700))
    shocks = [psi[t] - rho * psi[t - 1] for t in range(1, 700)]
    lags = math.floor(4 * 7 ** (2 / 9))  # 6.16: 6
    gamma = [sum(shocks[t] * shocks[t - k] for t in range(k, 699)) / 699 for k in range(lags + 1)]
    omega = gamma[0] + 2 * sum((1 - k / (lags + 1)) * gamma[k] for k in range(1, lags + 1))
    assert lags == 6
    assert long_run_variance(returns) == pytest.approx(omega / (1 - rho) ** 2)


def test_returns_that_swing_back_are_known_no_better_than_independent_ones() -> None:
    returns = autoregressive(-0.5, 2000, seed=10)
    found = moments(returns)
    assert found is not None
    assert long_run_variance(returns) == pytest.approx(independent_variance(*found))


@pytest.mark.parametrize(("phi", "seed"), [(0.0, 11), (0.3, 12)])
def test_psr_of_no_skill_is_above_its_level_as_often_as_it_says(phi: float, seed: int) -> None:
    """5 % of 400 draws; four standard deviations of a binomial are 4.4 %. Taken for independent AR(.3) has 12 %."""
    hits = 0
    for draw in range(400):
        returns = autoregressive(phi, 1260, seed=1000 * seed + draw)
        found, variance = moments(returns), long_run_variance(returns)
        assert found is not None and variance is not None
        probability = probabilistic_sharpe(found[0], 0.0, 1260, variance)
        hits += probability is not None and probability >= 0.95
    assert 0.006 <= hits / 400 <= 0.094


def test_twins_are_one_trial_and_a_chain_of_neighbours_is_not() -> None:
    """A walk of 30 trials, each 0.996 like the next: the ends are as different as two ideas."""
    twins = np.vstack([noise(2, 500, seed=1), noise(1, 500, seed=3), np.zeros((2, 500))])
    twins = np.vstack([twins, twins[:1] + noise(1, 500, seed=4) / 50])
    assert without_twins(twins) == [[0, 5], [1], [2], [3, 4]]
    walk = np.cumsum(np.vstack([noise(1, 2000, seed=5), noise(29, 2000, seed=6) / 11]), axis=0)
    assert np.corrcoef(walk[:2]).min() > 0.99
    assert len(without_twins(walk)) > 5
    assert without_twins(np.zeros((0, 10))) == []


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
    variance = long_run_variance(returns[chosen])
    assert variance is not None
    benchmark = deflated_benchmark(float(others), len(returns))
    value = deflated_sharpe(found[0], returns.shape[1], variance, benchmark=benchmark)
    assert value is not None
    return value
