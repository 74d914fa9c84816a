"""What happens at the open: corporate actions, exits, then entries in queue order.

A stop triggers at the close of a session (`exit_orders`) and is filled here, at the next open: there is no fill within
a bar, except in the flash crash of the stress suite.
"""

from __future__ import annotations

import math
from typing import Any

from trading_assets.backtests.engine.arrays import Market
from trading_assets.backtests.engine.borrowing import can_borrow
from trading_assets.backtests.engine.dtypes import BUY, EXIT, LONG, REJECT, SELL, SHORT
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.liquidation import is_beyond_limit, is_in_slices, slice_quantity
from trading_assets.backtests.engine.portfolio_state import Records, State, floor_to_lot, one_lot_less, record
from trading_assets.backtests.engine.position_accounting import (
    Fill,
    begin_round_trip,
    book_closing,
    book_opening,
    part_of,
)
from trading_assets.backtests.engine.reason_codes import (
    CASH,
    CLOSING,
    ENTRIES_CLOSED,
    HALTED,
    HARD_STOP,
    INSUFFICIENT_CASH,
    NO_BORROW,
    NO_FILL,
    NOTIONAL,
    QUANTITY,
)
from trading_assets.backtests.engine.settings import Settings
from trading_assets.backtests.engine.transaction_costs import fill_of, is_crash


@inlined
def apply_corporate_actions(t: int, market: Market, state: State) -> None:
    """Splits and dividends of ex-session *t*, on positions and on waiting orders.

    A dividend is paid on the quantity of the evening before, by a short position, and lowers the stop (FINRA rule 5330
    of a long position's); the fraction of a lot that a split leaves is paid out at the open (at the last mark where
    there is none).
    """
    account = state.account[0]
    for place in range(account["held"]):
        position = state.positions[state.held[place]]
        i = position["symbol"]
        ratio = market.split_ratio[t, i]
        dividend = market.cash_dividend[t, i]
        cash = dividend * position["quantity"]
        if dividend != 0.0:
            position["stop"] -= dividend
            position["dividends"] += dividend
        if ratio != 1.0:
            position["entry_price"] /= ratio
            position["stop"] /= ratio
            position["initial_stop"] /= ratio
            position["mark"] /= ratio
            position["confirmed"] /= ratio
            position["doubt_close"] /= ratio
            position["dividends"] /= ratio
            position["best_mark"] /= ratio
            position["exit_price"] /= ratio
            position["exit_quantity"] *= ratio
            position["atr"] /= ratio
            price = market.open[t, i] if not math.isnan(market.open[t, i]) else position["mark"]
            sign = -1.0 if position["quantity"] < 0.0 else 1.0
            quantity = abs(position["quantity"]) * ratio
            whole = floor_to_lot(quantity, market.lot[i])
            position["quantity"] = sign * whole
            cash += sign * max(0.0, quantity - whole) * price
        position["flow"] += cash
        account["cash"] += cash
    for place in range(account["queued"]):
        order = state.orders[state.queue[place]]
        i = order["symbol"]
        ratio = market.split_ratio[t, i]
        if ratio != 1.0:
            order["quantity"] = floor_to_lot(order["quantity"] * ratio, market.lot[i])
            order["distance"] /= ratio
            order["atr"] /= ratio
            order["close"] /= ratio


@inlined
def fill_exits(t: int, market: Market, run_parameters: Any, settings: Settings, state: State, records: Records) -> None:
    """Leave what is due and has an open to leave at; the rest stays pending.

    A loss is taken at the first open of a bar that trades, however far off it is.

    The liquidation of a drawdown halt or of a closing sells a slice a session (`liquidation`), every other exit the
    whole position.
    """
    account = state.account[0]
    place = 0
    while place < account["held"]:
        position = state.positions[state.held[place]]
        i = position["symbol"]
        due = position["exit_reason"] >= 0
        if due and position["exit_wait"] > 0:
            due = False
            position["exit_wait"] -= int(market.expected[t, i])
        ended = False
        if due and (market.fillable[t, i] or opens_at_a_loss(t, position, market)):
            quantity, decided = abs(position["quantity"]), position["exit_decided"]
            if is_in_slices(position["exit_reason"]):
                adv, capacity = market.adv[decided, i], run_parameters["capacity"]
                quantity = slice_quantity(quantity, position["mark"], adv, capacity, market.lot[i])
            side = SELL if position["side"] == LONG else BUY
            price, traded = market.open[t, i], quantity * market.open[t, i]
            fill = fill_of(t, i, decided, quantity, traded, price, side, market, run_parameters, settings)
            decision, reason = position["exit_decision"], position["exit_reason"]
            if not is_beyond_limit(reason, fill.price, position["mark"], side, settings):
                ended = book_closing(t, place, fill, decision, reason, state, records)
        if not ended:
            place += 1


