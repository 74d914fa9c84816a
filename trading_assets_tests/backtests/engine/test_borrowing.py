"""What short positions pay, by symbol and day, and what cannot be sold short."""

from __future__ import annotations

import numpy as np
import pytest

from trading_assets_tests.backtests.markets import quiet_market
from trading_assets_tests.backtests.target_runs import run, said, targets


def test_the_rate_of_the_evening_before_is_paid() -> None:
    """500 short at 100 for three nights: 1 % a year in the first, 10 % in the second, 0 in the third.

    500 x 100 x 0.01 / 365 + 500 x 100 x 0.10 / 365 = 15.0685.
    """
    bps = np.array([[7e6], [100.0], [1000.0], [0.0], [7e6], [7e6]])
    market = quiet_market(np.full(6, 100.0), borrow_bps=bps)
    found = run(market, targets(market, (0, 0, -0.5), (3, 0, 0.0)))
    [trade] = found.trades
    assert (trade["entry_session"], trade["exit_session"]) == (1, 4)
    assert trade["borrow_cost"] == pytest.approx(15.0685, abs=1e-4)


def test_rates_that_never_change_take_one_row() -> None:
    closes = np.column_stack([np.linspace(100, 120, 8), np.linspace(50, 40, 8)])
    whole = quiet_market(closes, borrow_bps=[300.0, 20.0], borrowable=[True, False])
    one = whole._replace(borrow_bps=whole.borrow_bps[:1].copy(), borrowable=whole.borrowable[:1].copy())
    rows = [(0, 0, -0.4), (0, 1, -0.4), (5, 0, 0.0)]
    found, again = (run(market, targets(market, *rows)) for market in (whole, one))
    assert found.equity.tobytes() == again.equity.tobytes()
    assert found.trades["borrow_cost"] > 0
    assert said(found) == said(again)


def test_what_cannot_be_borrowed_is_not_sold_short_but_may_be_bought() -> None:
    market = quiet_market(np.full((4, 2), 100.0), borrowable=[False, True], borrow_bps=0.0)
    found = run(market, targets(market, (0, 0, -0.2), (0, 1, -0.2), (1, 0, 0.2)))
    assert said(found)[:2] == [(0, 0, "reject", "no_borrow"), (0, 1, "enter", "own")]
    assert dict(zip(found.positions_at_end["symbol"], found.positions_at_end["quantity"], strict=True)) == {
        0: 200,
        1: -200,
    }


def test_a_pair_whose_short_leg_cannot_be_borrowed_is_rejected_whole() -> None:
    market = quiet_market(np.full((3, 2), 100.0), borrowable=[True, False])
    found = run(market, targets(market, (0, 0, 0.2), (0, 1, -0.2), pairs=((0, 1),)))
    assert said(found) == [(0, 0, "reject", "pair_leg"), (0, 1, "reject", "no_borrow")]
    assert found.fills.size == 0


def test_what_is_short_already_stays_may_shrink_and_does_not_grow() -> None:
    borrowable = np.array([[True], [False], [False], [False], [False]])
    market = quiet_market(np.full(5, 100.0), borrowable=borrowable, borrow_bps=0.0)
    found = run(market, targets(market, (0, 0, -0.2), (1, 0, -0.3), (2, 0, -0.1)))
    assert said(found)[1:] == [(1, 0, "reject", "no_borrow"), (2, 0, "exit", "rebalance")]
    assert found.positions_at_end["quantity"] == [-100]


def test_an_order_that_waits_is_rejected_once_nobody_lends() -> None:
    """Decided at 0, due at 2, lent until the evening of 0 only: the evening of 1 counts, for the pair as a whole."""
    borrowable = np.array([[True, True], [True, False], [True, True], [True, True]])
    market = quiet_market(np.full((4, 2), 100.0), borrowable=borrowable)
    wanted = targets(market, (0, 0, 0.2), (0, 1, -0.2), pairs=((0, 1),))
    found = run(market, wanted, {"delay": 1})
    assert said(found)[2:] == [(2, 0, "reject", "no_borrow"), (2, 1, "reject", "no_borrow")]
    assert found.fills.size == 0


def test_a_flip_closes_where_the_new_side_cannot_be_borrowed() -> None:
    market = quiet_market(np.full(4, 100.0), borrowable=False)
    found = run(market, targets(market, (0, 0, 0.5), (1, 0, -0.5)))
    assert said(found)[1:] == [(1, 0, "reject", "no_borrow"), (1, 0, "exit", "own")]
    assert found.held.size == 0
