"""Decisions about candidates at the close: tests, rank, size (trading rules, section 4)."""

from __future__ import annotations

import math
from typing import Any

from trading_assets.backtests.engine.arrays import Candidates, Floats, Market
from trading_assets.backtests.engine.borrowing import can_borrow
from trading_assets.backtests.engine.correlation_limit import candidate_correlation, load_units, portfolio_correlation
from trading_assets.backtests.engine.dtypes import ENTER, HOLD, LONG, REJECT
from trading_assets.backtests.engine.entry_ranking import rank_survivors
from trading_assets.backtests.engine.entry_room import Room, is_spent, room_of
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.order_fills import affordable
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
    BY_CAPACITY,
    BY_CASH,
    BY_GROSS,
    BY_POSITION,
    BY_SECTOR,
    BY_SYMBOL,
    BY_VALUE_AT_RISK,
    CAPACITY,
    CAPACITY_LIMIT,
    CASH,
    CORRELATION,
    CORRELATION_LIMIT,
    ELIGIBILITY,
    EQUITY,
    GROSS_ROOM,
    HEALTH,
    INSUFFICIENT_CASH,
    INVALID_STOP,
    MULTIPLIER,
    NO_BORROW,
    NO_LIQUIDITY,
    NOTIONAL,
    PORTFOLIO,
    QUANTITY,
    RANKS,
    SCORE,
    SECTOR_ROOM,
    SLOTS,
    STOP_DISTANCE,
    VALUE_AT_RISK,
    VAR_LIMIT,
    ZERO_SIZE,
)
from trading_assets.backtests.engine.settings import Settings
from trading_assets.backtests.engine.transaction_costs import fee_rate
from trading_assets.backtests.engine.value_at_risk import (
    add_scenarios,
    is_limited,
    is_within,
    load_scenarios,
    share_within,
    tail_loss,
)

#: Diversification of a candidate where there is nothing to compare it with.
_NEUTRAL_DIVERSIFICATION = 0.5


