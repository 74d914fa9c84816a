"""Order-based strategies that sell short, by hand: 15 % of 100,000 at 100 are 150 units, the stop is 4 above."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trading_assets.backtests.engine.arrays import LIMITS, Market, Signals
from trading_assets.backtests.engine.dtypes import SELL, SHORT
from trading_assets.backtests.engine.simulate import Simulation
from trading_assets_tests.backtests.markets import entries, quiet_market
from trading_assets_tests.backtests.runs import number, run, said


def lent(closes: Any, **changes: Any) -> Market:
    """A market in which borrowing costs nothing, unless told otherwise."""
    return quiet_market(closes, **{"borrow_bps": 0.0} | changes)


def short(market: Market, signals: Signals, changes: dict[str, Any] | None = None, **risk: Any) -> Simulation:
    return run(market, signals, {"side": SHORT} | (changes or {}), **risk)


def test_a_close_above_the_stop_is_covered_at_the_next_open() -> None:
    """Sold at 100, stop 104, which 104.5 is above, and 105 is paid: 150 x -5 = -750, 1.25 of the 600 at risk."""
    market = lent([100.0, 100, 104, 104.5, 105, 90])
    found = short(market, entries(market, (0, 0)))
    [trade] = found.trades
    assert (trade["side"], trade["entry_session"], trade["exit_session"]) == (SHORT, 1, 4)
    assert (trade["quantity"], trade["stop_price"], trade["pnl"], trade["r_multiple"]) == (150, 104, -750, -1.25)
    assert said(found, "exit") == [(3, 0, "hard_stop")]
    assert found.equity.tolist() == [100_000, 100_000, 99_400, 99_325, 99_250, 99_250]
    assert found.cash.tolist() == [100_000, 115_000, 115_000, 115_000, 99_250, 99_250]
    assert found.gross_exposure[1] == 0.15


def test_a_fall_earns_and_costs_are_taken_against_the_seller() -> None:
    """10 bp of slippage on each side, at the upper clip of the size 0.5: sold at 99.95, bought back at 80.04."""
    market = lent([100.0, 100, 90, 80], slippage_bps=10.0)
    found = short(market, entries(market, (0, 0), exits=[[(2, 0)]]), {"exit_signal": 0})
    [trade] = found.trades
    assert (trade["entry_price"], trade["exit_price"]) == (pytest.approx(99.95), pytest.approx(80.04))
    assert trade["pnl"] == pytest.approx(150 * (99.95 - 80.04))
    assert trade["slippage_cost"] == pytest.approx(150 * (0.05 + 0.04))
    assert [fill["side"] for fill in found.fills] == [SELL, 0]


def test_a_dividend_is_paid_and_lowers_the_stop() -> None:
    """150 x 1; the stop is 103 then, and 103.5 is above it."""
    market = lent([100.0, 100, 100, 103.5, 103.5], cash_dividend=[[0.0], [0], [1], [0], [0]])
    found = short(market, entries(market, (0, 0)))
    assert found.equity[2] == 99_850
    assert said(found, "exit") == [(3, 0, "hard_stop")]


def test_the_exit_rule_moves_the_stop_down_and_never_up() -> None:
    """To 100 + 1 ATR of 2 = 102: a close of 103 is above it. At 3 ATR it would be 106, and stays at 104."""
    market = lent([100.0, 100, 99, 103, 103])
    signals = entries(market, (0, 0), exits=[[(2, 0)]])
    for atrs, stop, exits in ((1.0, 102.0, 1), (3.0, 104.0, 0)):
        found = short(market, signals, {"raise_signal": 0, "raised_stop_atr": atrs})
        assert len(said(found, "exit")) == exits
        stops = number(found, "stop_price")
        assert stops[-1] == stop if exits else found.positions_at_end["stop"] == [stop]


def test_sold_and_ordered_count_against_the_gross_cap_and_proceeds_are_set_aside() -> None:
    """Three of 15 % under a cap of 35 %: 150, 150 and 50. Free cash stays what the account is worth."""
    market = lent(np.full((4, 3), 100.0))
    found = short(market, entries(market, (0, 0), (0, 1), (1, 2)), max_gross=0.35)
    assert number(found, "quantity").tolist() == [150, 150, 50]
    assert number(found, "gross_room").tolist() == [35_000, 20_000, 5_000]
    assert number(found, "cash").tolist() == [100_000, 100_000, 100_000]
    assert found.cash[-1] == 135_000 and found.equity[-1] == 100_000


def test_what_nobody_lends_is_not_sold_short() -> None:
    """Asked at the close, and again at the open of an order that waited: by what was in force the evening before."""
    borrowable = np.array([[False], [True], [False], [True], [True]])
    market = lent(np.full(5, 100.0), borrowable=borrowable)
    found = short(market, entries(market, (0, 0), (1, 0)), {"delay": 1})
    assert said(found, "reject") == [(0, 0, "no_borrow"), (3, 0, "no_borrow")]
    assert said(found, "enter") == [(1, 0, "0")]
    bought = run(market, entries(market, (0, 0)))
    assert bought.fills.size == 1


def test_borrowing_is_paid_by_calendar_days() -> None:
    """150 x 100 x 3.65 % / 365 = 1.5 a day, from the evening of the entry to the morning of the cover."""
    market = lent(np.full(8, 100.0), borrow_bps=365.0)  # the entry on a Tuesday, the cover on the Monday after
    found = short(market, entries(market, (0, 0), exits=[[(5, 0)]]), {"exit_signal": 0})
    [trade] = found.trades
    assert (trade["entry_session"], trade["exit_session"]) == (1, 6)
    assert trade["borrow_cost"] == pytest.approx(1.5 * 5)
    assert found.equity[-1] == pytest.approx(100_000 - 1.5 * 5)
    thrice = short(market, entries(market, (0, 0), exits=[[(5, 0)]]), {"exit_signal": 0, "borrow_multiplier": 3.0})
    assert thrice.trades["borrow_cost"] == pytest.approx(1.5 * 5 * 3)


def test_a_crash_stops_it_out_at_the_high() -> None:
    market = lent([100.0, 100, 100], low=[[100.0], [100], [90]], high=[[100.0], [100], [120]])
    market = market._replace(crash=np.array([False, False, True]))
    found = short(market, entries(market, (0, 0)))
    assert found.trades["exit_price"] == [120.0]
    assert found.equity[-1] == 97_000


def test_the_value_at_risk_is_that_of_the_short_position() -> None:
    """It rose 5 % in two of 20 sessions and fell 5 % in the others: short 15 %, the second worst is 0.15 x 5 %."""
    moves = np.array([0.05, 0.05, *[-0.05] * 18, -0.05, -0.05])
    market = lent(100 * np.cumprod(1 + moves), returns=moves[:, None])
    risk: dict[str, Any] = {"var_window": 20, "max_position": 0.15, "risk_per_trade": 0.9}
    sold = short(market, entries(market, (19, 0)), **risk)
    held = run(market, entries(market, (19, 0)), **risk)
    taken = number(sold, "notional")[0] / 100_000
    assert number(sold, "value_at_risk")[0] == pytest.approx(0.05 * taken)
    assert number(held, "value_at_risk")[0] == pytest.approx(0.05 * taken)
    rising = lent(100 * np.cumprod(1 + moves), returns=np.abs(moves)[:, None])
    assert number(short(rising, entries(rising, (19, 0)), **risk), "value_at_risk")[0] == pytest.approx(0.05 * taken)
    assert number(run(rising, entries(rising, (19, 0)), **risk), "value_at_risk")[0] == pytest.approx(-0.05 * taken)


def test_who_owes_more_than_there_is_sells_nothing_short() -> None:
    """Short 150 at 100, which open at 900: 115,000 - 135,000 is less than nothing, although the sale costs nothing."""
    market = lent([[100.0, 100], [100, 100], [900, 100], [900, 100]])
    found = short(market, entries(market, (0, 0), (1, 1)), var_limit=1.0)
    assert said(found, "enter") == [(0, 0, "0"), (1, 1, "0")]
    assert said(found, "reject")[0] == (2, 1, "insufficient_cash")


def test_the_smaller_cap_of_a_position_is_named() -> None:
    market = lent([100.0, 100])
    for name in ("max_symbol", "max_position"):
        risk: dict[str, Any] = {name: 0.1}
        found = run(market, entries(market, (0, 0)), **risk)
        assert [LIMITS[row["limit"]] for row in found.decisions] == [name]
