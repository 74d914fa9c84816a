"""The rows "Simulation" of the edge cases that orders and their fills meet, computed by hand.

In a quiet market an order risks 750 over a stop distance of 2 x ATR = 4, which is 187 shares; at a price of
100 the cap of 15 % of equity makes that 150. The portfolio's rows are in `test_edge_cases_portfolio.py`, what data
do to what is held in `test_edge_cases_data.py`, and what takes whole tables in `test_edge_cases_tables.py`.
"""

from __future__ import annotations

import numpy as np
import pytest

from trading_assets_tests.backtests.markets import entries, quiet_market
from trading_assets_tests.backtests.runs import ALL_IN, NAN, exits_of, number, run, said


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


def test_gap_through_stop() -> None:
    opening = np.array([[100.0], [100.0], [100.0], [80.0], [99.0]])
    market = quiet_market([100.0, 100.0, 95.0, 90.0, 99.0], open=opening, slippage_bps=10.0)
    found = run(market, entries(market, (0, 0)))
    assert said(found, "exit") == [(2, 0, "hard_stop")]
    assert exits_of(found) == [(3, "hard_stop", pytest.approx(80 * (1 - 5 / 1e4), rel=1e-15))]


def test_gap_through_stop_too_far_for_an_entry() -> None:
    """Stopped at the close of 90; the next open is 39, 57 % below: 150 x (39 - 100) is lost, whatever comes after."""
    opening = np.array([[100.0], [100.0], [100.0], [39.0], [75.0]])
    fillable = np.array([[True], [True], [True], [False], [True]])
    market = quiet_market([100.0, 100.0, 90.0, 75.0, 75.0], open=opening, fillable=fillable)
    found = run(market, entries(market, (0, 0)))
    assert exits_of(found) == [(3, "hard_stop", 39.0)]
    assert found.equity[-1] == 90_850.0


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


def test_crypto_weekend() -> None:
    # Sessions run from a Monday: 5 and 6 are the weekend. A fill a session, in and out in turn.
    sessions = 10
    market = quiet_market(np.full(sessions, 100.0), slippage_bps=10.0, weekend_multiplier=1.5)
    signals = entries(market, *((t, 0) for t in range(sessions)))
    trades = run(market, signals, {"max_hold": 1}).trades
    fills = dict(zip(trades["entry_session"].tolist(), trades["entry_slippage_bps"].tolist(), strict=True))
    fills |= dict(zip(trades["exit_session"].tolist(), trades["exit_slippage_bps"].tolist(), strict=True))
    assert fills == {t: (7.5 if t in (5, 6) else 5.0) for t in range(1, sessions - 1)}