@inlined
def decide_entries(
    t: int,
    entry_block_reason: int,
    multiplier: float,
    market: Market,
    candidates: Candidates,
    derived: Derived,
    run_parameters: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> None:
    """Test, rank and size the candidates of session *t*; those that pass become orders for the next open.

    Where no slot is free from the start nothing is ranked.
    """
    account = state.account[0]
    if candidates.first[t] == candidates.first[t + 1]:
        return
    full = account["held"] + account["queued"] >= settings.max_positions
    is_sweep = records.decisions.size == 0
    if is_sweep and (entry_block_reason >= 0 or full or is_spent(settings, state)):
        return  # nothing can be ordered and no one asks why
    survivors = _screen(
        t, entry_block_reason, full, market, candidates, derived, run_parameters, settings, state, records
    )
    if survivors == 0:
        return
    rank_survivors(survivors, run_parameters["rank_weights"], state)
    for place in range(survivors):
        if is_sweep and is_spent(settings, state):
            return
        survivor = state.order[place]
        _size(t, survivor, multiplier, market, candidates, derived, run_parameters, settings, state, records)


@inlined
def _screen(
    t: int,
    entry_block_reason: int,
    full: bool,
    market: Market,
    candidates: Candidates,
    derived: Derived,
    run_parameters: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> int:
    """Tests that do not depend on rank. Fills `row`, `label` and `measures` of the survivors, and counts them."""
    returns, known, units, valid = derived.returns, derived.known, state.units, state.unit_valid
    account = state.account[0]
    held = state.held[: account["held"]]
    load_units(t, held, returns, known, units, valid)
    portfolio = math.nan
    if held.size >= settings.correlation_positions:
        portfolio = portfolio_correlation(t, held, returns, known, units, valid)
    state.portfolio_correlation[0] = portfolio
    guarded = portfolio > settings.correlation_portfolio
    survivors = 0
    for row in range(candidates.first[t], candidates.first[t + 1]):
        label = _label(row, candidates.strength, run_parameters)
        if label < 0:
            continue
        i = candidates.symbol[row]
        if state.busy[i]:
            record(t, 1, i, -1, HOLD, 0, label, account, records.decisions)
            continue
        rejection = entry_block_reason
        if rejection < 0:
            gone = 0 <= market.delisted[i] <= t  # no next session to fill at
            distance = run_parameters["stop_atr"] * market.atr[t, i]
            barred = gone or derived.unhealthy[t, i]
            lent = run_parameters["side"] == LONG or can_borrow(t, i, market)
            rejection = _own_rejection(barred, candidates.eligible[row], lent, market.close[t, i], distance)
        correlation = math.nan
        if rejection < 0 and (guarded or not full):
            correlation = candidate_correlation(t, i, held, returns, known, units, valid)
            if guarded and correlation > settings.correlation_candidate:
                rejection = CORRELATION_LIMIT
        if rejection < 0 and full:
            rejection = SLOTS
        if rejection >= 0:
            index = record(t, 1, i, -1, REJECT, rejection, label, account, records.decisions)
            if index >= 0:
                records.decisions[index]["numbers"][PORTFOLIO] = portfolio
                records.decisions[index]["numbers"][CORRELATION] = correlation
            continue
        state.row[survivors] = row
        state.label[survivors] = label
        state.measures[0, survivors] = candidates.rank[label, row]
        state.measures[1, survivors] = candidates.relative_strength[row]
        diversification = _NEUTRAL_DIVERSIFICATION if math.isnan(correlation) else 1.0 - correlation
        state.measures[2, survivors] = diversification
        state.measures[3, survivors] = correlation
        survivors += 1
    return survivors


@compiled
def _label(row: int, strength: Floats, run_parameters: Any) -> int:
    """The last trigger that fires, or -1."""
    for trigger in range(strength.shape[0] - 1, -1, -1):
        if strength[trigger, row] >= run_parameters["threshold"][trigger]:
            return trigger
    return -1


@compiled
def _own_rejection(barred: bool, eligible: bool, lent: bool, close: float, distance: float) -> int:
    """Health, eligibility, borrow and stop of a candidate; -1 if it passes."""
    if barred:
        return HEALTH
    if not eligible:
        return ELIGIBILITY
    if not lent:
        return NO_BORROW
    if not distance > 0.0 or close - distance >= close:
        return INVALID_STOP
    return -1


@compiled
def sign_of(run_parameters: Any) -> float:
    """Return 1 where a strategy buys, -1 where it sells short."""
    return 1.0 if run_parameters["side"] == LONG else -1.0


@inlined
def _size(
    t: int,
    survivor: int,
    multiplier: float,
    market: Market,
    candidates: Candidates,
    derived: Derived,
    run_parameters: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> None:
    """Size one survivor and order it, or reject it."""
    account = state.account[0]
    i = candidates.symbol[state.row[survivor]]
    label = state.label[survivor]
    rejection, quantity = SLOTS, math.nan
    begin_sizing(i, state)
    room = Room(math.nan, math.nan, math.nan)
    if account["held"] + account["queued"] < settings.max_positions:
        room = room_of(i, market, run_parameters, settings, state)
        rejection, quantity = _quantity(t, i, multiplier, room, market, run_parameters, settings, state)
        if rejection < 0 and is_limited(t, derived, settings):
            load_scenarios(t, sign_of(run_parameters), derived, state)
            quantity = _within_value_at_risk(t, i, quantity, market, derived, run_parameters, settings, state)
            rejection = VAR_LIMIT if quantity <= 0.0 else -1
    limit = state.limit[i]
    decision, reason = (REJECT, rejection) if rejection >= 0 else (ENTER, label)
    index = record(t, 1, i, -1, decision, reason, label, account, records.decisions)
    if index >= 0:
        records.decisions[index]["limit"] = limit
        _note_sizing(
            t, survivor, i, quantity, multiplier, room, market, run_parameters, state, records.decisions[index]
        )
        if rejection < 0 and is_limited(t, derived, settings):
            risk = tail_loss(state.scenarios, state.scenario_change, 0.0, state.worst_scenarios)
            records.decisions[index]["numbers"][VALUE_AT_RISK] = risk
    if rejection >= 0:
        return
    if index >= 0:
        records.decisions[index]["order"] = index
    order = state.orders[i]
    order["symbol"] = i
    order["pair_index"] = -1
    order["quantity"] = quantity
    order["distance"] = run_parameters["stop_atr"] * market.atr[t, i]
    order["atr"] = market.atr[t, i]
    order["close"] = market.close[t, i]
    order["decision_session"] = t
    order["trigger"] = label
    order["wait"] = run_parameters["delay"]
    order["decision"] = index
    state.queue[account["queued"]] = i
    account["queued"] += 1
    state.busy[i] = True


@compiled
def _note_sizing(
    t: int,
    survivor: int,
    i: int,
    quantity: float,
    multiplier: float,
    room: Room,
    market: Market,
    run_parameters: Any,
    state: State,
    decision: Any,
) -> None:
    """The numbers behind an entry or its rejection."""
    numbers = decision["numbers"]
    numbers[SCORE] = state.score[survivor]
    for measure in range(3):
        numbers[RANKS + measure] = state.ranks[measure, survivor]
    numbers[QUANTITY] = quantity
    numbers[NOTIONAL] = quantity * market.close[t, i]
    numbers[MULTIPLIER] = multiplier
    numbers[PORTFOLIO] = state.portfolio_correlation[0]
    numbers[CORRELATION] = state.measures[3, survivor]
    numbers[EQUITY] = state.account[0]["equity"]
    numbers[CASH] = room.cash
    numbers[GROSS_ROOM] = room.gross
    if market.sector[i] >= 0:
        numbers[SECTOR_ROOM] = room.sector
    numbers[ADV] = market.adv[t, i]
    numbers[CAPACITY_LIMIT] = run_parameters["capacity"] * market.adv[t, i]
    numbers[STOP_DISTANCE] = run_parameters["stop_atr"] * market.atr[t, i]


@inlined
def _quantity(
    t: int, i: int, multiplier: float, room: Room, market: Market, run_parameters: Any, settings: Settings, state: State
) -> tuple[int, float]:
    """Rejection (or -1) and quantity of an order: risk per trade, then the caps, then liquidity and cash."""
    close, lot, equity = market.close[t, i], market.lot[i], state.account[0]["equity"]
    distance = run_parameters["stop_atr"] * market.atr[t, i]
    quantity = floor_to_lot(equity * settings.risk_per_trade * multiplier / distance, lot)
    by_own = BY_SYMBOL if settings.max_symbol <= settings.max_position else BY_POSITION  # the smaller of the two
    quantity = _at_most(quantity, floor_to_lot(settings.max_position * equity / close, lot), i, by_own, state)
    quantity = _at_most(quantity, floor_to_lot(room.gross / close, lot), i, BY_GROSS, state)
    quantity = _at_most(quantity, floor_to_lot(room.sector / close, lot), i, BY_SECTOR, state)
    if quantity <= 0.0:
        return ZERO_SIZE, 0.0
    if not market.adv[t, i] > 0.0:
        return NO_LIQUIDITY, quantity
    if quantity * close > run_parameters["capacity"] * market.adv[t, i]:
        if settings.reject_beyond_capacity:
            return CAPACITY, quantity
        most = floor_to_lot(run_parameters["capacity"] * market.adv[t, i] / close, lot)
        quantity = _at_most(quantity, most, i, BY_CAPACITY, state)
        if quantity <= 0.0:
            return CAPACITY, 0.0
    paid_for = _paid_for(room.cash, close, fee_rate(market.fee_bps[i], run_parameters), lot, run_parameters)
    quantity = _at_most(quantity, paid_for, i, BY_CASH, state)
    if quantity <= 0.0:
        return INSUFFICIENT_CASH, 0.0
    return -1, quantity


@compiled
def _paid_for(cash: float, close: float, rate: float, lot: float, run_parameters: Any) -> float:
    """Largest quantity that free cash pays for: its value and its fee, of a short sale its fee alone."""
    if run_parameters["side"] == LONG:
        return affordable(cash, close, rate, lot)
    if not cash > 0.0:
        return 0.0
    return floor_to_lot(cash / (close * rate), lot) if rate > 0.0 else math.inf


@compiled
def _at_most(quantity: float, allowed: float, i: int, limit: int, state: State) -> float:
    """Cut a quantity to the whole lots that a limit allows, and note the limit if it did."""
    if allowed >= quantity:
        return quantity
    if quantity > 0.0:
        note_limit(i, limit, max(0.0, allowed) / quantity, state)
    return allowed


@inlined
def _within_value_at_risk(
    t: int,
    i: int,
    quantity: float,
    market: Market,
    derived: Derived,
    run_parameters: Any,
    settings: Settings,
    state: State,
) -> float:
    """Cut an order to what the value at risk allows, and take what is left into the scenarios."""
    close, equity = sign_of(run_parameters) * market.close[t, i], state.account[0]["equity"]
    state.scenario_change[:] = 0.0
    add_scenarios(t, i, quantity * close / equity, derived, state.scenario_change)
    if not is_within(state.scenarios, state.scenario_change, 1.0, settings.var_limit, state.worst_scenarios):
        before = tail_loss(state.scenarios, state.scenario_change, 0.0, state.worst_scenarios)
        share = share_within(state.scenarios, state.scenario_change, before, settings.var_limit, state.worst_scenarios)
        quantity = floor_to_lot(quantity * share, market.lot[i]) if share < 1.0 else quantity
        note_limit(i, BY_VALUE_AT_RISK, share, state)
    add_scenarios(t, i, quantity * close / equity, derived, state.scenarios)
    return quantity
