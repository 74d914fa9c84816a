"""Decisions about target weights at the close: forced exits, then the rows of the session."""

from __future__ import annotations

import math
from typing import Any

from trading_assets.backtests.engine.arrays import Market, Targets
from trading_assets.backtests.engine.borrowing import can_borrow
from trading_assets.backtests.engine.dtypes import ENTER, EXIT, REJECT
from trading_assets.backtests.engine.exit_orders import note_frozen, record_exit
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.portfolio_state import (
    Derived,
    Records,
    State,
    begin_sizing,
    floor_to_lot,
    note_limit,
    record,
)
from trading_assets.backtests.engine.reason_codes import (
    ADV,
    BY_GROSS,
    BY_REGIME_TURNOVER,
    BY_VALUE_AT_RISK,
    CAPACITY_LIMIT,
    CLOSING,
    DATA_MISSING,
    DELISTED,
    DRAWDOWN_HALT,
    ELIGIBILITY,
    ENTRIES_CLOSED,
    EQUITY,
    GRANTED_WEIGHT,
    GROSS_ROOM,
    HALTED,
    HEALTH,
    MULTIPLIER,
    NO_BORROW,
    NO_LIQUIDITY,
    NOTIONAL,
    PAIR_LEG,
    QUANTITY,
    REBALANCE,
    SECTOR_ROOM,
    TARGET_WEIGHT,
    VALUE_AT_RISK,
    VAR_LIMIT,
    ZERO_SIZE,
)
from trading_assets.backtests.engine.rebalance_fills import cancel_target, is_forced_out
from trading_assets.backtests.engine.rebalance_limits import (
    GROWS,
    NOTHING,
    SHRINKS,
    cap_growing_rows,
    cut_to_capacity,
    has_row,
    load_target_scenarios,
    reject_beyond_capacity,
    standing_weights,
    value_of,
    weight_of,
)
from trading_assets.backtests.engine.regime_turnover import (
    end_of_spread,
    forget_spread,
    is_grown,
    rows_of_session,
    spread_moves,
    stated_rows,
)
from trading_assets.backtests.engine.settings import Settings
from trading_assets.backtests.engine.target_quantities import partner_of
from trading_assets.backtests.engine.value_at_risk import is_limited, share_within, tail_loss

#: Less of equity than this under a cap is what rounding left.
_NOTHING_LEFT = 1e-12