@compiled
def opens_at_a_loss(t: int, position: Any, market: Market) -> bool:
    """Return whether a position whose exit is due has to be left at this open, however far it is from the last close.

    An open that far off fills no entry (it may be an error); an exit takes the loss, or a gap would count only where
    it does not recover. A gain that far off waits until it is confirmed.
    """
    i = position["symbol"]
    if not market.tradable[t, i]:
        return False
    change = market.open[t, i] - position["mark"]
    return change < 0.0 if position["side"] == LONG else change > 0.0  # type: ignore[no-any-return]


@inlined
def fill_entries(
    t: int, market: Market, run_parameters: Any, settings: Settings, state: State, records: Records
) -> None:
    """Buy, or sell short, what is due.

    A due order whose session brings no open is cancelled, and one that no session is left for.
    """
    account = state.account[0]
    waiting = 0
    for place in range(account["queued"]):
        p = state.queue[place]
        order = state.orders[p]
        i = order["symbol"]
        waits = not market.expected[t, i] or order["wait"] > 0
        if waits and 0 <= market.delisted[i] <= t:
            drop_order(t, 0, p, NO_FILL, state, records)
        elif waits:
            order["wait"] -= int(market.expected[t, i])
            state.queue[waiting] = p
            waiting += 1
        elif not market.fillable[t, i]:
            drop_order(t, 0, p, NO_FILL, state, records)
        elif run_parameters["side"] == LONG:
            _buy(t, p, market, run_parameters, settings, state, records)
        elif can_borrow(t - 1, i, market):
            _sell_short(t, p, market, run_parameters, settings, state, records)
        else:
            drop_order(t, 0, p, NO_BORROW, state, records)
    account["queued"] = waiting


@compiled
def drop_order(t: int, at_close: int, p: int, reason: int, state: State, records: Records) -> None:
    """Cancel an entry order, with its reason on record; the caller takes it out of the queue."""
    note_rejected(t, at_close, p, reason, state, records)
    state.busy[p] = False


@inlined
def cancel_orders(t: int, leaving: int, state: State, records: Records) -> None:
    """Drop the entry orders that still wait when trading is halted, or the account is closing."""
    account, reason = state.account[0], ENTRIES_CLOSED if leaving == CLOSING else HALTED
    for place in range(account["queued"]):
        drop_order(t, 1, state.queue[place], reason, state, records)
    account["queued"] = 0


@compiled
def note_rejected(t: int, at_close: int, p: int, reason: int, state: State, records: Records) -> int:
    """Write down why the order of slot `p` is cancelled; the index of that decision, -1 in a sweep."""
    order = state.orders[p]
    i, pair_index, label = order["symbol"], order["pair_index"], order["trigger"]
    index = record(t, at_close, i, pair_index, REJECT, reason, label, state.account[0], records.decisions)
    if index >= 0:
        numbers = records.decisions[index]["numbers"]
        numbers[QUANTITY] = order["quantity"]
        numbers[NOTIONAL] = order["quantity"] * order["close"]
        numbers[CASH] = state.account[0]["cash"]
        records.decisions[index]["order"] = order["decision"]
    return index


@inlined
def _buy(
    t: int, p: int, market: Market, run_parameters: Any, settings: Settings, state: State, records: Records
) -> None:
    account, order = state.account[0], state.orders[p]
    i, quantity, decided = order["symbol"], order["quantity"], order["decision_session"]
    price, traded = market.open[t, i], quantity * market.open[t, i]
    fill = fill_of(t, i, decided, quantity, traded, price, BUY, market, run_parameters, settings)
    quantity = min(order["quantity"], affordable(account["cash"], fill.price, fill.fee_rate, market.lot[i]))
    if quantity <= 0.0:
        drop_order(t, 0, p, INSUFFICIENT_CASH, state, records)
        return
    _open(t, p, LONG, part_of(fill, quantity), state, records)


