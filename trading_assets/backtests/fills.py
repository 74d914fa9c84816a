"""What happens at the open: corporate actions, exits, then entries in queue order."""

from __future__ import annotations

import math
from typing import Any

from trading_assets.backtests.compiled import compiled, inlined
from trading_assets.backtests.costs import (
    BUY,
    SELL,
    buy_price,
    fee_rate,
    is_crash,
    sell_price,
    slippage_bps,
)
from trading_assets.backtests.market import EXIT_REASONS, REJECTIONS, Market
from trading_assets.backtests.settings import Settings
from trading_assets.backtests.state import EXIT, REJECT, Records, State, floor_to_lot, record

HARD_STOP = EXIT_REASONS.index("hard_stop")
NO_FILL = REJECTIONS.index("no_fill")
INSUFFICIENT_CASH = REJECTIONS.index("insufficient_cash")


@inlined
def apply_corporate_actions(t: int, market: Market, state: State) -> None:
    """Splits and dividends of ex-session *t*, on positions and on waiting orders.

    A dividend is paid on the quantity of the evening before; the fraction of a lot that a split leaves is
    paid out at the open (at the last mark where there is none).
    """
    account = state.account[0]
    for place in range(account["held"]):
        i = state.held[place]
        ratio = market.split_ratio[t, i]
        position = state.positions[i]
        cash = market.cash_dividend[t, i] * position["quantity"]
        if ratio != 1.0:
            position["entry_price"] /= ratio
            position["stop"] /= ratio
            position["initial_stop"] /= ratio
            position["mark"] /= ratio
            position["atr"] /= ratio
            price = market.open[t, i] if not math.isnan(market.open[t, i]) else position["mark"]
            quantity = position["quantity"] * ratio
            position["quantity"] = floor_to_lot(quantity, market.lot[i])
            cash += max(0.0, quantity - position["quantity"]) * price
        position["flow"] += cash
        account["cash"] += cash
    for place in range(account["queued"]):
        i = state.queue[place]
        ratio = market.split_ratio[t, i]
        if ratio != 1.0:
            order = state.orders[i]
            order["quantity"] = floor_to_lot(order["quantity"] * ratio, market.lot[i])
            order["distance"] /= ratio
            order["atr"] /= ratio
            order["close"] /= ratio


@inlined
def fill_exits(t: int, market: Market, trial: Any, settings: Settings, state: State, records: Records) -> None:
    """Sell what is due and has an open to sell at; the rest stays pending."""
    account = state.account[0]
    place = 0
    while place < account["held"]:
        i = state.held[place]
        position = state.positions[i]
        due = position["exit_reason"] >= 0
        if due and position["exit_wait"] > 0:
            due = False
            position["exit_wait"] -= int(market.expected[t, i])
        if due and market.fillable[t, i]:
            price = market.open[t, i]
            decided, reason = position["exit_decided"], position["exit_reason"]
            sell(t, place, price, decided, reason, market, trial, settings, state, records)
        else:
            place += 1


