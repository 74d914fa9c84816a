"""Decisions about candidates at the close: tests, rank, size (trading rules, section 4)."""

from __future__ import annotations

import math
from typing import Any

from trading_assets.backtests.compiled import compiled, inlined
from trading_assets.backtests.costs import fee_rate
from trading_assets.backtests.exits import value_of_positions
from trading_assets.backtests.fills import INSUFFICIENT_CASH, affordable, drop_order
from trading_assets.backtests.guard import candidate_correlation, load_units, portfolio_correlation
from trading_assets.backtests.market import REJECTIONS, Candidates, Floats, Market
from trading_assets.backtests.risk import HALTED
from trading_assets.backtests.settings import Settings
from trading_assets.backtests.state import ENTER, HOLD, REJECT, Health, Records, State, floor_to_lot, record

HEALTH = REJECTIONS.index("health")
ELIGIBILITY = REJECTIONS.index("eligibility")
INVALID_STOP = REJECTIONS.index("invalid_stop")
CORRELATION_GUARD = REJECTIONS.index("correlation_guard")
SLOTS = REJECTIONS.index("slots")
ZERO_SIZE = REJECTIONS.index("zero_size")
NO_LIQUIDITY = REJECTIONS.index("no_liquidity")
CAPACITY = REJECTIONS.index("capacity")

#: Diversification of a candidate where there is nothing to compare it with.
_NEUTRAL_DIVERSIFICATION = 0.5


