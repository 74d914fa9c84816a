"""Metrics against published values, against empyrical-reloaded, and by hand."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence

import empyrical
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trading_assets.backtests.results import metrics
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
        (metrics.sharpe, MIXED, 252, 1.7238613961706866),
        (metrics.sharpe, POSITIVE, 252, 52.915026221291804),
        (metrics.sharpe, NEGATIVE, 252, -24.406808633910085),
        (metrics.sortino, MIXED, 252, 2.605531251673693),
        (metrics.sortino, NEGATIVE, 252, -13.5327430750434),
        (metrics.sortino, WEEKLY, 52, 1.115890105686644),
        (metrics.sortino, WEEKLY, 12, 0.5360562674188976),
        (metrics.volatility, MIXED, 252, 0.9136465399704637),
        (metrics.volatility, WEEKLY, 52, 0.38851569394870583),
        (metrics.annual_return, WEEKLY, 52, 0.24690830513998208),
        (metrics.annual_return, WEEKLY, 12, 0.052242061386048144),
        (metrics.calmar, WEEKLY, 52, 2.4690830513998208),
    ],
)
def test_published_values(
    metric: Callable[[metrics.Floats, float], float | None],
    returns: metrics.Floats,
    periods: float,
    expected: float,
) -> None:
    assert metric(returns, periods) == pytest.approx(expected, abs=10**-PUBLISHED_DECIMALS)


def test_published_drawdown_and_total_return() -> None:
    assert metrics.max_drawdown(MIXED) == pytest.approx(-0.1, abs=1e-12)
    assert metrics.max_drawdown(POSITIVE) == 0
    assert metrics.total_return(MIXED) == pytest.approx(0.03893, abs=5e-6)
    assert metrics.total_return(NEGATIVE) == pytest.approx(-0.3659, abs=5e-5)


def test_published_annual_return_counts_the_sessions_it_is_given() -> None:
    # empyrical's mixed_returns count the leading NaN as a session: 9 of them, of which the first is 0.
    assert metrics.annual_return(np.r_[0.0, MIXED], 252) == pytest.approx(1.9135925373194231, abs=1e-8)
    assert metrics.calmar(np.r_[0.0, MIXED], 252) == pytest.approx(19.135925373194233, abs=1e-7)


def test_published_information_ratio() -> None:
    ratio = metrics.information_ratio(MIXED, np.zeros_like(MIXED), 1)
    assert ratio == pytest.approx(0.10859306069076737, abs=1e-8)
    assert metrics.information_ratio(MIXED, FLAT[:8], 1) == pytest.approx(-0.06515583641446039, abs=1e-8)


def test_published_alpha_and_beta_of_a_window() -> None:
    # roll_alpha_beta, mixed_returns against negative_returns, windows of 6: the last of them.
    returns, benchmark = np.r_[np.nan, MIXED][-6:], NEGATIVE[-6:]
    assert metrics.alpha(returns, benchmark, 252) == pytest.approx(-0.99967288, abs=1e-8)
    assert metrics.beta(returns, benchmark) == pytest.approx(-0.41311475, abs=1e-8)


# Sizes of real daily returns; rounded so that spreads are either exactly 0 or far from rounding noise.
DAILY = st.integers(-3000, 4000).map(lambda bps: bps / 1e4)
CURVES = hnp.arrays(np.float64, st.integers(2, 80), elements=DAILY)


def _agrees(ours: float | None, theirs: float) -> None:
    if ours is None:
        assert not math.isfinite(theirs) or abs(theirs) > 1e12
    else:
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(CURVES, st.sampled_from([252, 365]))
def test_equals_empyrical(returns: metrics.Floats, periods: int) -> None:
    _agrees(metrics.total_return(returns), empyrical.cum_returns_final(returns))
    _agrees(metrics.annual_return(returns, periods), empyrical.annual_return(returns, annualization=periods))
    _agrees(metrics.volatility(returns, periods), empyrical.annual_volatility(returns, annualization=periods))
    _agrees(metrics.sharpe(returns, periods), _or_inf(empyrical.sharpe_ratio, returns, periods))
    _agrees(metrics.sortino(returns, periods), empyrical.sortino_ratio(returns, annualization=periods))
    _agrees(metrics.max_drawdown(returns), empyrical.max_drawdown(returns))
    _agrees(metrics.calmar(returns, periods), empyrical.calmar_ratio(returns, annualization=periods))
    _agrees(metrics.value_at_risk(returns, 0.05), -empyrical.value_at_risk(returns, 0.05))
    _agrees(metrics.value_at_risk(returns, 0.01), -empyrical.value_at_risk(returns, 0.01))
    _agrees(metrics.expected_shortfall(returns, 0.05), -empyrical.conditional_value_at_risk(returns, 0.05))


def _or_inf(ratio: Callable[..., float], returns: metrics.Floats, periods: int) -> float:
    # The deviation of a constant series is rounding noise in NumPy: any huge number or none.
    return math.inf if np.ptp(returns) == 0 else ratio(returns, annualization=periods)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.lists(st.tuples(DAILY, DAILY), min_size=2, max_size=80), st.sampled_from([252, 365]))
def test_benchmark_metrics_equal_empyrical(pairs: list[tuple[float, float]], periods: int) -> None:
    returns, benchmark = (np.array(column) for column in zip(*pairs, strict=True))
    if np.ptp(benchmark) == 0:
        assert metrics.beta(returns, benchmark) is None
        assert metrics.alpha(returns, benchmark, periods) is None
        assert metrics.correlation(returns, benchmark) is None
        return
    assert metrics.beta(returns, benchmark) == pytest.approx(empyrical.beta(returns, benchmark), rel=1e-9, abs=1e-9)
    theirs = empyrical.alpha(returns, benchmark, annualization=periods)
    beta = empyrical.beta(returns, benchmark)
    if np.mean(returns) - beta * np.mean(benchmark) <= -1:  # their even power of a negative number is a gain
        assert metrics.alpha(returns, benchmark, periods) == -1
        theirs = -1.0
    # A benchmark that hardly moves makes a huge beta, and the power of 365 its rounding a millionth.
    assert metrics.alpha(returns, benchmark, periods) == pytest.approx(theirs, rel=1e-7, abs=1e-6)
    if np.ptp(returns - benchmark) > 1e-12:
        information = empyrical.excess_sharpe(returns, benchmark) * math.sqrt(periods)
        assert metrics.information_ratio(returns, benchmark, periods) == pytest.approx(information, rel=1e-9)
    if np.ptp(returns) > 0:
        slopes = empyrical.beta(returns, benchmark) * empyrical.beta(benchmark, returns)
        assert as_number(metrics.correlation(returns, benchmark)) ** 2 == pytest.approx(slopes, rel=1e-7, abs=1e-9)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(CURVES)
def test_drawdown_length_is_that_of_a_walk_along_the_curve(returns: metrics.Floats) -> None:
    curve = [1.0, *np.cumprod(1.0 + returns)]
    depth = [value / max(curve[: i + 1]) - 1 for i, value in enumerate(curve)]
    trough = depth.index(min(depth))
    peak = max(i for i in range(trough + 1) if depth[i] == 0)
    end = next((i for i in range(trough, len(curve)) if depth[i] == 0), len(curve) - 1)
    assert metrics.max_drawdown(returns) == min(depth)
    assert metrics.max_drawdown_sessions(returns) == end - peak


def test_minimum_detectable_sharpe_has_the_power_it_states() -> None:
    sessions = 2520
    true = metrics.minimum_detectable_sharpe(sessions, 1)
    assert true is not None
    draws = np.random.default_rng(3).normal(true, 1.0, (4000, sessions))
    ratios = draws.mean(axis=1) / draws.std(axis=1, ddof=1)
    found = np.mean(ratios > 1.6448536269514722 * np.sqrt((1 + ratios**2 / 2) / sessions))
    # Four standard errors of a proportion of 0.8 in 4,000 draws.
    assert found == pytest.approx(0.80, abs=4 * math.sqrt(0.16 / 4000))
    assert metrics.minimum_detectable_sharpe(2520, 252) == pytest.approx(0.7868, abs=5e-4)
    assert metrics.minimum_detectable_sharpe(3, 252) is None


def _sessions(count: int) -> list[dt.date]:
    return [dt.date(2001, 1, 1) + dt.timedelta(days=day) for day in range(count)]


def _curve(returns: list[float | None], exposure: float = 0.5, start: float = 100.0) -> pl.DataFrame:
    values = np.cumprod([1.0 + (r or 0.0) for r in returns]) * start
    return pl.DataFrame(
        {
            "session": _sessions(len(returns)),
            "equity": values,
            "gross_exposure": [exposure] * len(returns),
            "daily_return": returns,
        },
        schema_overrides={"daily_return": pl.Float64},
    )


TRADE_COLUMNS = {
    "symbol": pl.String,
    "exit_session": pl.Date,
    "entry_price": pl.Float64,
    "exit_price": pl.Float64,
    "quantity": pl.Float64,
    "pnl": pl.Float64,
    "r_multiple": pl.Float64,
    "hold_sessions": pl.Int64,
    "entry_fee": pl.Float64,
    "exit_fee": pl.Float64,
    "slippage_cost": pl.Float64,
}


def _trades(rows: Sequence[tuple[object, ...]], borrow_cost: float = 0.0) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TRADE_COLUMNS, orient="row").with_columns(borrow_cost=pl.lit(borrow_cost))


def test_trade_metrics_by_hand() -> None:
    day = _sessions(9)
    rows = [
        # Out of order on purpose: the losing run is counted by exit.
        ("B", day[3], 20.0, 18.0, 10.0, -20.6, -1.0, 2, 0.2, 0.4, 0.56),
        ("A", day[2], 10.0, 12.0, 10.0, 19.5, 2.0, 1, 0.1, 0.4, 0.1),
        ("A", day[3], 10.0, 9.0, 10.0, -10.0, -0.5, 4, 0.0, 0.0, 0.0),
        ("C", day[7], 10.0, 16.0, 10.0, 60.0, 3.0, 7, 0.0, 0.0, 0.0),
    ]
    equity = _curve([0.0] * 21, start=1000.0)
    found = metrics.summarise(equity, _trades(rows), periods_per_year=252)
    notional = 10 * (38 + 22 + 19 + 26)
    cost = 1.1 + 0.66
    assert found["trades"] == 4
    assert found["expectancy_r"] == pytest.approx(3.5 / 4)
    assert found["expectancy_r_without_best"] == pytest.approx(-1.0)
    assert found["profit_factor"] == pytest.approx(79.5 / 30.6)
    assert found["win_rate"] == 0.5
    assert found["average_hold"] == 3.5
    assert found["median_hold"] == 3.0
    assert found["trades_per_month"] == pytest.approx(4.0)
    assert found["longest_losing_run"] == 2
    assert found["turnover"] == pytest.approx(notional / 1000 * 12)
    assert found["turnover_cost"] == pytest.approx(cost / 1000 * 12)
    assert found["cost_bps"] == pytest.approx(1e4 * cost / notional)
    assert found["break_even_bps"] == pytest.approx(1e4 * (48.9 + cost) / notional)
    assert found["exposure"] == 0.5


def test_borrowing_is_a_cost_and_a_trade_without_risk_has_no_r() -> None:
    day = _sessions(9)
    rows = [
        ("A", day[3], 20.0, 18.0, 10.0, 19.0, 0.5, 2, 0.2, 0.3, 0.56),
        ("B", day[4], 10.0, 9.0, 10.0, -5.0, None, 2, 0.0, 0.0, 0.0),
    ]
    found = metrics.summarise(_curve([0.0] * 21, start=1000.0), _trades(rows, borrow_cost=0.25), periods_per_year=252)
    cost = 0.5 + 0.56 + 2 * 0.25
    assert found["cost_bps"] == pytest.approx(1e4 * cost / (10 * 57))
    assert found["turnover_cost"] == pytest.approx(cost / 1000 * 12)
    assert found["break_even_bps"] == pytest.approx(1e4 * (14 + cost) / (10 * 57))
    assert (found["expectancy_r"], found["trades"]) == (0.5, 2)


def test_best_trades_are_as_many_as_asked() -> None:
    r = np.array([5.0, -1.0, 1.0, 3.0])
    assert metrics.expectancy_without_best(r, 0) == 2.0
    assert metrics.expectancy_without_best(r, 1) == 1.0
    assert metrics.expectancy_without_best(r, 4) is None
    assert metrics.expectancy_without_best(r, 9) is None


def test_break_even_cost_is_where_the_profit_ends() -> None:
    rows = [("A", _sessions(1)[0], 100.0, 103.0, 10.0, 26.0, 1.0, 1, 1.0, 1.0, 2.03)]
    found = metrics.summarise(_curve([0.0, 0.01]), _trades(rows), periods_per_year=252)
    gross = 26.0 + 2.0 + 2.03
    assert found["break_even_bps"] is not None
    assert gross - 10 * 203 * found["break_even_bps"] / 1e4 == pytest.approx(0, abs=1e-12)


def test_constant_series() -> None:
    found = metrics.summarise(_curve([0.001] * 30), _trades([]), periods_per_year=252)
    for name in ("sharpe", "sortino", "calmar", "recovery_factor"):
        assert found[name] is None, name
    assert found["max_drawdown"] == 0
    assert found["max_drawdown_sessions"] == 0


def test_undefined_is_none_and_every_metric_is_there() -> None:
    nothing = metrics.summarise(_curve([]), _trades([]), periods_per_year=252)
    assert list(nothing) == list(metrics.METRICS)
    defined = {name for name, value in nothing.items() if value is not None}
    assert defined == {"sessions", "periods_per_year", "trades"}


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.none() | st.floats(-1, 1e6), max_size=30), st.booleans())
def test_never_a_nan_or_an_infinity(returns: list[float | None], with_benchmark: bool) -> None:
    equity = _curve(returns)
    benchmark = equity.select("session", benchmark_return=pl.col("daily_return").reverse())
    found = metrics.summarise(
        equity, _trades([]), periods_per_year=252, benchmark=benchmark if with_benchmark else None
    )
    assert all(value is None or math.isfinite(value) for value in found.values())


def test_benchmark_is_joined_by_session() -> None:
    equity = _curve([0.01, -0.02, 0.03, 0.01])
    benchmark = pl.DataFrame(
        {"session": [*_sessions(6)][1:], "benchmark_return": [-0.04, 0.06, None, 0.5, 0.5]},
    )
    found = metrics.summarise(equity, _trades([]), periods_per_year=252, benchmark=benchmark)
    assert found["beta"] == pytest.approx(0.5)
    assert found["correlation"] == pytest.approx(1.0)
    assert found["alpha"] == pytest.approx(0.0, abs=1e-12)


def test_ratios_are_of_excess_returns_and_drawdowns_of_returns() -> None:
    equity = _curve(MIXED.tolist()).with_columns(excess_return=pl.col("daily_return") - 0.0001)
    found = metrics.summarise(equity, _trades([]), periods_per_year=252)
    assert found["sharpe"] == pytest.approx(empyrical.sharpe_ratio(MIXED, risk_free=0.0001))
    assert found["sortino"] == pytest.approx(empyrical.sortino_ratio(MIXED, required_return=0.0001))
    without = metrics.summarise(_curve(MIXED.tolist()), _trades([]), periods_per_year=252)
    for name in ("max_drawdown", "calmar", "total_return", "volatility"):
        assert found[name] == without[name]


def test_a_benchmark_against_itself_beyond_the_risk_free_rate() -> None:
    """Fully invested in the benchmark: what both forgo is the same, also over a weekend of which it has no bar."""
    equity = _curve([0.01, -0.02, 0.0, 0.03, 0.01]).with_columns(risk_free=pl.lit(2e-4))
    equity = equity.with_columns(excess_return=pl.col("daily_return") - pl.col("risk_free"))
    benchmark = equity.select("session", benchmark_return="daily_return")
    found = metrics.summarise(equity, _trades([]), periods_per_year=252, benchmark=benchmark)
    assert found["alpha"] == pytest.approx(0.0, abs=1e-14)
    assert found["beta"] == pytest.approx(1.0)
    assert found["information_ratio"] is None


def test_total_loss_is_minus_one_a_year() -> None:
    found = metrics.summarise(_curve([0.1, -1.0, None, None]), _trades([]), periods_per_year=252)
    assert found["total_return"] == -1
    assert found["annual_return"] == -1
    assert found["max_drawdown"] == -1


def test_a_benchmark_that_rests_at_weekends() -> None:
    """A curve of every day beside an index of weekdays: a weekend belongs to the index's Monday, and a year has 261."""
    random = np.random.default_rng(0)
    first = dt.date(2001, 1, 1)  # a Monday
    days = [first + dt.timedelta(days=k) for k in range(364)]
    returns = random.normal(0.0, 0.01, 364)
    index, growth = [], 1.0
    for day, value in zip(days, returns, strict=True):
        growth *= 1 + value
        index.append(growth - 1 if day.weekday() < 5 else None)
        growth = 1.0 if day.weekday() < 5 else growth
    equity = pl.DataFrame(
        {"session": days, "equity": 100_000 * np.cumprod(1 + returns), "gross_exposure": 1.0, "daily_return": returns}
    )
    benchmark = pl.DataFrame({"session": days, "benchmark_return": index})
    same = metrics.summarise(equity, _trades([]), periods_per_year=365, benchmark=benchmark)
    assert same["correlation"] == pytest.approx(1.0) and same["beta"] == pytest.approx(1.0)
    assert same["alpha"] == pytest.approx(0.0, abs=1e-12)
    # The index earns a basis point less on each of its own days.
    less = benchmark.with_columns(pl.col("benchmark_return") - 1e-4)
    found = metrics.summarise(equity, _trades([]), periods_per_year=365, benchmark=less)
    weekdays = 365 * 260 / 362  # the last weekend has no Monday any more
    assert found["alpha"] == pytest.approx((1 + 1e-4) ** weekdays - 1, rel=1e-6)
    nothing = metrics.summarise(
        equity,
        _trades([]),
        periods_per_year=365,
        benchmark=less.with_columns(benchmark_return=pl.lit(None, pl.Float64)),
    )
    assert nothing["alpha"] is None and nothing["correlation"] is None