@compiled
def sell(
    t: int,
    place: int,
    raw_price: float,
    decided: int,
    reason: int,
    market: Market,
    trial: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> None:
    """Sell the position at `state.held[place]` with slippage."""
    i = state.held[place]
    notional = state.positions[i]["quantity"] * raw_price
    bps = slippage_bps(t, i, decided, notional, SELL, market, trial, settings)
    close_position(t, place, sell_price(raw_price, bps, market.tick[i]), bps, reason, market, trial, state, records)


@inlined
def close_position(
    t: int,
    place: int,
    price: float,
    bps: float,
    reason: int,
    market: Market,
    trial: Any,
    state: State,
    records: Records,
) -> None:
    """Book the end of the position at `state.held[place]` at `price`, and its fee."""
    account = state.account[0]
    i = state.held[place]
    position = state.positions[i]
    notional = position["quantity"] * price
    fee = notional * fee_rate(market.fee_bps[i], trial)
    account["cash"] += notional - fee
    pnl = position["flow"] + notional - fee
    r = pnl / position["risk"]
    if records.trades.size > 0:
        _record_trade(t, i, price, fee, bps, reason, pnl, r, state, records)
    account["trades"] += 1
    account["sum_r"] += r
    account["turnover"] += notional
    if pnl > 0.0:
        account["gross_profit"] += pnl
    else:
        account["gross_loss"] -= pnl
    account["held"] -= 1
    for later in range(place, account["held"]):
        state.held[later] = state.held[later + 1]
    state.busy[i] = False


@inlined
def _record_trade(
    t: int,
    i: int,
    price: float,
    fee: float,
    bps: float,
    reason: int,
    pnl: float,
    r: float,
    state: State,
    records: Records,
) -> None:
    trade = records.trades[state.account[0]["trades"]]
    position = state.positions[i]
    trade["symbol"] = i
    trade["entry_session"] = position["entry_session"]
    trade["exit_session"] = t
    trade["decision_session"] = position["decision_session"]
    trade["trigger"] = position["trigger"]
    trade["exit_reason"] = reason
    trade["entry_price"] = position["entry_price"]
    trade["exit_price"] = price
    trade["quantity"] = position["quantity"]
    trade["stop_price"] = position["initial_stop"]
    trade["pnl"] = pnl
    trade["return"] = pnl / position["basis"]
    trade["r_multiple"] = r
    trade["hold_sessions"] = position["hold_sessions"]
    trade["entry_fee"] = position["entry_fee"]
    trade["exit_fee"] = fee
    trade["entry_slippage_bps"] = position["entry_slippage_bps"]
    trade["exit_slippage_bps"] = bps


@inlined
def fill_entries(t: int, market: Market, trial: Any, settings: Settings, state: State, records: Records) -> None:
    """Buy what is due. A due order whose session brings no open is cancelled, and one that no session is left for."""
    account = state.account[0]
    waiting = 0
    for place in range(account["queued"]):
        i = state.queue[place]
        order = state.orders[i]
        waits = not market.expected[t, i] or order["wait"] > 0
        if waits and 0 <= market.delisted[i] <= t:
            drop_order(t, 0, i, NO_FILL, state, records)
        elif waits:
            order["wait"] -= int(market.expected[t, i])
            state.queue[waiting] = i
            waiting += 1
        elif not market.fillable[t, i]:
            drop_order(t, 0, i, NO_FILL, state, records)
        else:
            _buy(t, i, market, trial, settings, state, records)
    account["queued"] = waiting


@inlined
def drop_order(t: int, at_close: int, i: int, reason: int, state: State, records: Records) -> None:
    """Cancel an entry order, with its reason on record; the caller takes it out of the queue."""
    order = state.orders[i]
    numbers = (math.nan, order["quantity"], order["quantity"] * order["close"], math.nan)
    record(t, at_close, i, REJECT, reason, order["trigger"], numbers, state.account, records.decisions)
    state.busy[i] = False


@inlined
def _buy(t: int, i: int, market: Market, trial: Any, settings: Settings, state: State, records: Records) -> None:
    account = state.account[0]
    order = state.orders[i]
    raw_price, lot, rate = market.open[t, i], market.lot[i], fee_rate(market.fee_bps[i], trial)
    notional = order["quantity"] * raw_price
    bps = slippage_bps(t, i, order["decision_session"], notional, BUY, market, trial, settings)
    price = buy_price(raw_price, bps, market.tick[i])
    quantity = min(order["quantity"], affordable(account["cash"], price, rate, lot))
    if quantity <= 0.0:
        drop_order(t, 0, i, INSUFFICIENT_CASH, state, records)
        return
    cost = quantity * price
    account["cash"] -= cost + cost * rate
    account["turnover"] += cost
    position = state.positions[i]
    position["quantity"] = quantity
    position["entry_price"] = price
    position["stop"] = price - order["distance"]
    position["initial_stop"] = position["stop"]
    position["atr"] = order["atr"]
    position["mark"] = price
    position["risk"] = order["distance"] * quantity
    position["basis"] = cost
    position["flow"] = -(cost + cost * rate)
    position["entry_fee"] = cost * rate
    position["entry_slippage_bps"] = bps
    position["entry_session"] = t
    position["decision_session"] = order["decision_session"]
    position["trigger"] = order["trigger"]
    position["hold_sessions"] = 0
    position["exit_reason"] = -1
    _insert_in_order(i, state)


@compiled
def affordable(cash: float, price: float, rate: float, lot: float) -> float:
    """Largest quantity in whole lots that `cash` pays for, its fee included; cash never goes below zero."""
    quantity = floor_to_lot(cash / (price * (1.0 + rate)), lot)
    while quantity > 0.0 and quantity * price + quantity * price * rate > cash:
        quantity = floor_to_lot(quantity - lot, lot)
    return max(quantity, 0.0)


@inlined
def _insert_in_order(i: int, state: State) -> None:
    account = state.account[0]
    place = account["held"]
    while place > 0 and state.held[place - 1] > i:
        state.held[place] = state.held[place - 1]
        place -= 1
    state.held[place] = i
    account["held"] += 1


@inlined
def stop_out_in_crash(t: int, market: Market, trial: Any, settings: Settings, state: State, records: Records) -> None:
    """Scenario: in a flash crash every position that trades is stopped out at the low of the session."""
    if not is_crash(t, market):
        return
    account = state.account[0]
    place = 0
    while place < account["held"]:
        i = state.held[place]
        if math.isnan(market.low[t, i]):
            place += 1
            continue
        numbers = (math.nan, state.positions[i]["quantity"], math.nan, math.nan)
        record(t, 0, i, EXIT, HARD_STOP, -1, numbers, state.account, records.decisions)
        sell(t, place, market.low[t, i], max(t - 1, 0), HARD_STOP, market, trial, settings, state, records)