@inlined
def decide_entries(
    t: int,
    barrier: int,
    multiplier: float,
    market: Market,
    candidates: Candidates,
    health: Health,
    trial: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> None:
    """Test, rank and size the candidates of session *t*; those that pass become orders for the next open."""
    account = state.account[0]
    if candidates.first[t] == candidates.first[t + 1]:
        return
    closed = barrier >= 0 or account["held"] + account["queued"] >= settings.max_positions
    if closed and records.decisions.size == 0:
        return  # nothing can be ordered and no one asks why
    survivors = _screen(t, barrier, market, candidates, health, trial, settings, state, records)
    if survivors == 0:
        return
    _rank(survivors, trial["rank_weights"], state)
    for place in range(survivors):
        survivor = state.order[place]
        _size(t, survivor, multiplier, market, candidates, trial, settings, state, records)


@inlined
def _screen(
    t: int,
    barrier: int,
    market: Market,
    candidates: Candidates,
    health: Health,
    trial: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> int:
    """Tests that do not depend on rank. Fills `row`, `label` and `measures` of the survivors, and counts them."""
    returns, units, valid = market.returns, state.units, state.unit_valid
    held = state.held[: state.account[0]["held"]]
    load_units(t, held, returns, units, valid)
    portfolio = math.nan
    if held.size >= settings.correlation_positions:
        portfolio = portfolio_correlation(t, held, returns, units, valid)
    survivors = 0
    for row in range(candidates.first[t], candidates.first[t + 1]):
        label = _label(row, candidates.strength, trial)
        if label < 0:
            continue
        i = candidates.symbol[row]
        numbers = (math.nan, math.nan, math.nan, math.nan)
        if state.busy[i]:
            record(t, 1, i, HOLD, 0, label, numbers, state.account, records.decisions)
            continue
        rejection = barrier
        if rejection < 0:
            gone = 0 <= market.delisted[i] <= t  # no next session to fill at
            distance = trial["stop_atr"] * market.atr[t, i]
            rejection = _own_rejection(
                gone or health.unhealthy[t, i], candidates.eligible[row], market.close[t, i], distance
            )
        correlation = math.nan
        if rejection < 0:
            correlation = candidate_correlation(t, i, held, returns, units, valid)
            if portfolio > settings.correlation_portfolio and correlation > settings.correlation_candidate:
                rejection = CORRELATION_GUARD
        if rejection >= 0:
            record(t, 1, i, REJECT, rejection, label, numbers, state.account, records.decisions)
            continue
        state.row[survivors] = row
        state.label[survivors] = label
        state.measures[0, survivors] = candidates.rank[label, row]
        state.measures[1, survivors] = candidates.relative_strength[row]
        diversification = _NEUTRAL_DIVERSIFICATION if math.isnan(correlation) else 1.0 - correlation
        state.measures[2, survivors] = diversification
        survivors += 1
    return survivors


@compiled
def _label(row: int, strength: Floats, trial: Any) -> int:
    """The last trigger that fires, or -1."""
    for trigger in range(strength.shape[0] - 1, -1, -1):
        if strength[trigger, row] >= trial["threshold"][trigger]:
            return trigger
    return -1


@compiled
def _own_rejection(barred: bool, eligible: bool, close: float, distance: float) -> int:
    """Health, eligibility and stop of a candidate; -1 if it passes."""
    if barred:
        return HEALTH
    if not eligible:
        return ELIGIBILITY
    if not distance > 0.0 or close - distance >= close:
        return INVALID_STOP
    return -1


@inlined
def _rank(count: int, weights: Floats, state: State) -> None:
    """Score the survivors and put them in order: score descending, then symbol ascending."""
    for k in range(count):
        score = weights[0] * average_rank(k, count, state.measures[0])
        score += weights[1] * average_rank(k, count, state.measures[1])
        score += weights[2] * average_rank(k, count, state.measures[2])
        state.score[k] = score
        place = k
        while place > 0 and state.score[state.order[place - 1]] < score:
            state.order[place] = state.order[place - 1]
            place -= 1
        state.order[place] = k


@compiled
def average_rank(k: int, count: int, values: Floats) -> float:
    """Ascending average rank of `values[k]` among the first `count`, over `count`: 1 is best; NaN is 0, below all."""
    own = values[k]
    if math.isnan(own):
        return 0.0
    below, equal = 0, 0
    for other in values[:count]:
        below += int(not other >= own)  # NaN is below
        equal += int(other == own)
    return (below + 0.5 * (equal + 1)) / count


@inlined
def _size(
    t: int,
    survivor: int,
    multiplier: float,
    market: Market,
    candidates: Candidates,
    trial: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> None:
    """Size one survivor and order it, or reject it."""
    account = state.account[0]
    i = candidates.symbol[state.row[survivor]]
    close, label = market.close[t, i], state.label[survivor]
    rejection, quantity = SLOTS, math.nan
    if account["held"] + account["queued"] < settings.max_positions:
        rejection, quantity = _quantity(t, i, multiplier, market, trial, settings, state)
    numbers = (state.score[survivor], quantity, quantity * close, multiplier)
    if rejection >= 0:
        record(t, 1, i, REJECT, rejection, label, numbers, state.account, records.decisions)
        return
    record(t, 1, i, ENTER, label, label, numbers, state.account, records.decisions)
    order = state.orders[i]
    order["quantity"] = quantity
    order["distance"] = trial["stop_atr"] * market.atr[t, i]
    order["atr"] = market.atr[t, i]
    order["close"] = close
    order["decision_session"] = t
    order["trigger"] = label
    order["wait"] = trial["delay"]
    state.queue[account["queued"]] = i
    account["queued"] += 1
    state.busy[i] = True


@inlined
def _quantity(
    t: int, i: int, multiplier: float, market: Market, trial: Any, settings: Settings, state: State
) -> tuple[int, float]:
    """Rejection (or -1) and quantity of an order: risk per trade, then the caps, then liquidity and cash."""
    account = state.account[0]
    close, lot, equity = market.close[t, i], market.lot[i], account["equity"]
    rate = fee_rate(market.fee_bps[i], trial)
    queued, reserved = 0.0, 0.0
    for place in range(account["queued"]):
        other = state.queue[place]
        notional = state.orders[other]["quantity"] * state.orders[other]["close"]
        queued += notional
        reserved += notional * (1.0 + fee_rate(market.fee_bps[other], trial))
    distance = trial["stop_atr"] * market.atr[t, i]
    quantity = floor_to_lot(equity * settings.risk_per_trade * multiplier / distance, lot)
    quantity = min(quantity, floor_to_lot(settings.max_position * equity / close, lot))
    room = settings.max_gross * equity - (value_of_positions(state) + queued)
    quantity = min(quantity, floor_to_lot(room / close, lot))
    if quantity <= 0.0:
        return ZERO_SIZE, 0.0
    if not market.adv[t, i] > 0.0:
        return NO_LIQUIDITY, quantity
    if quantity * close > trial["capacity"] * market.adv[t, i]:
        return CAPACITY, quantity
    quantity = min(quantity, affordable(max(0.0, account["cash"] - reserved), close, rate, lot))
    if quantity <= 0.0:
        return INSUFFICIENT_CASH, 0.0
    return -1, quantity


@inlined
def cancel_orders(t: int, state: State, records: Records) -> None:
    """Drop the entry orders that still wait when trading is halted."""
    account = state.account[0]
    for place in range(account["queued"]):
        drop_order(t, 1, state.queue[place], HALTED, state, records)
    account["queued"] = 0
