"""The rows "Simulation" and "Data" of the edge cases that an order-based strategy meets, computed by hand.

In a quiet market an order risks 750 over a stop distance of 2 x ATR = 4, which is 187 shares; at a price of
100 the cap of 15 % of equity makes that 150.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests import StrategyMarket, backtest, metrics, metrics_of, prepare
from trading_assets.backtests.engine import simulate, sweep
from trading_assets.backtests.market import SCALING_CONTINUOUS, SCALING_REGIME, Market
from trading_assets.config.strategies import OrderParameters, StrategySettings
from trading_assets.market_data.tables import INSTRUMENTS, SESSIONS
from trading_assets.strategies import crypto_momentum, equity_momentum
from trading_assets.strategies.inputs import Frames
from trading_assets_tests.backtests.frames import (
    BENCHMARK,
    FIRST,
    bars_of,
    configuration,
    frames,
    frames_of,
    weekdays,
)
from trading_assets_tests.backtests.markets import entries, quiet_market, settings, trial_of
from trading_assets_tests.backtests.runs import ALL_IN, NAN, busy, exits_of, herd, number, run, said, wavy

# --- Simulation ---------------------------------------------------------------------------------------


def test_next_open_fill() -> None:
    market = quiet_market([100.0, 101.0, 102.0, 103.0], open=np.array([[90.0], [91.0], [92.0], [93.0]]))
    found = run(market, entries(market, (1, 0)))
    assert found.held.tolist() == [0]
    position = found.positions_at_end[0]
    # Decided at 101: 15,000 / 101 = 148.5; bought at the open after it, never at one seen before.
    assert (position["entry_session"], position["entry_price"], position["quantity"]) == (2, 92.0, 148.0)
    assert position["stop"] == 88.0
    assert found.equity.tolist() == [100_000.0, 100_000.0, 100_000.0 + 148 * 10, 100_000.0 + 148 * 11]


def test_last_bar_signal() -> None:
    market = quiet_market([100.0, 100.0, 100.0])
    found = run(market, entries(market, (2, 0)))
    assert said(found, "enter") == [(2, 0, "0")]
    assert (found.trades.size, found.held.size, found.queue.tolist()) == (0, 0, [0])
    assert (found.orders_at_end[0]["quantity"], found.orders_at_end[0]["decision_session"]) == (150.0, 2)
    assert found.cash.tolist() == [100_000.0] * 3


def test_insufficient_cash() -> None:
    market = quiet_market([100.0, 110.0], fee_bps=100.0)
    found = run(market, entries(market, (0, 0)), **ALL_IN)
    assert number(found, "quantity")[0] == 990  # 100,000 / 101
    assert found.positions_at_end[0]["quantity"] == 900  # 100,000 / 111.1
    assert found.cash[1] == pytest.approx(100_000 - 900 * 111.1, abs=1e-9)


@pytest.mark.parametrize(
    ("equity", "closes", "expected"),
    [
        (150.0, [100.0, 200.0], (1, 0, "insufficient_cash")),  # affordable at the decision, not at the open
        (100.5, [100.0, 100.0], (0, 0, "insufficient_cash")),  # one share without its fee
    ],
)
def test_insufficient_cash_rejects(equity: float, closes: list[float], expected: tuple[int, int, str]) -> None:
    market = quiet_market(closes, fee_bps=100.0)
    found = run(market, entries(market, (0, 0)), starting_equity=equity, **ALL_IN)
    assert said(found, "reject") == [expected]
    assert found.held.size == 0
    assert found.cash.min() == equity


@pytest.mark.parametrize("atr", [0.0, -1.0, NAN, 1e-16], ids=["zero", "negative", "unknown", "lost in rounding"])
def test_stop_above_entry(atr: float) -> None:
    market = quiet_market([100.0] * 3, atr=atr)
    found = run(market, entries(market, (0, 0)))
    assert said(found, "reject") == [(0, 0, "invalid_stop")]
    assert found.trades.size == found.held.size == 0


@pytest.mark.parametrize(
    ("raised_stop_atr", "stop"),
    [(1.0, 98.0), (3.0, 96.0)],  # entry 100 - 1 x 2; 94 would be below the stop of 96
)
def test_stop_only_rises(raised_stop_atr: float, stop: float) -> None:
    market = quiet_market([100.0, 100.0, 99.0, 99.0, 98.0, 98.0])
    signals = entries(market, (0, 0), exits=[[(2, 0), (4, 0)]])
    found = run(market, signals, {"raise_signal": 0, "raised_stop_atr": raised_stop_atr})
    assert found.positions_at_end["stop"].tolist() == [stop]


def test_stop_only_rises_and_then_it_is_the_stop() -> None:
    market = quiet_market([100.0, 100.0, 99.0, 97.5, 97.5])
    raised = entries(market, (0, 0), exits=[[(2, 0)]])
    changes = {"raise_signal": 0, "raised_stop_atr": 1.0}
    assert exits_of(run(market, raised, changes)) == [(4, "hard_stop", 97.5)]
    assert exits_of(run(market, entries(market, (0, 0), exits=[[]]), changes)) == []


@pytest.mark.parametrize(
    ("close", "rule", "max_hold", "delisted", "drawdown_limit", "expected"),
    [
        (95.0, True, 2, 2, 0.005, "delisted"),
        (95.0, True, 2, -1, 0.005, "drawdown_halt"),
        (95.0, True, 2, -1, 0.2, "hard_stop"),
        (97.0, True, 2, -1, 0.2, "rule"),
        (97.0, False, 2, -1, 0.2, "max_hold"),
        (96.0, False, 0, -1, 0.2, None),  # at the stop, not below it
    ],
)
def test_multiple_exits_same_day(
    close: float, rule: bool, max_hold: int, delisted: int, drawdown_limit: float, expected: str | None
) -> None:
    market = quiet_market([100.0, 100.0, close, 90.0], delisted=delisted)
    signals = entries(market, (0, 0), exits=[[(2, 0)] if rule else []])
    changes = {"exit_signal": 0, "max_hold": max_hold, "last_session": 2}
    found = run(market, signals, changes, drawdown_limit=drawdown_limit)
    assert said(found, "exit") == ([] if expected is None else [(2, 0, expected)])


def test_multiple_exits_same_day_of_missing_data_and_the_breaker() -> None:
    closes = [[100.0, 100.0], [100.0, 100.0], [NAN, 100.0], [NAN, 50.0], [100.0, 50.0]]
    market = quiet_market(closes)
    found = run(market, entries(market, (0, 0), (0, 1)), drawdown_limit=0.05)
    assert said(found, "exit") == [(3, 0, "data_missing"), (3, 1, "drawdown_halt")]
    assert [reason for _, reason, _ in exits_of(found)] == ["data_missing", "drawdown_halt"]


@pytest.mark.parametrize("scaling", [SCALING_CONTINUOUS, SCALING_REGIME])
@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (18, None),  # 19 returns
        (79, None),  # 20 returns at session 19: 60 volatilities from there would be session 78, 59 are exposed
        (90, "scaled"),
    ],
)
def test_vol_scaling_short_history(scaling: int, at: int, expected: str | None) -> None:
    wide_from = at - 5
    market = wavy(100, wide_from)
    # Exposed from session 21 on, so that the exposed volatilities are those of sessions 21, 22, ...
    signals = entries(market, (20, 0), (at, 1)) if at > 20 else entries(market, (at, 1))
    found = run(market, signals, {"scaling": scaling}, daily_loss_limit=1.0, var_limit=1.0)
    multiplier = number(found, "risk_multiplier")[-1]
    if expected is None:
        assert multiplier == 1.0
        return
    returns = found.equity[1:] / found.equity[:-1] - 1
    deviations = [np.std(returns[t - 20 : t], ddof=1) for t in range(21, at + 1)]
    ratio = deviations[-1] / np.median(deviations)
    assert ratio > 2
    wanted = 0.5 if scaling == SCALING_REGIME else max(1 / ratio, 0.33)
    assert multiplier == pytest.approx(wanted, rel=1e-9)
    assert multiplier < 1


@pytest.mark.parametrize(
    ("positions", "at", "rejected"),
    [
        (4, 4, False),  # 4 common returns of 5
        (4, 5, True),
        (3, 5, False),  # a position short
    ],
)
def test_correlation_guard_short_history(positions: int, at: int, rejected: bool) -> None:
    market = herd(8)
    signals = entries(market, *((0, symbol) for symbol in range(positions)), (at, 4))
    found = run(market, signals, correlation_window=5, daily_loss_limit=1.0)
    assert len(said(found, "enter")) == positions + (not rejected)
    assert said(found, "reject") == ([(at, 4, "correlation_guard")] if rejected else [])


def test_all_candidates_fail() -> None:
    market = quiet_market(
        [[100.0, 100.0, 100.0, 100.0, 1e6]] * 3,
        atr=[[2.0, 0.0, 2.0, 2.0, 1e4]] * 3,
        adv=[[1e12, 1e12, 0.0, 1_499_999.0, 1e12]] * 3,
    )
    signals = entries(market, *((0, i) for i in range(5)), eligible=[False, True, True, True, True])
    found = run(market, signals)
    reasons = ("eligibility", "invalid_stop", "no_liquidity", "capacity", "zero_size")
    assert sorted(said(found, "reject"), key=lambda row: row[1]) == [(0, i, r) for i, r in enumerate(reasons)]
    assert (found.trades.size, found.held.size, found.queue.size) == (0, 0, 0)
    assert found.equity.tolist() == [100_000.0] * 3


@pytest.mark.parametrize(
    ("ratio", "adv", "opening", "expected"),
    [
        (0.01, 1e12, 100.0, 10 * 0.5 * 0.5),
        (99.0, 1e12, 100.0, 10 * 3.0 * 0.5),
        (NAN, 1e12, 100.0, 10 * 1.0 * 0.5),
        (1.2, 2e6, 100.0, 10 * 1.2 * 1.5),  # 15,000 / (half of 1 % of 2e6)
        (1.0, 1.5e6, 130.0, 10 * 1.0 * 2.0),  # 19,500 at the open, 2.6 x half the limit
    ],
)
def test_slippage_extremes(ratio: float, adv: float, opening: float, expected: float) -> None:
    market = quiet_market(
        [100.0, 100.0],
        open=np.array([[100.0], [opening]]),
        volatility_ratio=ratio,
        adv=adv,
        slippage_bps=10.0,
    )
    position = run(market, entries(market, (0, 0))).positions_at_end[0]
    assert position["entry_slippage_bps"] == pytest.approx(expected, rel=1e-12)
    assert position["entry_price"] == pytest.approx(opening * (1 + expected / 1e4), rel=1e-15)


def test_slippage_extremes_without_volume() -> None:
    # No order without volume; but what is held when the volume ends can still be sold, at the largest factor.
    market = quiet_market([100.0] * 4, adv=[[1e12], [0.0], [NAN], [1e12]], slippage_bps=10.0)
    found = run(market, entries(market, (0, 0), (2, 0), exits=[[(1, 0)]]), {"exit_signal": 0})
    assert found.trades["exit_slippage_bps"].tolist() == [20.0]
    assert said(found, "reject") == [(2, 0, "no_liquidity")]


def test_slippage_extremes_never_negative() -> None:
    sessions = 400
    market = quiet_market(np.full(sessions, 100.0), slippage_bps=10.0, stressed=np.arange(sessions)[:, None] % 2 == 0)
    signals = entries(market, *((t, 0) for t in range(sessions)))
    found = run(market, signals, {"max_hold": 1}, noise="drawn", risk_per_trade=1e-4)
    drawn = np.r_[found.trades["entry_slippage_bps"], found.trades["exit_slippage_bps"]]
    assert drawn.size > 300
    assert drawn.min() == 0.0
    assert np.isfinite(drawn).all()


def test_gap_through_stop() -> None:
    opening = np.array([[100.0], [100.0], [100.0], [80.0], [99.0]])
    market = quiet_market([100.0, 100.0, 95.0, 90.0, 99.0], open=opening, slippage_bps=10.0)
    found = run(market, entries(market, (0, 0)))
    assert said(found, "exit") == [(2, 0, "hard_stop")]
    assert exits_of(found) == [(3, "hard_stop", pytest.approx(80 * (1 - 5 / 1e4), rel=1e-15))]


def test_same_symbol_reentry() -> None:
    market = quiet_market([100.0] * 6)
    signals = entries(market, *((t, 0) for t in range(4)), exits=[[(2, 0)]])
    found = run(market, signals, {"exit_signal": 0})
    assert exits_of(found) == [(3, "rule", 100.0)]
    assert said(found, "hold") == [(1, 0, "already_held"), (2, 0, "already_held")]
    assert said(found, "enter") == [(0, 0, "0"), (3, 0, "0")]
    assert found.positions_at_end["entry_session"].tolist() == [4]


@pytest.mark.parametrize(
    ("lot", "atr", "quantity"),
    [
        (1.0, 2.0, 187.0),  # 187.5
        (1.0, 2.5, 150.0),  # a whole number is not rounded down
        (0.1, 2.0, 187.5),
        (1e-8, 2.25, 166.66666666),
        (100.0, 2.0, 100.0),
    ],
)
def test_lot_rounding(lot: float, atr: float, quantity: float) -> None:
    market = quiet_market([100.0, 100.0], lot=lot, atr=atr)
    found = run(market, entries(market, (0, 0)), max_position=1.0, max_symbol=1.0)
    assert found.positions_at_end["quantity"].tolist() == pytest.approx([quantity], rel=1e-13)


@pytest.mark.parametrize("lot", [1.0, 1e-8])
@pytest.mark.parametrize("fee_bps", [0.0, 8.0, 333.0])
def test_lot_rounding_never_exceeds_cash(lot: float, fee_bps: float) -> None:
    for price in (0.07, 3.0, 99.99, 1234.56):
        market = quiet_market([price, price * 1.1], lot=lot, atr=price / 50, fee_bps=fee_bps, slippage_bps=10.0)
        found = run(market, entries(market, (0, 0)), **ALL_IN)
        position = found.positions_at_end[0]
        assert found.cash[-1] >= 0
        # One lot more would not have been affordable.
        assert found.cash[-1] < 2 * lot * position["entry_price"] * (1 + fee_bps / 1e4)
        assert position["quantity"] / lot == pytest.approx(round(position["quantity"] / lot), rel=1e-12)


def test_order_independence() -> None:
    market, signals = busy()
    trials = np.concatenate([trial_of(market, stop_atr=k, exit_signal=0) for k in (1.0, 1.5, 2.0, 2.5, 3.0)])
    numbers = settings(noise="drawn")
    one, several = (sweep(market, signals, trials, numbers, threads=count) for count in (1, 4))
    backwards = sweep(market, signals, trials[::-1].copy(), numbers, threads=2)
    for p in range(trials.size):
        alone = simulate(market, signals, trials[p : p + 1], numbers)
        assert one.equity[p].tobytes() == several.equity[p].tobytes() == alone.equity.tobytes()
        assert backwards.equity[trials.size - 1 - p].tobytes() == alone.equity.tobytes()
        assert one.trades[p] == alone.trades.size > 0
    assert one.sum_r.tobytes() == several.sum_r.tobytes()


def test_order_independence_of_a_symbol_that_never_trades() -> None:
    market, signals = busy()

    def widened(values: np.ndarray) -> np.ndarray:
        axis = values.ndim - 1
        wide = values.shape[axis:] == market.symbol_key.shape
        return np.concatenate([values, values[..., -1:]], axis=axis) if wide else values

    wider = Market(*(widened(values) for values in market))
    more = signals._replace(exits=widened(signals.exits))
    trial, numbers = trial_of(market, exit_signal=0), settings(noise="drawn")
    assert (
        simulate(wider, more, trial, numbers).equity.tobytes()
        == simulate(market, signals, trial, numbers).equity.tobytes()
    )


def test_seed() -> None:
    market, signals = busy()
    # Stops so far away, and lots so small, that a fill at another price changes no decision.
    trial = trial_of(market, exit_signal=0, stop_atr=40.0)
    same, again, other = (simulate(market, signals, trial, settings(seed, noise="drawn")) for seed in (1, 1, 2))
    assert same.equity.tobytes() == again.equity.tobytes()
    assert same.trades.tobytes() == again.trades.tobytes()
    assert (same.trades["entry_slippage_bps"] != other.trades["entry_slippage_bps"]).mean() > 0.9
    for name in ("symbol", "entry_session", "exit_session", "exit_reason"):
        assert same.trades[name].tolist() == other.trades[name].tolist()


def test_seed_changes_nothing_without_noise() -> None:
    market, signals = busy()
    trial = trial_of(market, exit_signal=0)
    one, two = (simulate(market, signals, trial, settings(seed)) for seed in (1, 2))
    assert one.equity.tobytes() == two.equity.tobytes()


def test_zero_trades() -> None:
    market = quiet_market([100.0, 120.0, 90.0])
    found = run(market, entries(market))
    assert found.equity.tolist() == [100_000.0] * 3
    assert found.trades.size == found.decisions.size == 0
    curve = pl.DataFrame(
        {
            "session": [1, 2, 3],
            "equity": found.equity,
            "gross_exposure": found.gross_exposure,
            "daily_return": [0.0] * 3,
        }
    )
    names = ("symbol", "exit_session", "entry_price", "exit_price", "quantity", "pnl", "r_multiple", "hold_sessions")
    costs = ("entry_fee", "exit_fee", "entry_slippage_bps", "exit_slippage_bps")
    trades = pl.DataFrame(schema=dict.fromkeys((*names, *costs), pl.Float64))
    values = metrics.summarise(curve, trades, periods_per_year=252)
    for name in ("sharpe", "sortino", "calmar", "expectancy_r", "profit_factor", "win_rate", "average_hold"):
        assert values[name] is None, name
    assert values["trades"] == 0


def test_drawdown_from_start() -> None:
    # The very first held session loses 20 %, all of it from the initial capital.
    market = quiet_market([100.0, 80.0, 80.0, 80.0], open=np.array([[100.0], [100.0], [80.0], [80.0]]))
    found = run(market, entries(market, (0, 0)), drawdown_limit=0.19, **ALL_IN)
    assert found.equity.tolist() == [100_000.0, 80_000.0, 80_000.0, 80_000.0]
    assert said(found, "exit") == [(1, 0, "drawdown_halt")]
    returns = found.equity / np.r_[100_000.0, found.equity[:-1]] - 1
    assert metrics.max_drawdown(returns) == pytest.approx(-0.2)
    assert metrics.max_drawdown(np.array([-0.2, 0.1])) == pytest.approx(-0.2)


def test_total_loss() -> None:
    opening = np.array([[100.0], [100.0], [100.0], [0.0], [100.0], [100.0]])
    market = quiet_market([100.0, 100.0, 0.0, 0.0, 100.0, 100.0], open=opening)
    found = run(market, entries(market, (0, 0), (4, 0)), var_limit=1.0, **ALL_IN)
    assert found.equity.tolist() == [100_000.0, 100_000.0, 0.0, 0.0, 0.0, 0.0]
    assert exits_of(found) == [(3, "drawdown_halt", 0.0)]
    assert said(found, "reject") == [(4, 0, "halted")]
    assert np.isfinite(found.gross_exposure).all()


# --- Data ---------------------------------------------------------------------------------------------


def test_missing_one_day() -> None:
    market = quiet_market([100.0, 102.0, NAN, 95.0, 95.0], open=np.array([[100.0], [100.0], [NAN], [101.0], [95.0]]))
    # The exit and the raised stop of the missing session are not seen.
    signals = entries(market, (0, 0), exits=[[(2, 0)], [(2, 0)]])
    found = run(market, signals, {"exit_signal": 0, "raise_signal": 1, "raised_stop_atr": 0.0, "last_session": 2})
    assert found.equity.tolist() == [100_000.0, 100_300.0, 100_300.0]
    assert found.positions_at_end["stop"].tolist() == [96.0]
    assert found.positions_at_end["mark"].tolist() == [102.0]
    later = run(market, signals, {"exit_signal": 0})
    assert said(later, "exit") == [(3, 0, "hard_stop")]


def test_missing_two_days() -> None:
    closes = np.full(40, 100.0)
    closes[[3, 4]] = NAN
    market = quiet_market(closes)
    at = [(0, 0), *((t, 0) for t in range(6, 40))]
    found = run(market, entries(market, *at))
    assert said(found, "exit") == [(4, 0, "data_missing")]
    assert exits_of(found) == [(5, "data_missing", 100.0)]
    # Session 24 is the 20th clean one.
    assert said(found, "reject") == [(t, 0, "health") for t in range(6, 24)]
    assert said(found, "enter") == [(0, 0, "0"), (24, 0, "0")]


def test_missing_two_days_twice_starts_the_count_again() -> None:
    closes = np.full(40, 100.0)
    closes[[3, 4, 14]] = NAN
    market = quiet_market(closes)
    found = run(market, entries(market, *((t, 0) for t in range(5, 40) if t != 14)))
    assert said(found, "enter") == [(34, 0, "0")]


def test_split_mid_position() -> None:
    split = np.ones((5, 1))
    split[2] = 2.0
    market = quiet_market([100.0, 100.0, 50.0, 50.0, 50.0], split_ratio=split)
    found = run(market, entries(market, (0, 0)))
    position = found.positions_at_end[0]
    assert found.equity.tolist() == [100_000.0] * 5
    assert (position["quantity"], position["entry_price"], position["stop"]) == (300.0, 50.0, 48.0)
    assert found.trades.size == 0


@pytest.mark.parametrize("has_open", [True, False])
def test_split_mid_position_pays_the_fraction(has_open: bool) -> None:
    split = np.ones((4, 1))
    split[2] = 1.5
    opening = np.array([[100.0], [100.0], [70.0 if has_open else NAN], [70.0]])
    market = quiet_market([100.0, 100.0, 70.0 if has_open else NAN, 70.0], open=opening, split_ratio=split)
    found = run(market, entries(market, (0, 0)), max_position=0.1510)
    position = found.positions_at_end[0]
    # 151 x 1.5 = 226.5: half a share at the open, or at two thirds of the last close without one.
    assert position["quantity"] == 226
    assert found.cash[2] - found.cash[1] == pytest.approx(35.0 if has_open else 100 / 3, rel=1e-12)


def test_split_mid_position_of_a_trade_that_is_closed() -> None:
    split = np.ones((6, 1))
    split[2] = 2.0
    market = quiet_market([100.0, 100.0, 50.0, 55.0, 55.0, 55.0], split_ratio=split, fee_bps=10.0)
    found = run(market, entries(market, (0, 0), exits=[[(3, 0)]]), {"exit_signal": 0})
    trade = found.trades[0]
    pnl = 300 * 55 * (1 - 0.001) - 150 * 100 * (1 + 0.001)
    assert (trade["quantity"], trade["entry_price"], trade["stop_price"]) == (300.0, 50.0, 48.0)
    assert trade["pnl"] == pytest.approx(pnl)
    assert trade["return"] == pytest.approx(pnl / 15_000)
    assert trade["r_multiple"] == pytest.approx(pnl / (150 * 4))
    assert found.equity[-1] == pytest.approx(100_000 + pnl)


def test_dividend() -> None:
    dividend = np.zeros((6, 1))
    dividend[[1, 3, 4, 5]] = [[7.0], [1.5], [2.0], [9.0]]
    market = quiet_market([100.0, 100.0, 100.0, 98.5, 96.5, 96.5], cash_dividend=dividend)
    found = run(market, entries(market, (0, 0), exits=[[(3, 0)]]), {"exit_signal": 0})
    # Bought at the open of an ex-session: no dividend. Held the evening before: paid, also when sold at that open.
    assert np.diff(found.cash).tolist() == [-15_000.0, 0.0, 225.0, 300.0 + 150 * 96.5, 0.0]
    assert found.equity.tolist() == [100_000.0] * 5 + [100_000.0]
    trade = found.trades[0]
    assert (trade["entry_price"], trade["exit_price"], trade["pnl"]) == (100.0, 96.5, 0.0)


def test_delisting() -> None:
    closes = [100.0, 100.0, 100.0, 97.0, NAN, NAN]
    delisted, listed = (quiet_market(closes, delisted=t, fee_bps=10.0) for t in (3, -1))
    found, unaware = (run(market, entries(market, (0, 0))) for market in (delisted, listed))
    assert exits_of(found) == [(3, "delisted", 97.0)]
    assert found.trades["exit_fee"].tolist() == pytest.approx([150 * 97 / 1000])
    assert found.trades["exit_slippage_bps"].tolist() == [0.0]
    assert found.equity[3:].tolist() == pytest.approx([100_000 - 150 * 3 - 15 - 150 * 97 / 1000] * 3)
    assert found.equity[:3].tobytes() == unaware.equity[:3].tobytes()


def test_delisting_after_ten_missing_sessions() -> None:
    market = quiet_market([100.0, 100.0, 98.0, *[NAN] * 12])
    found = run(market, entries(market, (0, 0)))
    assert said(found, "exit") == [(4, 0, "data_missing"), (12, 0, "delisted")]
    assert exits_of(found) == [(12, "delisted", 98.0)]
    assert found.trades["hold_sessions"].tolist() == [2]


def test_zero_volume() -> None:
    fillable = np.array([[True], [False], [True], [True], [False], [False], [True]])
    market = quiet_market([100.0, 100.0, 100.0, 99.0, 98.0, 97.0, 96.5], fillable=fillable)
    found = run(market, entries(market, (0, 0), (1, 0), exits=[[(3, 0)]]), {"exit_signal": 0})
    # The entry is cancelled and decided anew; the exit waits for a bar to fill on.
    assert said(found, "reject") == [(1, 0, "no_fill")]
    assert found.trades["entry_session"].tolist() == [2]
    assert exits_of(found) == [(6, "rule", 96.5)]


def test_crypto_weekend() -> None:
    # Sessions run from a Monday: 5 and 6 are the weekend. A fill a session, in and out in turn.
    sessions = 10
    market = quiet_market(np.full(sessions, 100.0), slippage_bps=10.0, weekend_multiplier=1.5)
    signals = entries(market, *((t, 0) for t in range(sessions)))
    trades = run(market, signals, {"max_hold": 1}).trades
    fills = dict(zip(trades["entry_session"].tolist(), trades["entry_slippage_bps"].tolist(), strict=True))
    fills |= dict(zip(trades["exit_session"].tolist(), trades["exit_slippage_bps"].tolist(), strict=True))
    assert fills == {t: (7.5 if t in (5, 6) else 5.0) for t in range(1, sessions - 1)}


# --- From tables --------------------------------------------------------------------------------------


def _prepared(tables: Frames, universe: str = "equity", **parameters: object) -> StrategyMarket:
    """A breakout strategy of the given universe on tables."""
    module = crypto_momentum if universe == "crypto" else equity_momentum
    values: OrderParameters = module.Parameters.model_validate(parameters)
    strategy = StrategySettings(type=module.__name__, universe=universe, parameters=values)
    benchmarks = {"equity": BENCHMARK, "crypto": BENCHMARK}
    return prepare(configuration(strategies={"breakout": strategy}, benchmarks=benchmarks), "breakout", tables)


def _rising(days: int, start: int = 0) -> np.ndarray:
    return 50 * 1.01 ** np.arange(days - start)


def _decisions(context: StrategyMarket) -> pl.DataFrame:
    return backtest(context, context.grid.sessions[0], context.grid.sessions[-1], split="all").decisions


def test_new_listing() -> None:
    days = weekdays(200)
    bars = [bars_of("OLD", np.full(200, 50.0), days), bars_of("NEW", _rising(200, 80), days[80:])]
    context = _prepared(frames_of(pl.concat(bars)))
    own = _decisions(context).filter(pl.col("symbol") == "NEW")
    # highest_close_20 is known at the 21st bar; ma_50 and its value 20 sessions before at the 70th.
    assert own["session"][0] == days[80 + 20]
    assert set(own.filter(pl.col("session") < days[80 + 69])["reason"]) == {"eligibility"}
    assert own.filter(pl.col("decision") == "enter")["session"].to_list() == [days[80 + 69]]
    new = context.grid.symbols.index("NEW")
    assert context.market.expected[:, new].tolist() == [day >= days[80] for day in days]


def test_universe_as_of() -> None:
    days = weekdays(160)
    bars = pl.concat(bars_of(symbol, _rising(160), days) for symbol in ("AAA", "BBB"))
    member = frames_of(bars)
    left = pl.when(pl.col("symbol") == "AAA").then(pl.lit(days[120])).otherwise(pl.lit(None, pl.Date))
    leaver = frames_of(bars, universe=member.universe.with_columns(end=left))
    results = [backtest(_prepared(tables, max_hold=5), days[0], days[-1], split="all") for tables in (member, leaver)]
    entered = [
        result.decisions.filter(pl.col("decision") == "enter", pl.col("symbol") == "AAA")["session"].to_list()
        for result in results
    ]
    assert max(entered[0]) > days[130]
    assert entered[1] == [day for day in entered[0] if day <= days[120]]
    for name in ("equity", "decisions"):
        earlier = [getattr(result, name).filter(pl.col("session") <= days[120]) for result in results]
        assert earlier[0].equals(earlier[1]), name
    late = results[1].decisions.filter(pl.col("symbol") == "AAA", pl.col("session") > days[130])
    assert set(late["reason"]) == {"eligibility"}


@pytest.mark.parametrize(
    ("universe", "fall", "stressed"),
    [
        ("equity", 0.029, False),
        ("equity", 0.031, True),
        ("crypto", 0.049, False),
        ("crypto", 0.051, True),
    ],
)
def test_weekly_return_window(universe: str, fall: float, stressed: bool) -> None:
    days = weekdays(40)
    index = np.where(np.arange(40) < 20, 100.0, 100.0 * (1 - fall))
    bars = pl.concat([bars_of("AAA", np.full(40, 50.0), days, universe), bars_of(BENCHMARK, index, days, "index")])
    market = _prepared(frames_of(bars), universe).market
    # The fall is in the five sessions that end at 20 ... 24, so it stresses the fills of 21 ... 25.
    assert np.flatnonzero(market.stressed[:, 0]).tolist() == ([21, 22, 23, 24, 25] if stressed else [])


def test_weekly_return_window_knows_nothing_of_the_fill_session() -> None:
    tables = frames(sessions=300)
    day = tables.bars["session"].unique().sort()[200]
    prices = [name for name in tables.bars.columns if name.endswith(("open", "high", "low", "close"))]
    changed = tables.bars.with_columns(
        pl.when(pl.col("session") >= day).then(pl.col(name) * 0.5).otherwise(pl.col(name)) for name in prices
    )
    before, after = (_prepared(frames_of(bars)).market.stressed for bars in (tables.bars, changed))
    assert before[:201].tolist() == after[:201].tolist()
    assert before.any()


def _with_crypto(days: list[dt.date]) -> Frames:
    """One equity on weekdays and one coin on every day, of the same weeks."""
    every = [days[0] + dt.timedelta(days=k) for k in range((days[-1] - days[0]).days + 1)]
    random = np.random.default_rng(1)
    bars = pl.concat(
        bars_of(symbol, 50 * np.exp(np.cumsum(random.normal(0.002, 0.02, len(own)))), own, asset_class)
        for symbol, own, asset_class in (("AAA", days, "equity"), ("COIN", every, "crypto"))
    )
    tables = frames_of(bars)
    calendar = pl.when(pl.col("asset_class") == "crypto").then(pl.lit("24/7")).otherwise(pl.lit("XNYS"))
    sessions = [pl.DataFrame({"calendar": name, "session": own}) for name, own in (("24/7", every), ("XNYS", days))]
    return frames_of(
        bars,
        instruments=INSTRUMENTS.conform(tables.instruments.with_columns(calendar=calendar)),
        sessions=SESSIONS.conform(pl.concat(sessions)),
    )


@pytest.mark.parametrize(("universe", "periods"), [("equity", 252), ("crypto", 365), ("all", 365)])
def test_annualisation(universe: str, periods: int) -> None:
    context = _prepared(_with_crypto(weekdays(320)), universe)
    assert context.periods_per_year == periods
    result = backtest(context, context.grid.sessions[0], context.grid.sessions[-1], split="all")
    values = dict(metrics_of(context, result).select("metric", "value").iter_rows())
    assert values["periods_per_year"] == periods
    returns = result.equity["daily_return"].to_numpy()
    assert np.ptp(returns) > 0
    assert values["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * np.sqrt(periods), rel=1e-12)
    assert values["volatility"] == pytest.approx(returns.std(ddof=1) * np.sqrt(periods), rel=1e-12)


def test_crypto_weekend_sessions_are_those_of_the_coin() -> None:
    context = _prepared(_with_crypto(weekdays(320)), "all")
    market, coin = context.market, context.grid.symbols.index("COIN")
    weekend = [day.weekday() >= 5 for day in context.grid.sessions]
    assert market.weekend.tolist() == weekend
    assert market.expected[:, coin].all()
    assert market.fillable[weekend, coin].all()
    assert not market.expected[weekend, 1 - coin].any()
    assert market.weekend_multiplier[[coin, 1 - coin]].tolist() == [1.5, 1.0]


def test_zero_volume_of_a_bar_is_no_fill_on_that_bar() -> None:
    days = weekdays(60)
    bars = bars_of("AAA", _rising(60), days)
    silent = pl.col("session") == days[30]
    bars = bars.with_columns(volume=pl.when(silent).then(0.0).otherwise("volume"))
    market = _prepared(frames_of(bars)).market
    assert np.flatnonzero(~market.fillable[:, 0]).tolist() == [30]
    assert market.present.all()


def test_missing_one_day_of_the_tables() -> None:
    days = weekdays(60)
    bars = pl.concat(
        [bars_of("AAA", _rising(60), days).filter(pl.col("session") != days[30]), bars_of("BBB", _rising(60), days)]
    )
    market = _prepared(frames_of(bars)).market
    assert np.argwhere(~market.present).tolist() == np.argwhere(~market.fillable).tolist() == [[30, 0]]
    assert market.expected.all()
    # No return across the hole.
    assert np.flatnonzero(np.isnan(market.returns[:, 0])).tolist() == [0, 30, 31]


def test_order_independence_of_the_rows() -> None:
    tables = frames(sessions=300)
    shuffled = Frames(
        **{item.name: getattr(tables, item.name).sample(fraction=1.0, shuffle=True, seed=1) for item in fields(Frames)}
    )
    results = []
    for each in (tables, shuffled):
        context = _prepared(each)
        results.append(backtest(context, FIRST, context.grid.sessions[-1], split="all"))
    assert results[0].trades.height > 5
    for name in ("trades", "equity", "decisions", "open_positions"):
        one, other = (getattr(result, name) for result in results)
        assert one.equals(other), name
    assert all(before < after for before, after in pairwise(results[0].equity["session"]))
