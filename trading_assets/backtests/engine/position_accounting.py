"""How a fill changes the account and its position: cash, fees, mean prices, the end of a round trip.

Shared by long and short positions: quantities and notionals of fills are positive, the sign is the position's.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from trading_assets.backtests.engine.dtypes import BUY, CLOSES, LONG, OPENS, POSITION, SELL
from trading_assets.backtests.engine.jit import compiled
from trading_assets.backtests.engine.portfolio_state import Records, State

_FLAT = np.zeros(1, POSITION)


class Fill(NamedTuple):
    """An order at an open: quantities (positive) asked for and filled, raw and paid price, slippage in bp, fee rate.

    The prices are those of the quantity that was asked for, also where cash pays for less of it.
    """

    asked: float
    quantity: float
    raw_price: float
    price: float
    slippage_bps: float
    mean_slippage_bps: float
    fee_rate: float


@compiled
def part_of(fill: Fill, quantity: float) -> Fill:
    """Return the same trade of less than was asked for, at the same price."""
    return Fill(
        fill.asked, quantity, fill.raw_price, fill.price, fill.slippage_bps, fill.mean_slippage_bps, fill.fee_rate
    )


@compiled
def begin_round_trip(t: int, p: int, side: int, order: Any, state: State) -> None:
    """Make slot `p` a position of nothing yet; `book_opening` fills it."""
    account = state.account[0]
    state.positions[p] = _FLAT[0]
    position = state.positions[p]
    position["symbol"] = order["symbol"]
    position["pair_index"] = order["pair_index"]
    position["round_trip"] = account["round_trips"]
    position["side"] = side
    position["atr"] = order["atr"]
    position["entry_session"] = t
    position["decision_session"] = order["decision_session"]
    position["trigger"] = order["trigger"]
    position["entry_decision"] = order["decision"]
    position["exit_decision"] = -1
    position["doubt"] = -1
    position["exit_reason"] = -1
    account["round_trips"] += 1
    place = account["held"]
    while place > 0 and state.held[place - 1] > p:
        state.held[place] = state.held[place - 1]
        place -= 1
    state.held[place] = p
    account["held"] += 1


@compiled
def book_opening(
    t: int, p: int, sign: float, fill: Fill, decision: int, reason: int, state: State, records: Records
) -> None:
    """Grow the position in slot `p`: a buy of a long one (sign 1), a sale of a short one (sign -1)."""
    account, position = state.account[0], state.positions[p]
    notional = fill.quantity * fill.price
    fee = notional * fill.fee_rate
    flow = -sign * notional - fee
    account["cash"] += flow
    account["turnover"] += notional
    held = abs(position["quantity"])
    entered = held + position["exit_quantity"]  # what has left was bought too
    position["entry_price"] = _mean(position["entry_price"], entered, fill.price, fill.quantity)
    bps = _mean(position["entry_slippage_bps"], position["basis"], fill.slippage_bps, notional)
    position["entry_slippage_bps"] = bps
    if held == 0.0:
        position["mark"] = fill.price
        position["confirmed"] = fill.price
        position["best_mark"] = fill.price
    position["quantity"] += sign * fill.quantity
    position["basis"] += notional
    position["flow"] += flow
    position["entry_fee"] += fee
    position["slippage_cost"] += _slippage_cost(fill)
    side = BUY if sign > 0.0 else SELL
    _record_fill(t, p, side, OPENS, fill, fee, decision, reason, state, records)


@compiled
def book_closing(t: int, place: int, fill: Fill, decision: int, reason: int, state: State, records: Records) -> bool:
    """Shrink the position at `state.held[place]`; True if that was the end of it: the trade is on record then."""
    account = state.account[0]
    p = state.held[place]
    position = state.positions[p]
    sign = 1.0 if position["side"] == LONG else -1.0
    notional = fill.quantity * fill.price
    fee = notional * fill.fee_rate
    flow = sign * notional - fee
    account["cash"] += flow
    account["turnover"] += notional
    position["exit_price"] = _mean(position["exit_price"], position["exit_quantity"], fill.price, fill.quantity)
    bps = _mean(position["exit_slippage_bps"], position["exit_notional"], fill.slippage_bps, notional)
    position["exit_slippage_bps"] = bps
    position["exit_quantity"] += fill.quantity
    position["exit_notional"] += notional
    position["flow"] += flow
    position["exit_fee"] += fee
    position["slippage_cost"] += _slippage_cost(fill)
    side = SELL if sign > 0.0 else BUY
    _record_fill(t, p, side, CLOSES, fill, fee, decision, reason, state, records)
    if fill.quantity < abs(position["quantity"]):
        position["quantity"] -= sign * fill.quantity
        return False
    _end_round_trip(t, place, decision, reason, state, records)
    return True


@compiled
def _slippage_cost(fill: Fill) -> float:
    """What the fill cost against the price that it was made from: slippage, and rounding to the tick."""
    return fill.quantity * abs(fill.price - fill.raw_price)


@compiled
def _mean(before: float, weight: float, value: float, added: float) -> float:
    """Weighted mean of what was and what comes; the very value where there was nothing."""
    if weight == 0.0:
        return value
    return (before * weight + value * added) / (weight + added)


@compiled
def _end_round_trip(t: int, place: int, decision: int, reason: int, state: State, records: Records) -> None:
    account = state.account[0]
    p = state.held[place]
    position = state.positions[p]
    pnl = position["flow"]
    r = pnl / position["risk"] if position["risk"] > 0.0 else math.nan
    if records.trades.size > 0:
        _record_trade(t, p, decision, reason, r, state, records)
    account["trades"] += 1
    account["sum_r"] += r if r == r else 0.0
    if pnl > 0.0:
        account["gross_profit"] += pnl
    else:
        account["gross_loss"] -= pnl
    account["held"] -= 1
    for later in range(place, account["held"]):
        state.held[later] = state.held[later + 1]
    state.busy[p] = False
    position["quantity"] = 0.0


@compiled
def _record_trade(t: int, p: int, decision: int, reason: int, r: float, state: State, records: Records) -> None:
    trade, position = records.trades[state.account[0]["trades"]], state.positions[p]
    trade["symbol"] = position["symbol"]
    trade["pair_index"] = position["pair_index"]
    trade["round_trip"] = position["round_trip"]
    trade["side"] = position["side"]
    trade["entry_session"] = position["entry_session"]
    trade["exit_session"] = t
    trade["decision_session"] = position["decision_session"]
    trade["trigger"] = position["trigger"]
    trade["exit_reason"] = reason
    trade["entry_decision"] = position["entry_decision"]
    trade["exit_decision"] = decision
    trade["entry_price"] = position["entry_price"]
    trade["exit_price"] = position["exit_price"]
    trade["quantity"] = position["exit_quantity"]
    trade["stop_price"] = position["initial_stop"]
    trade["pnl"] = position["flow"]
    trade["return"] = position["flow"] / position["basis"] if position["basis"] > 0.0 else math.nan
    trade["r_multiple"] = r
    trade["hold_sessions"] = position["hold_sessions"]
    trade["unexplained_moves"] = position["unexplained_moves"]
    trade["entry_fee"] = position["entry_fee"]
    trade["exit_fee"] = position["exit_fee"]
    trade["borrow_cost"] = position["borrow_cost"]
    trade["entry_slippage_bps"] = position["entry_slippage_bps"]
    trade["exit_slippage_bps"] = position["exit_slippage_bps"]
    trade["slippage_cost"] = position["slippage_cost"]


@compiled
def _record_fill(
    t: int,
    p: int,
    side: int,
    effect: int,
    fill: Fill,
    fee: float,
    decision: int,
    reason: int,
    state: State,
    records: Records,
) -> None:
    if records.fills.size == 0:
        return
    account, position = state.account[0], state.positions[p]
    row = records.fills[account["fills"]]
    account["fills"] += 1
    row["session"] = t
    row["symbol"] = position["symbol"]
    row["pair_index"] = position["pair_index"]
    row["round_trip"] = position["round_trip"]
    row["decision"] = decision
    row["side"] = side
    row["effect"] = effect
    row["reason"] = reason
    row["asked"] = fill.asked
    row["quantity"] = fill.quantity
    row["raw_price"] = fill.raw_price
    row["price"] = fill.price
    row["fee"] = fee
    row["slippage_bps"] = fill.slippage_bps
    row["mean_slippage_bps"] = fill.mean_slippage_bps
