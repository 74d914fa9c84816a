"""Rules of the engine that no edge case names, computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trading_assets.backtests.engine.arrays import SCALING_CONTINUOUS
from trading_assets.backtests.engine.dtypes import DECISION, FILL, TRADE
from trading_assets.backtests.engine.event_loop import derive
from trading_assets_tests.backtests.markets import entries, quiet_market
from trading_assets_tests.backtests.runs import ALL_IN, NAN, exits_of, herd, number, run, said, wavy


def test_insufficient_cash_counts_the_orders_before_it() -> None:
    # Each may take 60 % of equity; the second is cut to what the first leaves: (100,000 - 60,600) / 101.
    market = quiet_market([[100.0, 100.0]] * 2, fee_bps=100.0)
    risk: dict[str, Any] = {"risk_per_trade": 1.0, "max_position": 0.6, "max_symbol": 0.6, "max_gross": 1.0}
    found = run(market, entries(market, (0, 0), (0, 1)), **risk)
    assert found.positions_at_end["quantity"].tolist() == [600.0, 390.0]
    assert found.cash[-1] == pytest.approx(100_000 - 990 * 101)


def test_vol_scaling_short_history_begins_at_the_minimum() -> None:
    # Exposed volatilities from session 21: the 60th is that of session 80.
    multipliers = {}
    for at in (79, 80):
        market = wavy(100, 75)
        found = run(market, entries(market, (20, 0), (at, 1)), {"scaling": SCALING_CONTINUOUS}, daily_loss_limit=1.0)
        multipliers[at] = number(found, "risk_multiplier")[-1]
    assert multipliers[79] == 1.0
    assert multipliers[80] < 1.0


def test_correlation_limit_needs_both_the_portfolio_and_the_candidate_above() -> None:
    group = herd(8)
    other = group.returns.copy()
    other[:, 4] = [NAN, 0.01, 0.02, -0.03, 0.01, 0.02, -0.01, 0.01]
    at = [*((0, symbol) for symbol in range(4)), (6, 4)]
    free = group._replace(returns=other)
    risk: dict[str, Any] = {"correlation_window": 5, "daily_loss_limit": 1.0}
    assert said(run(group, entries(group, *at), **risk), "reject") == [(6, 4, "correlation_limit")]
    assert said(run(free, entries(free, *at), **risk), "reject") == []


def test_capacity_takes_what_is_exactly_allowed() -> None:
    market = quiet_market([100.0, 100.0], adv=1_500_000.0)  # 15,000 is 1 %
    assert said(run(market, entries(market, (0, 0))), "enter") == [(0, 0, "0")]


def test_beyond_capacity_an_entry_is_cut_or_rejected() -> None:
    """1 % of 1,490,000 is 14,900: 149 shares of the 150 that risk and caps allow; of 9,900 a day not one."""
    market = quiet_market([100.0, 100.0], adv=1_490_000.0)
    found = run(market, entries(market, (0, 0)))
    assert number(found, "quantity").tolist() == [149.0]
    assert said(run(market, entries(market, (0, 0)), beyond_capacity="reject"), "reject") == [(0, 0, "capacity")]
    thin = quiet_market([100.0, 100.0], adv=9_900.0)
    assert said(run(thin, entries(thin, (0, 0))), "reject") == [(0, 0, "capacity")]


def test_gap_through_stop_is_judged_at_the_close() -> None:
    # Opens at 90 and closes at 96 (the stop is at 96.05 after slippage): nothing; then 95 closes below.
    opening = np.array([[100.0], [100.0], [90.0], [97.0]])
    market = quiet_market([100.0, 100.0, 96.5, 97.0], open=opening)
    assert said(run(market, entries(market, (0, 0))), "exit") == []


def test_breaker_halts_for_its_sessions_and_restarts_at_reduced_risk() -> None:
    closes = [100.0, 100.0, 70.0] + [70.0] * 7
    market = quiet_market(np.column_stack([closes, np.full(10, 100.0)]))
    at = [(0, 0), *((t, 1) for t in range(2, 8))]
    risk: dict[str, Any] = {"risk_per_trade": 0.04, "max_position": 1.0, "max_symbol": 1.0, "max_gross": 1.0}
    found = run(market, entries(market, *at), drawdown_limit=0.2, halt_sessions=3, daily_loss_limit=1.0, **risk)
    # 1,000 shares lose 30 %: it fires at 2; 2 to 5 are halted; at 6 trading restarts with half the risk.
    assert said(found, "reject") == [(t, 1, "halted") for t in range(2, 6)]
    assert said(found, "enter") == [(0, 0, "0"), (6, 1, "0")]
    assert found.positions_at_end["quantity"].tolist() == [350.0]  # 70,000 x 4 % x 0.5 / 4


def test_split_of_a_symbol_with_an_order_waiting() -> None:
    split = np.ones((3, 1))
    split[1] = 2.0
    market = quiet_market([100.0, 50.0, 50.0], split_ratio=split)
    position = run(market, entries(market, (0, 0))).positions_at_end[0]
    assert (position["quantity"], position["entry_price"], position["stop"]) == (300.0, 50.0, 48.0)


def test_dividend_on_the_day_of_a_split_is_paid_on_the_old_shares() -> None:
    split, dividend = np.ones((3, 1)), np.zeros((3, 1))
    split[2], dividend[2] = 2.0, 3.0
    market = quiet_market([100.0, 100.0, 50.0], split_ratio=split, cash_dividend=dividend)
    found = run(market, entries(market, (0, 0)))
    assert found.cash[2] - found.cash[1] == 450.0


def test_mixed_calendars_wait_for_the_symbols_own_session() -> None:
    expected = np.array([[True, True], [True, True], [False, True], [False, True], [True, True], [True, True]])
    closes = np.where(expected, [[100.0, 100.0]], NAN)
    market = quiet_market(closes, expected=expected)
    signals = entries(market, (1, 0), (1, 1), exits=[[(4, 0)]])
    found = run(market, signals, {"exit_signal": 0})
    assert said(found, "reject") == []
    assert found.positions_at_end["entry_session"].tolist() == [2]
    assert found.trades["entry_session"].tolist() == [4]
    assert exits_of(found) == [(5, "rule", 100.0)]


def test_exits_pay_for_the_entries_of_the_same_open() -> None:
    # Half in the first; the second gaps up by 20 %, which only the sale of the first pays for.
    opening = np.array([[100.0, 100.0]] * 3 + [[100.0, 120.0]])
    market = quiet_market(np.full((4, 2), 100.0), open=opening)
    half = {"risk_per_trade": 1.0, "max_position": 0.5, "max_symbol": 0.5, "max_gross": 1.0}
    signals = entries(market, (0, 0), (2, 1), exits=[[(2, 0)]])
    found = run(market, signals, {"exit_signal": 0}, **half)
    assert exits_of(found) == [(3, "rule", 100.0)]
    assert found.positions_at_end["quantity"].tolist() == [500.0]
    assert found.cash[-1] == 40_000.0


@pytest.mark.parametrize(("limit", "reasons"), [(0.25, []), (0.24, [(2, 1, "daily_loss_limit")])])
def test_the_daily_loss_limit_is_exceeded_not_reached(limit: float, reasons: list[tuple[int, int, str]]) -> None:
    market = quiet_market([[100.0, 1.0], [100.0, 1.0], [75.0, 1.0], [75.0, 1.0]])
    signals = entries(market, (0, 0), (2, 1), (3, 1))
    found = run(market, signals, daily_loss_limit=limit, drawdown_limit=1.0, **ALL_IN)
    # Only the close of the loss itself: session 3 is free again.
    assert [row for row in said(found, "reject") if row[2] == "daily_loss_limit"] == reasons


def test_returns_are_turned_into_rows_of_symbols_over_many_blocks() -> None:
    """150 sessions are two blocks and a part of one. NumPy's own transposition says the rest: a hole is what the
    benchmark made, times 1.5, where the symbol trades or is not listed yet; 0 where it rests."""
    draw = np.random.default_rng(5)
    returns, benchmarks = draw.normal(size=(150, 3)), draw.normal(size=(1, 150))
    expected = np.ones((150, 3), np.bool_)
    expected[:70, 1] = False  # not listed before session 70
    expected[100, 0] = False  # rests
    returns[~expected] = NAN
    returns[[64, 130], 0] = NAN  # missing
    found = derive(expected, expected, returns, benchmarks, np.array([0, 0, -1]), np.full(3, -1), 2, 20)
    stand_in = np.repeat(1.5 * benchmarks, 3, axis=0)
    stand_in[0, 100] = 0.0
    known = ~np.isnan(returns.T)
    assert (found.known == known).all()
    assert (found.returns == np.where(known, returns.T, stand_in)).all()


@pytest.mark.parametrize("kind", [DECISION, FILL, TRADE])
def test_records_have_no_gaps(kind: np.dtype[np.void]) -> None:
    """Same run, same bytes: nothing writes what lies between two fields."""
    fields: dict[str, Any] = dict(kind.fields or {})
    assert sum(each[0].itemsize for each in fields.values()) == kind.itemsize