@inlined
def force_exits(
    t: int,
    leaving: int,
    market: Market,
    targets: Targets,
    derived: Derived,
    run_parameters: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> None:
    """Order the exit of what has to be left, both legs of a pair; a pending exit keeps its reason, but for a closing's.

    A halt or a closing, of which `leaving` says which it is (-1: none), cancels the orders of flat slots. After a total
    loss everything goes, whenever it was bought.
    """
    account = state.account[0]
    if leaving >= 0:
        for p in range(state.spread.size):
            forget_spread(p, targets, state)
    place = 0
    while place < account["queued"]:
        p = state.queue[place]
        if not state.busy[p] and (leaving >= 0 or state.orders[p]["weight"] == 0.0):
            if state.orders[p]["weight"] != 0.0:
                cancel_target(t, 1, p, ENTRIES_CLOSED if leaving == CLOSING else HALTED, state, records)
            _withdraw(p, state)
        else:
            place += 1
    if account["ruined"] == 1:
        leaving = DRAWDOWN_HALT
    for place in range(account["held"]):
        p = state.held[place]
        i = targets.symbol[p]
        if market.expected[t, i] and derived.missing[t, i] == settings.delisting_sessions:
            note_frozen(t, p, state, records)
        is_leaving = state.ordered[p] and state.orders[p]["weight"] == 0.0
        if is_leaving and state.orders[p]["trigger"] != CLOSING:
            continue
        reason = _forced_reason(t, p, leaving, market, targets, derived, settings, state)
        if reason >= 0 and not (is_leaving and reason == CLOSING):
            forget_spread(p, targets, state)
            _order(t, p, 0.0, reason, record_exit(t, p, reason, state, records), market, targets, run_parameters, state)


@compiled
def _forced_reason(
    t: int,
    p: int,
    leaving: int,
    market: Market,
    targets: Targets,
    derived: Derived,
    settings: Settings,
    state: State,
) -> int:
    """The first in the order of `EXIT_REASONS` of the position's own and of its other leg's, or -1.

    A pair with a symbol that is gone is over, also where that leg was never held.
    """
    other = partner_of(p, targets)
    if other >= 0:
        j = targets.symbol[other]
        if market.delisted[j] == t:
            return DELISTED
        patience = settings.missing_sessions_exit if state.busy[other] else settings.delisting_sessions
        if derived.missing[t, j] >= patience:
            return DATA_MISSING
    if derived.missing[t, targets.symbol[p]] >= settings.missing_sessions_exit:
        return DATA_MISSING
    return leaving


@compiled
def _withdraw(p: int, state: State) -> None:
    """Take the order of slot `p` out of the queue, if it has one there."""
    account = state.account[0]
    state.ordered[p] = False
    kept = 0
    for place in range(account["queued"]):
        if state.queue[place] != p:
            state.queue[kept] = state.queue[place]
            kept += 1
    account["queued"] = kept


@compiled
def _order(
    t: int,
    p: int,
    weight: float,
    reason: int,
    decision: int,
    market: Market,
    targets: Targets,
    run_parameters: Any,
    state: State,
) -> None:
    """Give an order for the next open, in the place of one that waits."""
    if state.ordered[p]:
        _withdraw(p, state)
    account, order, i = state.account[0], state.orders[p], targets.symbol[p]
    order["symbol"] = i
    order["pair_index"] = targets.pair_index[p]
    order["quantity"] = 0.0
    order["weight"] = weight
    order["distance"] = math.nan
    order["atr"] = market.atr[t, i]
    order["close"] = market.close[t, i]
    order["decision_session"] = t
    order["trigger"] = reason
    order["wait"] = run_parameters["delay"]
    order["decision"] = decision
    state.queue[account["queued"]] = p
    account["queued"] += 1
    state.ordered[p] = True


@inlined
def decide_targets(
    t: int,
    entry_block_reason: int,
    multiplier: float,
    market: Market,
    targets: Targets,
    derived: Derived,
    run_parameters: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> None:
    """Test and size the rows of session *t*; those that pass become orders for the next open.

    What shrinks a position always passes. What grows one is tested (block, health, eligibility, liquidity), cut to
    the caps of symbol and sector, scaled with its like to the cap of gross exposure, cut to its capacity (or rejected
    for it, by configuration), and scaled to the limit on the value at risk.
    A pair is cut and rejected as a whole. What a row rejected for capacity was to get stays unused: were it shared out,
    the others would grow, and some of them beyond their own capacity.
    """
    first, last = targets.first[t], targets.first[t + 1]
    if targets.of_regime.size > 0:
        first, last = 0, stated_rows(t, market, targets, state)
        targets = rows_of_session(targets, state)
    if first == last:
        return
    for row in range(first, last):
        p = targets.position_index[row]
        state.verdict[p] = _verdict(t, row, entry_block_reason, market, targets, derived, state)
        state.row[p] = row
        state.scale[p] = multiplier
        begin_sizing(p, state)
    _reject_other_legs(first, last, targets, state)
    if targets.of_regime.size > 0:
        spread_moves(last, targets, settings, state)
    gross = standing_weights(first, last, market, targets, state)
    asked = cap_growing_rows(first, last, market, targets, settings, state)
    scale = 1.0
    if gross + asked > settings.max_gross:
        scale = max(0.0, settings.max_gross - gross) / asked if asked > 0.0 else 1.0
    for row in range(first, last):
        p = targets.position_index[row]
        if state.verdict[p] == GROWS:
            state.granted[p] *= scale
            note_limit(p, BY_GROSS, scale, state)
    if settings.reject_beyond_capacity:
        reject_beyond_capacity(first, last, t, market, targets, run_parameters, state)
        _reject_other_legs(first, last, targets, state)
    else:
        cut_to_capacity(first, last, t, market, targets, run_parameters, state)
    share, risk = 1.0, math.nan
    if is_limited(t, derived, settings) and asked > 0.0 and _growing_rows(first, last, targets, state) > 0:
        before = load_target_scenarios(t, first, last, targets, derived, state)
        share = share_within(state.scenarios, state.scenario_change, before, settings.var_limit, state.worst_scenarios)
        risk = tail_loss(state.scenarios, state.scenario_change, share, state.worst_scenarios)
    for row in range(first, last):
        p = targets.position_index[row]
        if state.verdict[p] == GROWS:
            state.granted[p] *= share
            note_limit(p, BY_VALUE_AT_RISK, share, state)
            if state.granted[p] < _NOTHING_LEFT:
                state.verdict[p] = VAR_LIMIT if share < _NOTHING_LEFT else ZERO_SIZE
    _reject_other_legs(first, last, targets, state)
    room = settings.max_gross - gross
    for row in range(first, last):
        _conclude(t, row, multiplier, room, risk, market, targets, run_parameters, settings, state, records)


@inlined
def _verdict(
    t: int, row: int, entry_block_reason: int, market: Market, targets: Targets, derived: Derived, state: State
) -> int:
    """What becomes of a row by the tests that do not depend on its size."""
    p, weight = targets.position_index[row], targets.weight[row]
    i, order = targets.symbol[p], state.orders[p]
    if is_forced_out(p, state):
        if weight == 0.0:
            return NOTHING
        if order["trigger"] == CLOSING:
            return ENTRIES_CLOSED
        return HALTED if order["trigger"] == DRAWDOWN_HALT else HEALTH
    if weight == 0.0 and not state.busy[p] and not state.ordered[p]:
        return NOTHING
    if not is_grown(weight, weight_of(p, state)):
        return SHRINKS
    if entry_block_reason >= 0:
        return entry_block_reason
    if derived.unhealthy[t, i] or 0 <= market.delisted[i] <= t:
        return HEALTH
    if not targets.eligible[row]:
        return ELIGIBILITY
    if weight < 0.0 and not can_borrow(t, i, market):
        return NO_BORROW
    return GROWS if market.adv[t, i] > 0.0 else NO_LIQUIDITY


@compiled
def _reject_other_legs(first: int, last: int, targets: Targets, state: State) -> None:
    """A pair grows with both legs or not at all."""
    for row in range(first, last):
        p = targets.position_index[row]
        other = partner_of(p, targets)
        if other < 0 or state.verdict[p] < 0 or state.verdict[other] != GROWS:
            continue
        if has_row(other, first, last, targets, state):
            state.verdict[other] = PAIR_LEG


@compiled
def _growing_rows(first: int, last: int, targets: Targets, state: State) -> int:
    count = 0
    for row in range(first, last):
        count += int(state.verdict[targets.position_index[row]] == GROWS)
    return count


@compiled
def _change(p: int, weight: float, state: State) -> float:
    """Notional of the trade to a weight, at the mark."""
    return abs(weight * state.account[0]["equity"] - value_of(p, state))  # type: ignore[no-any-return]


@inlined
def _conclude(
    t: int,
    row: int,
    multiplier: float,
    gross_room: float,
    risk: float,
    market: Market,
    targets: Targets,
    run_parameters: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> None:
    """Decide a row, write it down and give its order; the closing half of a flip passes even if the rest does not.

    A rejected row takes back what waits for its slot, as any row does, but no forced exit: the position stays as it is.
    What multiplier and caps leave of a larger weight may be less than is held: that is an exit.
    """
    p, weight, reason = targets.position_index[row], targets.weight[row], targets.reason[row]
    verdict = state.verdict[p]
    if verdict == NOTHING:
        return
    account, i, current = state.account[0], targets.symbol[p], weight_of(p, state)
    granted = math.copysign(state.granted[p], weight) if verdict == GROWS else weight
    decision, why = REJECT, verdict
    if verdict == GROWS:
        decision = ENTER if is_grown(granted, current) else EXIT
        why = REBALANCE if weight * current > 0.0 else reason
    elif verdict == SHRINKS:
        decision, why = EXIT, REBALANCE if weight != 0.0 else reason
    index = record(t, 1, i, targets.pair_index[p], decision, why, reason, account, records.decisions)
    if index >= 0:
        if verdict in (GROWS, ZERO_SIZE, VAR_LIMIT):
            records.decisions[index]["limit"] = state.limit[p]
        elif verdict == SHRINKS and state.spread[p]["left"] > 0:
            records.decisions[index]["limit"] = BY_REGIME_TURNOVER
        numbers = records.decisions[index]["numbers"]
        equity, change = account["equity"], _change(p, granted, state)
        numbers[TARGET_WEIGHT] = state.wanted[p] if targets.of_regime.size > 0 else weight
        numbers[GRANTED_WEIGHT] = granted if verdict < 0 else 0.0
        numbers[NOTIONAL] = change
        if market.close[t, i] > 0.0:
            numbers[QUANTITY] = floor_to_lot(change / market.close[t, i], market.lot[i])
        numbers[EQUITY] = equity
        numbers[ADV] = market.adv[t, i]
        numbers[CAPACITY_LIMIT] = run_parameters["capacity"] * market.adv[t, i]
        if verdict != SHRINKS:
            numbers[MULTIPLIER] = multiplier
            numbers[GROSS_ROOM] = gross_room * equity
            numbers[VALUE_AT_RISK] = risk
            if market.sector[i] >= 0:
                numbers[SECTOR_ROOM] = (settings.max_sector - state.by_sector[market.sector[i]]) * equity
    if verdict < 0:
        if weight == 0.0 and not state.busy[p]:
            _withdraw(p, state)
            return
        if index >= 0:
            records.decisions[index]["order"] = index
        _order(t, p, granted, why, index, market, targets, run_parameters, state)
        return
    end_of_spread(p, state)
    if is_forced_out(p, state):
        return
    if state.ordered[p]:
        _withdraw(p, state)
    if weight * current < 0.0:
        _order(t, p, 0.0, reason, record_exit(t, p, reason, state, records), market, targets, run_parameters, state)