@inlined
def _sell_short(
    t: int, p: int, market: Market, run_parameters: Any, settings: Settings, state: State, records: Records
) -> None:
    """Sell short what free cash pays the fee and the slippage of; the stop stands above the fill."""
    account, order = state.account[0], state.orders[p]
    i, quantity, decided = order["symbol"], order["quantity"], order["decision_session"]
    price, traded = market.open[t, i], quantity * market.open[t, i]
    fill = fill_of(t, i, decided, quantity, traded, price, SELL, market, run_parameters, settings)
    free = account["cash"] - value_of_shorts_at_open(t, market, state)
    quantity = _short_within(free, order["quantity"], fill, market.lot[i])
    if quantity <= 0.0:
        drop_order(t, 0, p, INSUFFICIENT_CASH, state, records)
        return
    _open(t, p, SHORT, part_of(fill, quantity), state, records)


@compiled
def _open(t: int, p: int, side: int, fill: Fill, state: State, records: Records) -> None:
    """Begin the position of slot `p` with its fill; the stop stands at its distance on the losing side."""
    order, sign = state.orders[p], 1.0 if side == LONG else -1.0
    begin_round_trip(t, p, side, order, state)
    book_opening(t, p, sign, fill, order["decision"], order["trigger"], state, records)
    position = state.positions[p]
    position["stop"] = fill.price - sign * order["distance"]
    position["initial_stop"] = position["stop"]
    position["risk"] = order["distance"] * fill.quantity


@compiled
def value_of_shorts_at_open(t: int, market: Market, state: State) -> float:
    """Return cash to set aside for the shares that are owed; at the mark where no open says what they cost."""
    total = 0.0
    for place in range(state.account[0]["held"]):
        position = state.positions[state.held[place]]
        if position["quantity"] < 0.0:
            total -= position["quantity"] * price_at_open(t, position, market)
    return total


@compiled
def price_at_open(t: int, position: Any, market: Market) -> float:
    """Return the open; where there is none, or one at a gain that a later bar has to confirm, the mark."""
    i = position["symbol"]
    price = market.open[t, i]
    gain = (price - position["mark"]) * position["quantity"]
    if math.isnan(price) or (not market.fillable[t, i] and gain > 0.0):
        return position["mark"]  # type: ignore[no-any-return]
    return price  # type: ignore[no-any-return]


@compiled
def _short_within(free: float, quantity: float, fill: Fill, lot: float) -> float:
    """Largest part of a short sale whose fee and slippage free cash pays for.

    Its proceeds are in the cash then, and as much as the shares are worth at the open is set aside.
    """
    if not free >= 0.0:
        return 0.0
    unit = fill.raw_price - fill.price + fill.price * fill.fee_rate
    if free - quantity * unit >= 0.0:
        return quantity
    quantity = floor_to_lot(free / unit, lot)
    return one_lot_less(quantity, lot) if free - quantity * unit < 0.0 else quantity


@compiled
def affordable(cash: float, price: float, rate: float, lot: float) -> float:
    """Return the largest quantity in whole lots that `cash` pays for, its fee included; cash never goes below zero."""
    quantity = floor_to_lot(cash / (price * (1.0 + rate)), lot)
    while quantity > 0.0 and quantity * price + quantity * price * rate > cash:
        quantity = one_lot_less(quantity, lot)
    return max(quantity, 0.0)


@inlined
def stop_out_in_crash(
    t: int, market: Market, run_parameters: Any, settings: Settings, state: State, records: Records
) -> None:
    """Scenario: in a flash crash every position that trades is stopped out at the worst price of the session."""
    if not is_crash(t, market):
        return
    account = state.account[0]
    place = 0
    while place < account["held"]:
        position = state.positions[state.held[place]]
        i = position["symbol"]
        is_long, quantity = position["side"] == LONG, abs(position["quantity"])
        worst = market.low[t, i] if is_long else market.high[t, i]
        if math.isnan(worst):
            place += 1
            continue
        index = record(t, 0, i, position["pair_index"], EXIT, HARD_STOP, -1, state.account[0], records.decisions)
        if index >= 0:
            records.decisions[index]["numbers"][QUANTITY] = quantity
            records.decisions[index]["order"] = index
        decided = max(t - 1, 0)
        side = SELL if is_long else BUY
        traded = quantity * worst
        fill = fill_of(t, i, decided, quantity, traded, worst, side, market, run_parameters, settings)
        book_closing(t, place, fill, index, HARD_STOP, state, records)
