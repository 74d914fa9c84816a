"""The broker's books at the marks of the account, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.trading.divergence.session_statistics import live_bets
from trading_assets.trading.divergence.tracking import LiveCurve, live_curve
from trading_assets.trading.rollout.withheld import Parting, parted
from trading_assets.trading.tables import PENDING_ORDERS
from trading_assets_tests.backtests.frames import weekdays
from trading_assets_tests.trading.divergence.accounts import (
    CONFIGURATION,
    DAYS,
    OPENING,
    broker_fill,
    broker_fills,
    engine_fill,
    engine_fills,
)
from trading_assets_tests.trading.test_order_sheet import waiting

#: Closes of AAA: 10, 11, 12, 6 (a split of 2 for 1), 7.
CLOSES, RATIOS, DIVIDENDS = [10.0, 11.0, 12.0, 6.0, 7.0], [1.0, 1.0, 1.0, 2.0, 1.0], [0.0, 0.0, 0.5, 0.0, 0.0]
BARS = pl.DataFrame(
    {
        "symbol": ["AAA"] * 5,
        "session": DAYS[:5],
        "close": CLOSES,
        "split_ratio": RATIOS,
        "cash_dividend": DIVIDENDS,
    }
)


def curve(engine: list[dict[str, object]], broker: list[dict[str, object]], bars: pl.DataFrame = BARS) -> LiveCurve:
    equity = pl.DataFrame({"session": DAYS[:5], "equity": [1000.0, 1010.0, 1020.0, 1030.0, 1040.0]})
    told = broker_fills(*broker).with_columns(pair_id=pl.lit(None, pl.String))
    return live_curve(equity, 1000.0, told, engine_fills(*engine), bars)


def test_the_same_fills_are_the_same_equity() -> None:
    fills = [engine_fill(1), engine_fill(4, side="sell")]
    found = curve(fills, [broker_fill(each) for each in fills])
    assert found.live.tolist() == found.paper.tolist()
    assert found.differences.tolist() == [0.0] * 5
    assert found.live_returns[:2] == pytest.approx([0.0, 0.01])


def test_a_dearer_fill_costs_its_difference_for_good() -> None:
    """Ten units at 10.03 in place of 10.01: 0.20 less from then on."""
    fill = engine_fill(1)
    found = curve([fill], [broker_fill(fill, price=10.03)])
    assert found.live - found.paper == pytest.approx([0.0, -0.2, -0.2, -0.2, -0.2])
    assert found.differences[1] == pytest.approx(-0.2 / 1000)


def test_a_missed_entry_lacks_gains_dividends_and_splits() -> None:
    """Ten units at 10.01 that the broker has not: +100.10 cash, less 110, then less 120 and a dividend of 5, split."""
    found = curve([engine_fill(1)], [])
    assert found.live - found.paper == pytest.approx(
        [0.0, 100.1 - 110, 100.1 - 120 - 5, 100.1 - 120 - 5, 100.1 - 140 - 5]
    )


def test_a_symbol_without_a_bar_keeps_its_mark() -> None:
    found = curve([engine_fill(1)], [], BARS.filter(pl.col("session") != DAYS[2]))
    assert (found.live - found.paper)[2] == pytest.approx(100.1 - 110)


def test_what_has_ended_is_paid_out_to_both() -> None:
    """The engine's ten units are paid 9.00 each; so are the eight of the broker."""
    ending = engine_fill(3, side="sell", quantity=20.0, price=4.5, raw_price=4.5, reason="delisted")
    fill = engine_fill(1)
    found = curve([fill, ending], [broker_fill(fill, quantity=8.0)])
    assert (found.live - found.paper)[3:] == pytest.approx([20 * 1.001 - 4 * 4.5 - 1.0] * 2)


