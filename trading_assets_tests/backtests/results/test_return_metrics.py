"""Statistics of returns against published values, against empyrical-reloaded, and by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trading_assets.backtests.results import return_metrics
from trading_assets_tests.narrow import as_number

# Series and expected values of quantopian/empyrical@40f61b4, empyrical/tests/test_stats.py (Apache-2.0);
# percent there. `mixed_returns` starts with a NaN, which its functions skip.
MIXED = np.array([1.0, 10.0, -4.0, 2.0, 3.0, 2.0, 1.0, -10.0]) / 100
WEEKLY = np.array([0.0, 1.0, 10.0, -4.0, 2.0, 3.0, 2.0, 1.0, -10.0]) / 100
POSITIVE = np.array([1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]) / 100
NEGATIVE = np.array([0.0, -6.0, -7.0, -1.0, -9.0, -2.0, -6.0, -8.0, -5.0]) / 100
FLAT = np.full(9, 0.01)
PUBLISHED_DECIMALS = 8


@pytest.mark.parametrize(
    ("metric", "returns", "periods", "expected"),
    [
        (return_metrics.sharpe, MIXED, 252, 1.7238613961706866),
        (return_metrics.sharpe, POSITIVE, 252, 52.915026221291804),
        (return_metrics.sharpe, NEGATIVE, 252, -24.406808633910085),
        (return_metrics.sortino, MIXED, 252, 2.605531251673693),
        (return_metrics.sortino, NEGATIVE, 252, -13.5327430750434),
        (return_metrics.sortino, WEEKLY, 52, 1.115890105686644),
        (return_metrics.sortino, WEEKLY, 12, 0.5360562674188976),
        (return_metrics.volatility, MIXED, 252, 0.9136465399704637),
        (return_metrics.volatility, WEEKLY, 52, 0.38851569394870583),
        (return_metrics.annual_return, WEEKLY, 52, 0.24690830513998208),
        (return_metrics.annual_return, WEEKLY, 12, 0.052242061386048144),
        (return_metrics.calmar, WEEKLY, 52, 2.4690830513998208),
    ],
)
def test_published_values(
    metric: Callable[[return_metrics.Floats, float], float | None],
    returns: return_metrics.Floats,
    periods: float,
    expected: float,
) -> None:
    assert metric(returns, periods) == pytest.approx(expected, abs=10**-PUBLISHED_DECIMALS)


def test_published_drawdown_and_total_return() -> None:
    assert return_metrics.max_drawdown(MIXED) == pytest.approx(-0.1, abs=1e-12)
    assert return_metrics.max_drawdown(POSITIVE) == 0
    assert return_metrics.total_return(MIXED) == pytest.approx(0.03893, abs=5e-6)
    assert return_metrics.total_return(NEGATIVE) == pytest.approx(-0.3659, abs=5e-5)


def test_published_annual_return_counts_the_sessions_it_is_given() -> None:
    # empyrical's mixed_returns count the leading NaN as a session: 9 of them, of which the first is 0.
    assert return_metrics.annual_return(np.r_[0.0, MIXED], 252) == pytest.approx(1.9135925373194231, abs=1e-8)
    assert return_metrics.calmar(np.r_[0.0, MIXED], 252) == pytest.approx(19.135925373194233, abs=1e-7)


def test_published_information_ratio() -> None:
    ratio = return_metrics.information_ratio(MIXED, np.zeros_like(MIXED), 1)
    assert ratio == pytest.approx(0.10859306069076737, abs=1e-8)
    assert return_metrics.information_ratio(MIXED, FLAT[:8], 1) == pytest.approx(-0.06515583641446039, abs=1e-8)


def test_published_alpha_and_beta_of_a_window() -> None:
    # roll_alpha_beta, mixed_returns against negative_returns, windows of 6: the last of them.
    returns, benchmark = np.r_[np.nan, MIXED][-6:], NEGATIVE[-6:]
    assert return_metrics.alpha(returns, benchmark, 252) == pytest.approx(-0.99967288, abs=1e-8)
    assert return_metrics.beta(returns, benchmark) == pytest.approx(-0.41311475, abs=1e-8)


# Sizes of real daily returns; rounded so that spreads are either exactly 0 or far from rounding noise.
DAILY = st.integers(-3000, 4000).map(lambda bps: bps / 1e4)
CURVES = hnp.arrays(np.float64, st.integers(2, 80), elements=DAILY)


def _agrees(ours: float | None, theirs: float) -> None:
    if ours is None:
        assert not math.isfinite(theirs) or abs(theirs) > 1e12
    else:
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@settings(max_examples=200)
@given(CURVES, st.sampled_from([252, 365]))
def test_equals_empyrical(returns: return_metrics.Floats, periods: int) -> None:
    _agrees(return_metrics.total_return(returns), empyrical.cum_returns_final(returns))
    _agrees(return_metrics.annual_return(returns, periods), empyrical.annual_return(returns, annualization=periods))
    _agrees(return_metrics.volatility(returns, periods), empyrical.annual_volatility(returns, annualization=periods))
    _agrees(return_metrics.sharpe(returns, periods), _or_inf(empyrical.sharpe_ratio, returns, periods))
    _agrees(return_metrics.sortino(returns, periods), empyrical.sortino_ratio(returns, annualization=periods))
    _agrees(return_metrics.max_drawdown(returns), empyrical.max_drawdown(returns))
    _agrees(return_metrics.calmar(returns, periods), empyrical.calmar_ratio(returns, annualization=periods))
    _agrees(return_metrics.value_at_risk(returns, 0.05), -empyrical.value_at_risk(returns, 0.05))
    _agrees(return_metrics.value_at_risk(returns, 0.01), -empyrical.value_at_risk(returns, 0.01))
    _agrees(return_metrics.expected_shortfall(returns, 0.05), -empyrical.conditional_value_at_risk(returns, 0.05))


def _or_inf(ratio: Callable[..., float], returns: return_metrics.Floats, periods: int) -> float:
    # The deviation of a constant series is rounding noise in NumPy: any huge number or none.
    return math.inf if np.ptp(returns) == 0 else ratio(returns, annualization=periods)


@settings(max_examples=200)
@given(st.lists(st.tuples(DAILY, DAILY), min_size=2, max_size=80), st.sampled_from([252, 365]))
def test_benchmark_metrics_equal_empyrical(pairs: list[tuple[float, float]], periods: int) -> None:
    returns, benchmark = (np.array(column) for column in zip(*pairs, strict=True))
    if np.ptp(benchmark) == 0:
        assert return_metrics.beta(returns, benchmark) is None
        assert return_metrics.alpha(returns, benchmark, periods) is None
        assert return_metrics.correlation(returns, benchmark) is None
        return
    assert return_metrics.beta(returns, benchmark) == pytest.approx(
        empyrical.beta(returns, benchmark), rel=1e-9, abs=1e-9
    )
    theirs = empyrical.alpha(returns, benchmark, annualization=periods)
    beta = empyrical.beta(returns, benchmark)
    if np.mean(returns) - beta * np.mean(benchmark) <= -1:  # their even power of a negative number is a gain
        assert return_metrics.alpha(returns, benchmark, periods) == -1
        theirs = -1.0
    # A benchmark that hardly moves makes a huge beta, and the power of 365 its rounding a millionth.
    ours = return_metrics.alpha(returns, benchmark, periods)
    if theirs > 1e303:  # at the end of what a float holds no growth is told
        assert ours is None or ours == pytest.approx(theirs, rel=1e-6)
    else:
        assert ours == pytest.approx(theirs, rel=1e-7, abs=1e-6)
    if np.ptp(returns - benchmark) > 1e-12:
        information = empyrical.excess_sharpe(returns, benchmark) * math.sqrt(periods)
        assert return_metrics.information_ratio(returns, benchmark, periods) == pytest.approx(information, rel=1e-9)
    if np.ptp(returns) > 0:
        slopes = empyrical.beta(returns, benchmark) * empyrical.beta(benchmark, returns)
        assert as_number(return_metrics.correlation(returns, benchmark)) ** 2 == pytest.approx(
            slopes, rel=1e-7, abs=1e-9
        )


@settings(max_examples=100)
@given(CURVES)
def test_drawdown_length_is_that_of_a_walk_along_the_curve(returns: return_metrics.Floats) -> None:
    curve = [1.0, *np.cumprod(1.0 + returns)]
    depth = [value / max(curve[: i + 1]) - 1 for i, value in enumerate(curve)]
    trough = depth.index(min(depth))
    peak = max(i for i in range(trough + 1) if depth[i] == 0)
    end = next((i for i in range(trough, len(curve)) if depth[i] == 0), len(curve) - 1)
    assert return_metrics.max_drawdown(returns) == min(depth)
    assert return_metrics.max_drawdown_sessions(returns) == end - peak


def test_minimum_detectable_sharpe_has_the_power_it_states() -> None:
    sessions = 2520
    true = return_metrics.minimum_detectable_sharpe(sessions, 1)
    assert true is not None
    draws = np.random.default_rng(3).normal(true, 1.0, (4000, sessions))
    ratios = draws.mean(axis=1) / draws.std(axis=1, ddof=1)
    found = np.mean(ratios > 1.6448536269514722 * np.sqrt((1 + ratios**2 / 2) / sessions))
    # Four standard errors of a proportion of 0.8 in 4,000 draws.
    assert found == pytest.approx(0.80, abs=4 * math.sqrt(0.16 / 4000))
    assert return_metrics.minimum_detectable_sharpe(2520, 252) == pytest.approx(0.7868, abs=5e-4)
    assert return_metrics.minimum_detectable_sharpe(3, 252) is None
