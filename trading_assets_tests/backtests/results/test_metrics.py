"""Metrics of a curve and its trades by hand, and what is undefined."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import empyrical
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.backtests.results import metrics

MIXED = np.array([1.0, 10.0, -4.0, 2.0, 3.0, 2.0, 1.0, -10.0]) / 100


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


@settings(max_examples=100)
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
