"""The test of two Sharpe ratios: Ledoit and Wolf's own formula, another library's bootstrap, and its rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap

from trading_assets.robustness.overfitting.sharpe_inference import influence
from trading_assets.trading.rollout.non_inferiority import sharpe_non_inferiority


def drawn(seed: int, sessions: int, *, worse: float = 0.0, correlation: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Daily returns of two accounts of 1 % deviation; the first one's Sharpe ratio a session is lower by `worse`."""
    generator = np.random.default_rng(seed)
    common, own, other = generator.standard_normal((3, sessions))
    mix, rest = math.sqrt(correlation), math.sqrt(1 - correlation)
    return 0.01 * (mix * common + rest * own + 0.05 - worse), 0.01 * (mix * common + rest * other + 0.05)


def ledoit_wolf_variance(first: np.ndarray, second: np.ndarray) -> float:
    """Of independent sessions by their equation 4: gradient' Psi gradient, Psi the covariance of x, y, x^2, y^2."""
    moments = np.column_stack([first, second, first**2, second**2])
    a, b, c, d = moments.mean(axis=0)
    gradient = np.array(
        [c / (c - a**2) ** 1.5, -d / (d - b**2) ** 1.5, -0.5 * a / (c - a**2) ** 1.5, 0.5 * b / (d - b**2) ** 1.5]
    )
    return float(gradient @ np.cov(moments.T, ddof=0) @ gradient)


def test_the_variance_of_independent_sessions_is_that_of_ledoit_and_wolf() -> None:
    first, second = drawn(1, 400, correlation=0.5)
    sharpes = [each.mean() / each.std() for each in (first, second)]
    apart = influence(first, sharpes[0]) - influence(second, sharpes[1])
    assert float(apart @ apart) / apart.size == pytest.approx(ledoit_wolf_variance(first, second), rel=1e-10)


def test_the_error_is_that_of_a_block_bootstrap_of_another_library() -> None:
    """Returns with an AR(1) of 0.3: within 20 % of the deviation of 1,000 paired stationary resamples."""
    first, second = drawn(2, 1_000, correlation=0.5)
    first, second = (each[1:] + 0.3 * each[:-1] for each in (first, second))
    found = sharpe_non_inferiority(first, second, periods=1, margin=0.0, level=0.05)
    assert found is not None

    def difference(x: np.ndarray, y: np.ndarray) -> float:
        return float(x.mean() / x.std() - y.mean() / y.std())

    resampled = StationaryBootstrap(10, first, second, seed=3).apply(difference, 1_000)
    assert found.error == pytest.approx(float(resampled.std()), rel=0.2)
    assert found.difference == pytest.approx(difference(first, second), rel=1e-2)


def test_what_is_worse_by_the_margin_passes_at_the_level() -> None:
    """600 draws of 250 sessions at 5 %: 30 expected, deviation 5.3; the truth is at the margin of 1 a year."""
    worse = 1.0 / math.sqrt(252)
    passed = [
        sharpe_non_inferiority(*drawn(seed, 250, worse=worse), periods=252, margin=1.0, level=0.05)
        for seed in range(600)
    ]
    assert 14 <= sum(each is not None and each.passed for each in passed) <= 50


def test_the_power_is_how_often_an_equal_one_passes() -> None:
    """300 draws of 250 sessions, correlation 0.9, margin 1 a year: within 4 deviations of the mean of what is said."""
    found = [sharpe_non_inferiority(*drawn(seed, 250), periods=252, margin=1.0, level=0.05) for seed in range(300)]
    said = np.mean([each.power for each in found if each is not None])
    passed = np.mean([each.passed for each in found if each is not None])
    assert 0.3 < said < 0.95
    assert passed == pytest.approx(said, abs=4 * math.sqrt(said * (1 - said) / 300))


def test_a_margin_has_to_be_cleared_and_still_returns_say_nothing() -> None:
    first, second = drawn(5, 250, worse=0.3)
    found = sharpe_non_inferiority(first, second, periods=252, margin=0.5, level=0.05)
    assert found is not None
    assert not found.passed
    assert found.p > 0.5
    assert sharpe_non_inferiority(first, np.zeros(250), periods=252, margin=0.5, level=0.05) is None
    same = sharpe_non_inferiority(first, first, periods=252, margin=0.0, level=0.05)
    assert same is not None
    assert (same.p, same.passed, same.power) == (1.0, False, 0.0)
