"""How much each order for a target weight trades at an open, and what that comes to by symbol and side.

A strategy with several positions in a symbol, as the legs of many pairs are, sends one order for all of them that buy
it and one for all that sell it. Nothing is netted: who buys for one position and sells for another pays for both.
"""

from __future__ import annotations

import math
from typing import Any

from trading_assets.backtests.engine.arrays import Market, Targets
from trading_assets.backtests.engine.dtypes import BUY, LONG, SELL
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.liquidation import is_in_slices, slice_quantity
from trading_assets.backtests.engine.portfolio_state import State, floor_to_lot

#: What becomes of the growth that is ordered at an open; of two legs the larger holds for both.
DUE, WAITS, UNFILLABLE, UNBORROWABLE = 0, 1, 2, 3


@compiled
def partner_of(p: int, targets: Targets) -> int:
    """Return the slot of the other leg of a pair, or -1."""
    pair_index = targets.pair_index[p]
    if pair_index < 0:
        return -1
    if p > 0 and targets.pair_index[p - 1] == pair_index:
        return p - 1
    if p + 1 < targets.pair_index.size and targets.pair_index[p + 1] == pair_index:
        return p + 1
    return -1


@compiled
def quantity_of(weight: float, equity: float, price: float, lot: float) -> float:
    """Return the signed quantity that is `weight` of `equity` at a price, in whole lots."""
    if not (price > 0.0 and equity > 0.0):
        return 0.0
    return math.copysign(floor_to_lot(abs(weight) * equity / price, lot), weight)


@compiled
def is_sliced(p: int, state: State) -> bool:
    """Return whether the order of slot `p` is one of a liquidation, which leaves within capacity."""
    return state.orders[p]["weight"] == 0.0 and is_in_slices(state.orders[p]["trigger"])  # type: ignore[no-any-return]


@compiled
def grows_with(p: int, targets: Targets, state: State) -> int:
    """Return the slot of the other leg of a pair where both grow at this open, or -1."""
    other = partner_of(p, targets)
    if other >= 0 and state.ordered[other] and state.grows[other] and state.verdict[other] == DUE:
        return other
    return -1


@inlined
def size_trades(t: int, equity: float, market: Market, targets: Targets, run_parameters: Any, state: State) -> None:
    """Set what the orders that are due shrink and grow their positions by, and its notional by side and symbol.

    Nothing that fills in between changes these: sizes are of the equity at this open. What cash will not pay for is in
    the notional, as it is in the size that an order is priced by.
    """
    account = state.account[0]
    for place in range(account["queued"]):
        p = state.queue[place]
        state.leaving[p] = 0.0
        state.growth[p] = 0.0
        for side in range(2):
            state.by_side[side, targets.symbol[p]] = 0.0
            state.sliced[side, targets.symbol[p]] = 0.0
    for place in range(account["held"]):
        p = state.held[place]
        if state.ordered[p] and state.leaves[p]:
            i, side = targets.symbol[p], SELL if state.positions[p]["side"] == LONG else BUY
            if is_sliced(p, state):
                state.leaving[p] = _slice(p, i, side, market, run_parameters, state)
                state.sliced[side, i] += state.leaving[p]
            else:
                state.leaving[p] = _leaving(t, p, i, equity, market, state)
            state.by_side[side, i] += state.leaving[p] * market.open[t, i]
    for place in range(account["queued"]):
        p = state.queue[place]
        if state.verdict[p] == DUE and state.grows[p]:
            state.growth[p] = _growth(t, p, targets.symbol[p], equity, market, state)
    for place in range(account["queued"]):
        p = state.queue[place]
        other = grows_with(p, targets, state)
        if state.growth[p] > 0.0 and (other < 0 or state.growth[other] > 0.0):
            side = BUY if state.orders[p]["weight"] > 0.0 else SELL
            state.by_side[side, targets.symbol[p]] += state.growth[p] * market.open[t, targets.symbol[p]]


@compiled
def _leaving(t: int, p: int, i: int, equity: float, market: Market, state: State) -> float:
    """Quantity (positive) that a position shrinks by: all of it where the weight is on the other side, or none."""
    held = state.positions[p]["quantity"]
    wanted = quantity_of(state.orders[p]["weight"], equity, market.open[t, i], market.lot[i])
    if wanted * held > 0.0:
        return max(0.0, abs(held) - abs(wanted))  # type: ignore[no-any-return]
    return abs(held)  # type: ignore[no-any-return]


@compiled
def _slice(p: int, i: int, side: int, market: Market, run_parameters: Any, state: State) -> float:
    """Next slice of a liquidation: what slots before this one leave of the symbol's capacity in this session."""
    quantity, mark = abs(state.positions[p]["quantity"]), state.positions[p]["mark"]
    adv = market.adv[state.orders[p]["decision_session"], i]
    room = slice_quantity(math.inf, mark, adv, run_parameters["capacity"], market.lot[i])
    if room == math.inf:
        return quantity  # type: ignore[no-any-return]
    return min(quantity, max(0.0, floor_to_lot(room - state.sliced[side, i], market.lot[i])))  # type: ignore[no-any-return]


@compiled
def _growth(t: int, p: int, i: int, equity: float, market: Market, state: State) -> float:
    """Quantity (positive) that takes slot `p` to its weight, as if cash did not matter."""
    held = state.positions[p]["quantity"] if state.busy[p] else 0.0
    wanted = quantity_of(state.orders[p]["weight"], equity, market.open[t, i], market.lot[i])
    kept = max(0.0, abs(held) - state.leaving[p])
    return max(0.0, abs(wanted) - kept)  # type: ignore[no-any-return]
