"""What happens to target weights at the open: orders that shrink a position fill, then the rest."""

from __future__ import annotations

import math
from typing import Any

from trading_assets.backtests.engine.arrays import Market, Targets
from trading_assets.backtests.engine.borrowing import can_borrow
from trading_assets.backtests.engine.dtypes import BUY, LONG, SELL, SHORT
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.liquidation import is_beyond_limit
from trading_assets.backtests.engine.order_fills import (
    note_rejected,
    opens_at_a_loss,
    price_at_open,
    value_of_shorts_at_open,
)
from trading_assets.backtests.engine.portfolio_state import Records, State, floor_to_lot, one_lot_less
from trading_assets.backtests.engine.position_accounting import (
    Fill,
    begin_round_trip,
    book_closing,
    book_opening,
    part_of,
)
from trading_assets.backtests.engine.reason_codes import (
    CLOSING,
    INSUFFICIENT_CASH,
    NO_BORROW,
    NO_FILL,
    NOTIONAL,
    QUANTITY,
    TARGET_WEIGHT,
    ZERO_SIZE,
)
from trading_assets.backtests.engine.settings import Settings
from trading_assets.backtests.engine.target_quantities import (
    DUE,
    UNBORROWABLE,
    UNFILLABLE,
    WAITS,
    grows_with,
    is_sliced,
    partner_of,
    quantity_of,
    size_trades,
)
from trading_assets.backtests.engine.transaction_costs import fill_of

#: Distance that stands in for a stop when 1 R is measured (trading rules, section 8).
_RISK_ATR = 2.5


@compiled
def is_forced_out(p: int, state: State) -> bool:
    """Return whether slot `p` waits for a forced exit, which no row takes back."""
    order = state.orders[p]
    return state.ordered[p] and order["weight"] == 0.0 and order["trigger"] <= CLOSING  # type: ignore[no-any-return]


@inlined
def fill_targets(
    t: int, market: Market, targets: Targets, run_parameters: Any, settings: Settings, state: State, records: Records
) -> None:
    """Fill what is due, each order at the size that its weight is of the equity at this open.

    Shrinking comes first and its proceeds can be spent. Both legs of a pair grow or neither.
    """
    if state.account[0]["queued"] == 0:
        return
    equity = _equity_at_open(t, market, state)
    _judge(t, equity, market, targets, state)
    size_trades(t, equity, market, targets, run_parameters, state)
    _shrink(t, market, run_parameters, settings, state, records)
    _grow_in_order(t, market, targets, run_parameters, settings, state, records)


@inlined
def _equity_at_open(t: int, market: Market, state: State) -> float:
    equity = state.account[0]["cash"]
    for place in range(state.account[0]["held"]):
        p = state.held[place]
        position = state.positions[p]
        equity += position["quantity"] * price_at_open(t, position, market)
    return equity  # type: ignore[no-any-return]


@inlined
def _judge(t: int, equity: float, market: Market, targets: Targets, state: State) -> None:
    """Say of every order whether it grows its position, and whether that, and what shrinks it, fills today.

    What shrinks is an exit, also as the closing half of a flip: neither a borrow nor the other leg of a pair is needed,
    and an open that is far away is taken where the position loses by it.
    """
    for place in range(state.account[0]["queued"]):
        p = state.queue[place]
        order, quantity = state.orders[p], state.positions[p]["quantity"]
        i = order["symbol"]
        waits = not market.expected[t, i] or order["wait"] > 0
        state.verdict[p] = DUE
        state.leaves[p] = not waits and (market.fillable[t, i] or _leaves_at_a_loss(t, p, market, state))
        if waits and 0 <= market.delisted[i] <= t:
            state.verdict[p] = UNFILLABLE
        elif waits:
            order["wait"] -= int(market.expected[t, i])
            state.verdict[p] = WAITS
        elif not market.fillable[t, i]:
            state.verdict[p] = UNFILLABLE
        wanted = order["weight"]  # of a flat slot only the sign counts here
        if state.busy[p]:
            price = price_at_open(t, state.positions[p], market)
            wanted = quantity_of(order["weight"], equity, price, market.lot[i])
        state.grows[p] = wanted * quantity < 0.0 or abs(wanted) > abs(quantity)
        if state.verdict[p] == DUE and state.grows[p] and order["weight"] < 0.0 and not can_borrow(t - 1, i, market):
            state.verdict[p] = UNBORROWABLE
    for place in range(state.account[0]["queued"]):
        p = state.queue[place]
        other = partner_of(p, targets)
        if other >= 0 and state.grows[p] and state.ordered[other] and state.grows[other]:
            state.verdict[p] = max(state.verdict[p], state.verdict[other])