def test_a_gap_that_stays_is_one_difference_whatever_the_account_earns_afterwards() -> None:
    """A dollar more is paid once; the same dollars are earned on other equity from then on.

    By the return of each on its own equity every later session would be another bet, on what the account earns.
    """
    days, random = weekdays(250), np.random.default_rng(1)
    fill = engine_fill(0) | {"session": days[10]}
    equity = pl.DataFrame({"session": days, "equity": 1000.0 + np.cumsum(random.normal(0.6, 10.0, 250))})
    same: dict[str, Any] = {"symbol": pl.lit("AAA"), "close": 10.0, "split_ratio": 1.0, "cash_dividend": 0.0}
    bars = pl.DataFrame({"session": days}).with_columns(**same)
    told = broker_fills(broker_fill(fill, fee=1.0)).with_columns(pair_id=pl.lit(None, pl.String))
    found = live_curve(equity, 1000.0, told, engine_fills(fill), bars)
    assert found.live - found.paper == pytest.approx([0.0] * 10 + [-1.0] * 240)
    assert np.flatnonzero(np.abs(found.differences) > 1e-12).tolist() == [10]
    assert found.differences[10] == pytest.approx(-1.0 / equity["equity"][9])
    assert np.isnan(live_bets(found.differences)).all()


def test_a_trade_by_hand_in_a_symbol_without_bars_is_left_out() -> None:
    """Nothing says what its units are worth: bought for 1,000 and half of them sold for 450, it is no loss."""
    fill = engine_fill(1)
    by_hand = [
        broker_fill(engine_fill(2, "ZZZ", quantity=100.0)),
        broker_fill(engine_fill(3, "ZZZ", side="sell", quantity=50.0), price=9.0),
    ]
    found = curve([fill], [broker_fill(fill), *by_hand])
    assert found.live.tolist() == found.paper.tolist()


def test_a_trade_by_hand_in_a_symbol_with_bars_counts() -> None:
    """Ten units of AAA at 11.50 in the session that closes at 12; 20 at 6 after its split, then at 7."""
    found = curve([], [broker_fill(engine_fill(2), price=11.5)])
    assert found.live - found.paper == pytest.approx([0.0, 0.0, 5.0, 5.0, 25.0])


def test_in_shadow_nothing_is_bet_and_what_is_entered_at_full_counts() -> None:
    """A Sharpe ratio of 2 on paper: withheld, left, and entered again at full, where the broker takes a dollar more."""
    days = weekdays(320)
    close = 10 * np.cumprod(1 + np.random.default_rng(0).normal(2.0 / math.sqrt(252) * 0.01, 0.01, 320))
    orders, fills = [], []
    for day, side in ((1, "buy"), (290, "sell"), (291, "buy")):
        same: dict[str, Any] = {"order_id": f"order {day}", "session": days[day - 1], "side": side, "quantity": 90.0}
        own: dict[str, Any] = {"strategy": OPENING.strategy, "account": OPENING.account, "entry": side == "buy"}
        orders.append(waiting(**same, **own, target_weight=0.9))
        at = {"session": days[day], "price": close[day], "raw_price": close[day], "fill_id": f"{day}"}
        fills.append(engine_fill(0, side=side, quantity=90.0, order_id=f"order {day}") | at)
    pending = PENDING_ORDERS.conform(pl.DataFrame(orders, schema=PENDING_ORDERS.empty().schema))
    held = np.concatenate([[0.0], np.full(289, 90.0), [0.0], np.full(28, 90.0)])  # over each night
    equity = pl.DataFrame({"session": days, "equity": 1000 + np.cumsum([0.0, *held * np.diff(close)])})
    of_bars: dict[str, Any] = {"symbol": pl.lit("AAA"), "split_ratio": 1.0, "cash_dividend": 0.0}
    bars = pl.DataFrame({"session": days, "close": close}).with_columns(**of_bars)
    told = broker_fills(broker_fill(fills[2], fee=1.0)).with_columns(pair_id=pl.lit(None, pl.String))
    parting, stages = Parting(CONFIGURATION, OPENING, pending, {}), dict.fromkeys(days[:250], "shadow")
    of_sent, _ = parted(parting, days, stages, bars.clear(), engine_fills(*fills))
    found = live_curve(equity, 1000.0, told, of_sent, bars)
    assert found.live - found.paper == pytest.approx([0.0] * 291 + [-1.0] * 29)
    assert np.isnan(live_bets(found.differences)).all()
