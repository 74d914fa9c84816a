"""Baselines by hand, and on exactly the sessions of the strategy."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.results import baselines


def test_cash_earns_the_risk_free_rate() -> None:
    equity = _equity([1, 2, 3], 0.0).with_columns(risk_free=pl.Series([0.0, 0.001, 0.002]))
    universe = pl.DataFrame(
        schema={"symbol": pl.String, "session": pl.Date, "total_return": pl.Float64, "member": pl.Boolean}
    )
    found = baselines.compare(
        "s", equity, baselines.UniverseArrays.of(equity["session"], [universe]), starting_equity=1000.0
    ).filter(baseline="cash")
    assert found["equity"].to_list() == pytest.approx([1000.0, 1001.0, 1001.0 * 1.002])


def test_buy_and_hold_starts_at_the_first_close() -> None:
    curve = baselines.buy_and_hold(np.array([0.5, 0.1, np.nan, -0.2]))
    np.testing.assert_allclose(curve, [1.0, 1.1, 1.1, 0.88], rtol=1e-15)


def test_exposure_matched_uses_the_exposure_of_the_session_before() -> None:
    returns, exposure = np.array([0.5, 0.1, 0.1, 0.1]), np.array([0.0, 0.5, 1.0, 0.25])
    curve = baselines.exposure_matched(returns, exposure, np.zeros(4))
    np.testing.assert_allclose(curve, [1.0, 1.0, 1.05, 1.155], rtol=1e-15)
    # Half of it invested: 0.5 x 10 % + 0.5 x 1 %; all of it: no cash.
    curve = baselines.exposure_matched(returns, exposure, np.full(4, 0.01))
    np.testing.assert_allclose(curve, [1.0, 1.01, 1.01 * 1.055, 1.01 * 1.055 * 1.1], rtol=1e-15)


def test_net_exposure_is_what_is_not_cash() -> None:
    """60,000 long and 40,000 short beside 80,000 of cash are 20 % net; a total loss has none."""
    rows = pl.DataFrame({"equity": [100_000.0, 100_000.0, 0.0], "cash": [80_000.0, 20_000.0, -5.0]})
    np.testing.assert_allclose(baselines.net_exposure(rows), [0.2, 0.8, 0.0], rtol=1e-12)


def test_equal_weight_drifts_within_a_month_and_is_rebalanced_between() -> None:
    returns = np.array([[9.0, 9.0], [1.0, 0.0], [1.0, 0.0], [0.5, 0.0]])
    month = np.array([1, 1, 1, 2])
    curve = baselines.equal_weight(returns, np.ones((4, 2), dtype=bool), month)
    # 1 -> (2 + 1) / 2 -> (4 + 1) / 2 in the first month; the second starts again at half and half.
    np.testing.assert_allclose(curve, [1.0, 1.5, 2.5, 2.5 * 1.25], rtol=1e-15)


def test_equal_weight_takes_what_trades_at_the_rebalancing() -> None:
    returns = np.array([[0.0, np.nan], [0.1, np.nan], [0.1, 0.5], [0.1, 0.3]])
    trading = np.array([[True, False], [True, False], [True, True], [True, True]])
    curve = baselines.equal_weight(returns, trading, np.array([1, 1, 1, 2]))
    # The newcomer's 50 % before it could be bought is not earned.
    np.testing.assert_allclose(curve, [1.0, 1.1, 1.21, 1.21 * 1.2], rtol=1e-15)
    assert baselines.equal_weight(returns, np.zeros_like(trading), np.array([1, 1, 2, 2])).tolist() == [1.0] * 4


def _equity(days: list[int], exposure: float) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "session": [dt.date(2001, 1, day) for day in days],
            "equity": [1000.0] * len(days),
            "cash": [1000.0 * (1 - exposure)] * len(days),
            "risk_free": [0.0] * len(days),
        },
        schema={"session": pl.Date, "equity": pl.Float64, "cash": pl.Float64, "risk_free": pl.Float64},
    )


def test_same_sessions_as_the_strategy() -> None:
    equity = _equity([3, 4, 5, 8], 0.5)
    benchmark = pl.DataFrame(
        {
            "session": [dt.date(2001, 1, day) for day in (2, 3, 4, 8, 9)],
            "benchmark_return": [9.0, 9.0, 0.1, 0.2, 9.0],
        }
    )
    universe = pl.DataFrame(
        {
            "symbol": ["B", "A", "A", "A"],
            "session": [dt.date(2001, 1, day) for day in (2, 2, 4, 5)],
            "total_return": [0.0, 0.0, 0.1, None],
            "member": [True] * 4,
        }
    )
    found = baselines.compare(
        "s",
        equity,
        baselines.UniverseArrays.of(equity["session"], [universe]),
        starting_equity=1000.0,
        benchmark=benchmark,
    )
    assert found.columns == ["strategy", "baseline", "session", "equity", "daily_return"]
    assert found.equals(found.sort("baseline", "session"))
    curves = {name: found.filter(pl.col("baseline") == name).sort("session") for name in baselines.BASELINES}
    assert all(curve["session"].to_list() == equity["session"].to_list() for curve in curves.values())
    expected = {
        "cash": [1000.0] * 4,
        "benchmark": [1000.0, 1100.0, 1100.0, 1320.0],
        "exposure_matched": [1000.0, 1050.0, 1050.0, 1155.0],
        # B has a bar the day before the first session, so it is bought and keeps its value.
        "equal_weight": [1000.0, 1050.0, 1050.0, 1050.0],
    }
    for name, values in expected.items():
        assert curves[name]["equity"].to_list() == pytest.approx(values, rel=1e-12), name
    assert curves["benchmark"]["daily_return"].to_list() == pytest.approx([0.0, 0.1, 0.0, 0.2], abs=1e-12)


def test_a_symbol_long_gone_is_not_bought() -> None:
    equity = _equity([20, 22], 0.0)
    universe = pl.DataFrame(
        {
            "symbol": ["A", "B", "B"],
            "session": [dt.date(2001, 1, 1), dt.date(2001, 1, 19), dt.date(2001, 1, 22)],
            "total_return": [0.0, 0.0, 0.5],
            "member": [True] * 3,
        }
    )
    found = baselines.compare(
        "s", equity, baselines.UniverseArrays.of(equity["session"], [universe]), starting_equity=1.0
    )
    assert found["baseline"].unique().sort().to_list() == ["cash", "equal_weight"]
    assert found.filter(pl.col("baseline") == "equal_weight")["equity"].to_list() == [1.0, 1.5]


def test_empty_curve() -> None:
    universe = pl.DataFrame(
        {"symbol": ["A"], "session": [dt.date(2001, 1, 1)], "total_return": [0.0], "member": [True]}
    )
    assert (
        baselines.compare(
            "s",
            _equity([], 0.0),
            baselines.UniverseArrays.of(_equity([], 0.0)["session"], [universe]),
            starting_equity=1.0,
        ).height
        == 0
    )