@compiled
def _leaves_at_a_loss(t: int, p: int, market: Market, state: State) -> bool:
    return state.busy[p] and opens_at_a_loss(t, state.positions[p], market)  # type: ignore[no-any-return]


@inlined
def _shrink(t: int, market: Market, run_parameters: Any, settings: Settings, state: State, records: Records) -> None:
    """Sales of long positions and covers of short ones, among them the closing half of a flip; by slot."""
    place = 0
    while place < state.account[0]["held"]:
        p = state.held[place]
        ended = False
        if state.ordered[p] and state.leaves[p]:
            ended = _shrink_one(t, place, market, run_parameters, settings, state, records)
        if not ended:
            place += 1


@compiled
def _shrink_one(
    t: int,
    place: int,
    market: Market,
    run_parameters: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> bool:
    """Fill the shrinking part of an order, if it has one; True if the position ends."""
    p = state.held[place]
    order, leaving = state.orders[p], state.leaving[p]
    i, decided = order["symbol"], order["decision_session"]
    if leaving <= 0.0 and state.positions[p]["quantity"] != 0.0:
        if not state.grows[p] and not is_sliced(p, state):
            cancel_target(t, 0, p, ZERO_SIZE, state, records)
        return False
    side = SELL if state.positions[p]["side"] == LONG else BUY
    traded = state.by_side[side, i]
    fill = fill_of(t, i, decided, leaving, traded, market.open[t, i], side, market, run_parameters, settings)
    if is_beyond_limit(order["trigger"], fill.price, state.positions[p]["mark"], side, settings):
        return False
    sliced = is_sliced(p, state)
    ended = book_closing(t, place, fill, order["decision"], order["trigger"], state, records)
    state.ordered[p] = state.grows[p] or (sliced and not ended)
    return ended


@compiled
def cancel_target(t: int, at_close: int, p: int, reason: int, state: State, records: Records) -> None:
    """Cancel the order of slot `p`, with the reason on record; whoever walks the queue takes it out."""
    index = note_rejected(t, at_close, p, reason, state, records)
    if index >= 0:
        numbers = records.decisions[index]["numbers"]
        numbers[QUANTITY] = math.nan  # sized at the open only
        numbers[NOTIONAL] = math.nan
        numbers[TARGET_WEIGHT] = state.orders[p]["weight"]
    state.ordered[p] = False


@inlined
def _grow_in_order(
    t: int,
    market: Market,
    targets: Targets,
    run_parameters: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> None:
    """Grow positions in queue order, and leave in the queue what still waits.

    Proceeds of short sales cannot be spent: cash worth the short positions at this open is set aside.
    """
    account = state.account[0]
    aside = value_of_shorts_at_open(t, market, state)
    waiting = 0
    for place in range(account["queued"]):
        p = state.queue[place]
        if not state.ordered[p]:
            continue
        if state.verdict[p] >= UNFILLABLE and state.grows[p]:
            closing = state.positions[p]["quantity"] * state.orders[p]["weight"] < 0.0
            reason = NO_BORROW if state.verdict[p] == UNBORROWABLE else NO_FILL
            cancel_target(t, 0, p, reason, state, records)
            if closing:  # the closing half of a flip stays due
                state.orders[p]["weight"] = 0.0
                state.ordered[p] = True
        elif state.verdict[p] == DUE and state.grows[p]:
            aside += _grow(t, p, aside, market, targets, run_parameters, settings, state, records)
        if state.ordered[p]:
            state.queue[waiting] = p
            waiting += 1
    account["queued"] = waiting


@compiled
def _grow(
    t: int,
    p: int,
    aside: float,
    market: Market,
    targets: Targets,
    run_parameters: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> float:
    """Grow slot `p`, with the other leg where that grows too; the cash to set aside for what was sold short."""
    other = grows_with(p, targets, state)
    free = state.account[0]["cash"] - aside
    fill = _growth(t, p, market, run_parameters, settings, state)
    if other < 0:
        quantity, _ = _affordable(p, fill, -1, fill, free, market, state)
        rejection = _rejection(fill.quantity, quantity)
        return _open(t, p, fill, quantity, rejection, state, records)
    second = _growth(t, other, market, run_parameters, settings, state)
    quantity, second_quantity = _affordable(p, fill, other, second, free, market, state)
    rejection = _rejection(min(fill.quantity, second.quantity), min(quantity, second_quantity))
    aside = _open(t, p, fill, quantity, rejection, state, records)
    return aside + _open(t, other, second, second_quantity, rejection, state, records)


@compiled
def _rejection(asked: float, paid: float) -> int:
    """Why a trade of which free cash pays for `paid` does not happen, or -1."""
    if asked <= 0.0:
        return ZERO_SIZE
    return INSUFFICIENT_CASH if paid <= 0.0 else -1


@compiled
def _growth(t: int, p: int, market: Market, run_parameters: Any, settings: Settings, state: State) -> Fill:
    """The trade that takes slot `p` to its weight, as if cash did not matter."""
    order = state.orders[p]
    i, side = order["symbol"], BUY if order["weight"] > 0.0 else SELL
    decided, traded = order["decision_session"], state.by_side[side, i]
    return fill_of(t, i, decided, state.growth[p], traded, market.open[t, i], side, market, run_parameters, settings)


@compiled
def _affordable(
    p: int, fill: Fill, other: int, second: Fill, free: float, market: Market, state: State
) -> tuple[float, float]:
    """Quantities that free cash pays for: all of them, or the same part of both legs (`other` is -1: of the only one).

    A purchase takes its value and its fee off the free cash. A short sale takes its fee and its slippage: its proceeds
    are in the cash then, and as much as the shares are worth at the open is set aside.
    """
    quantity, cost = fill.quantity, _cost(p, fill, fill.quantity, state)
    second_quantity, second_cost = 0.0, 0.0
    if other >= 0:
        second_quantity, second_cost = second.quantity, _cost(other, second, second.quantity, state)
    if free - cost - second_cost >= 0.0:
        return quantity, second_quantity
    share = free / (cost + second_cost) if free > 0.0 else 0.0
    quantity = _cut(quantity * share, p, market, state)
    if other >= 0:
        second_quantity = _cut(second_quantity * share, other, market, state)
        second_cost = _cost(other, second, second_quantity, state)
    if free - _cost(p, fill, quantity, state) - second_cost < 0.0:  # the last bits of the division
        quantity = one_lot_less(quantity, market.lot[state.orders[p]["symbol"]])
        if other >= 0:
            second_quantity = one_lot_less(second_quantity, market.lot[state.orders[other]["symbol"]])
    return quantity, second_quantity


@compiled
def _cost(p: int, fill: Fill, quantity: float, state: State) -> float:
    """What a trade that grows slot `p` takes off the free cash."""
    value = quantity * fill.price
    if state.orders[p]["weight"] > 0.0:
        return value + value * fill.fee_rate
    return quantity * fill.raw_price - value + value * fill.fee_rate


@compiled
def _cut(quantity: float, p: int, market: Market, state: State) -> float:
    return floor_to_lot(quantity, market.lot[state.orders[p]["symbol"]])


@compiled
def _open(t: int, p: int, fill: Fill, quantity: float, rejection: int, state: State, records: Records) -> float:
    """Book the growth of slot `p`, or cancel its order; the cash to set aside for a short sale."""
    if rejection >= 0:
        cancel_target(t, 0, p, rejection, state, records)
        return 0.0
    order, position = state.orders[p], state.positions[p]
    state.ordered[p] = False
    side = LONG if order["weight"] > 0.0 else SHORT
    if not state.busy[p]:
        begin_round_trip(t, p, side, order, state)
        state.busy[p] = True
        position["stop"] = math.nan
        position["initial_stop"] = math.nan
    elif position["quantity"] == 0.0:
        position["side"] = side  # a reverse split had left nothing
    sign = 1.0 if side == LONG else -1.0
    book_opening(t, p, sign, part_of(fill, quantity), order["decision"], order["trigger"], state, records)
    distance = _RISK_ATR * order["atr"] if order["atr"] > 0.0 else math.nan
    position["risk"] += distance * quantity
    return quantity * fill.raw_price if sign < 0.0 else 0.0
