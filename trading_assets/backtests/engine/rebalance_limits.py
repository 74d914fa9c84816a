"""What target weights stand beside: the positions and orders that growing rows come on top of, and their caps."""

from __future__ import annotations

import math
from typing import Any

from trading_assets.backtests.engine.arrays import Market, Targets
from trading_assets.backtests.engine.dtypes import BUY, SELL
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.portfolio_state import Derived, State, note_limit
from trading_assets.backtests.engine.reason_codes import BY_CAPACITY, BY_SECTOR, BY_SYMBOL, CAPACITY, DATA_MISSING
from trading_assets.backtests.engine.rebalance_fills import is_forced_out
from trading_assets.backtests.engine.settings import Settings
from trading_assets.backtests.engine.target_quantities import partner_of
from trading_assets.backtests.engine.value_at_risk import add_scenarios, tail_loss

#: What becomes of a row: a rejection (0 and above), or one of these.
GROWS, SHRINKS, NOTHING = -1, -2, -3


@compiled
def value_of(p: int, state: State) -> float:
    """Return quantity x mark; negative for a short position."""
    return state.positions[p]["quantity"] * state.positions[p]["mark"]  # type: ignore[no-any-return]


@compiled
def weight_of(p: int, state: State) -> float:
    """Return the position as a signed fraction of equity."""
    equity = state.account[0]["equity"]
    return value_of(p, state) / equity if equity > 0.0 else 0.0


@compiled
def has_row(p: int, first: int, last: int, targets: Targets, state: State) -> bool:
    """Return whether slot `p` has a row among those of the session."""
    row = state.row[p]
    return bool(first <= row < last and targets.position_index[row] == p)


@compiled
def _standing_weight(p: int, first: int, last: int, targets: Targets, state: State) -> float:
    """Signed weight of slot `p` that the growing rows come on top of; 0 where it has a growing row itself."""
    if _waits_for_data(p, state):
        return weight_of(p, state)  # type: ignore[no-any-return]
    if has_row(p, first, last, targets, state) and state.verdict[p] != NOTHING:
        if state.verdict[p] == SHRINKS:
            return targets.weight[state.row[p]]  # type: ignore[no-any-return]
        # a forced exit outlasts the rejected row
        return 0.0 if state.verdict[p] == GROWS or is_forced_out(p, state) else weight_of(p, state)
    if state.ordered[p]:
        return state.orders[p]["weight"]  # type: ignore[no-any-return]
    return weight_of(p, state)  # type: ignore[no-any-return]


@compiled
def _slot_at(place: int, state: State) -> int:
    """Slot at a place among the positions and then the waiting orders; -1 for an order of a position: it was there."""
    held = state.account[0]["held"]
    if place < held:
        return state.held[place]  # type: ignore[no-any-return]
    p = state.queue[place - held]
    return -1 if state.busy[p] else p


@compiled
def _legs_at(row: int, last: int, targets: Targets) -> int:
    """Rows that are granted together from `row` on: 2 where the other leg of its pair follows, else 1."""
    p = targets.position_index[row]
    return 2 if row + 1 < last and partner_of(p, targets) == targets.position_index[row + 1] else 1


@inlined
def standing_weights(first: int, last: int, market: Market, targets: Targets, state: State) -> float:
    """Return the gross weight of all that the growing rows come on top of; in all, by symbol and by sector.

    Positions and waiting orders without a row count as they are or are to be, shrinking rows at their weight. One that
    waits for its symbol's data counts as it stands: nobody knows when it can be left.
    """
    account = state.account[0]
    state.by_symbol[:] = 0.0
    state.by_sector[:] = 0.0
    gross = 0.0
    for place in range(account["held"] + account["queued"]):
        p = _slot_at(place, state)
        if p < 0:
            continue
        weight = abs(_standing_weight(p, first, last, targets, state))
        gross += weight
        _count(targets.symbol[p], weight, market, state)
    return gross


@compiled
def _waits_for_data(p: int, state: State) -> bool:
    return is_forced_out(p, state) and state.orders[p]["trigger"] == DATA_MISSING


@compiled
def _count(i: int, weight: float, market: Market, state: State) -> None:
    state.by_symbol[i] += weight
    if market.sector[i] >= 0:
        state.by_sector[market.sector[i]] += weight


@inlined
def load_target_scenarios(t: int, first: int, last: int, targets: Targets, derived: Derived, state: State) -> float:
    """Return scenarios of what stands, and of the growing rows on top; the value at risk without any of these rows.

    Where a growing row is not granted its position stays as it is, so that is the value at risk that it has to lower.
    """
    account = state.account[0]
    state.scenarios[:] = 0.0
    state.scenario_change[:] = 0.0
    for place in range(account["held"] + account["queued"]):
        p = _slot_at(place, state)
        if p < 0:
            continue
        weight = _standing_weight(p, first, last, targets, state)
        add_scenarios(t, targets.symbol[p], weight, derived, state.scenarios)
        if state.verdict[p] == GROWS and has_row(p, first, last, targets, state):
            add_scenarios(t, targets.symbol[p], weight_of(p, state), derived, state.scenario_change)
    before = tail_loss(state.scenarios, state.scenario_change, 1.0, state.worst_scenarios)
    state.scenario_change[:] = 0.0
    for row in range(first, last):
        p = targets.position_index[row]
        if state.verdict[p] == GROWS:
            granted = math.copysign(state.granted[p], targets.weight[row])
            add_scenarios(t, targets.symbol[p], granted, derived, state.scenario_change)
    return before


@inlined
def cap_growing_rows(
    first: int,
    last: int,
    market: Market,
    targets: Targets,
    settings: Settings,
    state: State,
) -> float:
    """Grant the growing rows what the caps of symbol and sector leave them, in order; their gross weight."""
    total = 0.0
    row = first
    while row < last:
        legs = _legs_at(row, last, targets)
        share = 1.0
        for leg in range(row, row + legs):
            p = targets.position_index[leg]
            if state.verdict[p] == GROWS:
                asked = abs(targets.weight[leg]) * state.scale[p]
                limit, room = _room(targets.symbol[p], market, settings, state)
                state.granted[p] = min(asked, max(0.0, room))
                left = state.granted[p] / asked if asked > 0.0 else 0.0
                for other in range(row, row + legs):
                    note_limit(targets.position_index[other], limit, left, state)
                share = min(share, left)
                _count(targets.symbol[p], state.granted[p], market, state)
        for leg in range(row, row + legs):
            p = targets.position_index[leg]
            if state.verdict[p] == GROWS:
                granted = abs(targets.weight[leg]) * state.scale[p] * share if share < 1.0 else state.granted[p]
                _count(targets.symbol[p], granted - state.granted[p], market, state)
                state.granted[p] = granted
                total += granted
        row += legs
    return total


@inlined
def cut_to_capacity(
    first: int, last: int, t: int, market: Market, targets: Targets, run_parameters: Any, state: State
) -> None:
    """Cut what grows to what liquidity allows of it: all that buys a symbol by one part, and all that sells it.

    Both legs of a pair get the smaller of their parts. Of a flip only the new side grows: the closing half passes at
    any size.
    """
    _forget_growth(first, last, targets, state)
    for row in range(first, last):
        p = targets.position_index[row]
        if state.verdict[p] == GROWS:
            state.by_side[_side_of(row, targets), targets.symbol[p]] += _growth(row, targets, state)
    row = first
    while row < last:
        legs = _legs_at(row, last, targets)
        share = 1.0
        for leg in range(row, row + legs):
            p = targets.position_index[leg]
            if state.verdict[p] == GROWS and _growth(leg, targets, state) > 0.0:
                room = _capacity(t, targets.symbol[p], market, run_parameters, state)
                share = min(share, room / state.by_side[_side_of(leg, targets), targets.symbol[p]])
        for leg in range(row, row + legs):
            p = targets.position_index[leg]
            if share < 1.0 and state.verdict[p] == GROWS and _growth(leg, targets, state) > 0.0:
                kept, whole = _kept(leg, targets, state), state.granted[p]
                state.granted[p] = kept + share * (whole - kept)
                note_limit(p, BY_CAPACITY, state.granted[p] / whole, state)
        row += legs


@inlined
def reject_beyond_capacity(
    first: int, last: int, t: int, market: Market, targets: Targets, run_parameters: Any, state: State
) -> None:
    """Reject what grows beyond what the rows before it leave of its symbol's liquidity on its side; a pair as a whole.

    Of a flip only the new side grows.
    """
    _forget_growth(first, last, targets, state)
    row = first
    while row < last:
        legs = _legs_at(row, last, targets)
        fits = True
        for leg in range(row, row + legs):
            p = targets.position_index[leg]
            growth = _growth(leg, targets, state)
            if state.verdict[p] != GROWS or growth <= 0.0:
                continue
            taken = state.by_side[_side_of(leg, targets), targets.symbol[p]]
            if taken + growth > _capacity(t, targets.symbol[p], market, run_parameters, state):
                state.verdict[p] = CAPACITY
                fits = False
        for leg in range(row, row + legs):
            p = targets.position_index[leg]
            if fits and state.verdict[p] == GROWS:
                state.by_side[_side_of(leg, targets), targets.symbol[p]] += _growth(leg, targets, state)
        row += legs


@compiled
def _forget_growth(first: int, last: int, targets: Targets, state: State) -> None:
    for row in range(first, last):
        for side in range(2):
            state.by_side[side, targets.symbol[targets.position_index[row]]] = 0.0


@compiled
def _side_of(row: int, targets: Targets) -> int:
    return BUY if targets.weight[row] > 0.0 else SELL


@compiled
def _capacity(t: int, i: int, market: Market, run_parameters: Any, state: State) -> float:
    """Largest weight of all orders of a symbol on one side."""
    return run_parameters["capacity"] * market.adv[t, i] / state.account[0]["equity"]  # type: ignore[no-any-return]


@compiled
def _growth(row: int, targets: Targets, state: State) -> float:
    """Weight by which what a growing row was granted is more than is there; 0 where it is not."""
    granted: float = state.granted[targets.position_index[row]]
    return max(0.0, granted - _kept(row, targets, state))


@compiled
def _kept(row: int, targets: Targets, state: State) -> float:
    """Weight on the side that a growing row asks for that is there already."""
    current = weight_of(targets.position_index[row], state)
    return abs(current) if current * targets.weight[row] > 0.0 else 0.0


@compiled
def _room(i: int, market: Market, settings: Settings, state: State) -> tuple[int, float]:
    """Weight that symbol `i` may still take under its own and its sector's cap, and the limit that says so."""
    room = settings.max_symbol - state.by_symbol[i]
    if market.sector[i] >= 0:
        in_sector = settings.max_sector - state.by_sector[market.sector[i]]
        if in_sector < room:
            return BY_SECTOR, in_sector
    return BY_SYMBOL, room
