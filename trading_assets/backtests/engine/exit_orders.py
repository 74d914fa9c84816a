"""Decisions about open positions at the close: one reason a position a session, by priority."""

from __future__ import annotations

import math
from typing import Any

from trading_assets.backtests.engine.arrays import Flags, Market
from trading_assets.backtests.engine.dtypes import EXIT, HOLD, LONG
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.portfolio_state import Derived, Records, State, record
from trading_assets.backtests.engine.position_accounting import Fill, book_closing
from trading_assets.backtests.engine.reason_codes import (
    CLOSING,
    DATA_MISSING,
    DELISTED,
    DRAWDOWN_HALT,
    EQUITY,
    FROZEN,
    HARD_STOP,
    MAX_HOLD,
    NOTIONAL,
    QUANTITY,
    RULE,
    STOP_PRICE,
    STOP_RAISED,
)
from trading_assets.backtests.engine.settings import Settings
from trading_assets.backtests.engine.transaction_costs import fee_rate

#: A split moves the last bits of a stop; that raises none.
_ROUNDING = 1e-12


@inlined
def book_delistings(t: int, market: Market, run_parameters: Any, state: State, records: Records) -> None:
    """Close what is delisted on this session at its recorded value, else at its mark: a fee, no slippage.

    The mark is the last received close, flagged or not, but for a gain that no later bar has confirmed.
    """
    account = state.account[0]
    place = 0
    while place < account["held"]:
        p = state.held[place]
        position = state.positions[p]
        i = position["symbol"]
        if market.delisted[i] == t:
            decision, value = record_exit(t, p, DELISTED, state, records), _final_value(i, position, market)
            whole = abs(position["quantity"])
            fill = Fill(whole, whole, value, value, 0.0, 0.0, fee_rate(market.fee_bps[i], run_parameters))
            book_closing(t, place, fill, decision, DELISTED, state, records)
            state.orders[p]["weight"] = 0.0  # a waiting change of weight ends with the position
        else:
            place += 1


@compiled
def _final_value(i: int, position: Any, market: Market) -> float:
    """What a unit of a delisted position is worth."""
    value = position["mark"]
    if not math.isnan(market.delisting_value[i]):
        value = market.delisting_value[i]
    elif not math.isnan(market.delisting_return[i]):
        value *= 1.0 + market.delisting_return[i]
    if position["side"] == LONG:
        value *= 1.0 - market.ending_loss[i]
    return max(value, 0.0)  # type: ignore[no-any-return]


@compiled
def note_frozen(t: int, p: int, state: State, records: Records) -> None:
    """Write down that the position of slot `p` keeps its last mark: no bar for long, and no record why."""
    account, position = state.account[0], state.positions[p]
    i, pair_index, label = position["symbol"], position["pair_index"], position["trigger"]
    index = record(t, 1, i, pair_index, HOLD, FROZEN, label, account, records.decisions)
    if index >= 0:
        numbers = records.decisions[index]["numbers"]
        numbers[QUANTITY] = abs(position["quantity"])
        numbers[NOTIONAL] = abs(position["quantity"]) * position["mark"]


@inlined
def decide_exits(
    t: int,
    leaving: int,
    market: Market,
    exits: Flags,
    derived: Derived,
    run_parameters: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> None:
    """Raise stops and give exit orders for the next open. A pending exit keeps its reason, unless it is a closing's.

    `leaving` is why all positions are left, -1 if they are not. A closing waits for a good price: missing data, a halt
    and a stop go before it, at its first close and at each later one.
    """
    for place in range(state.account[0]["held"]):
        p = state.held[place]
        position = state.positions[p]
        i = position["symbol"]
        if market.expected[t, i] and market.present[t, i]:
            _raise_stop(t, p, i, exits, run_parameters, state, records)
        elif market.expected[t, i] and derived.missing[t, i] == settings.delisting_sessions:
            note_frozen(t, p, state, records)
        if position["exit_reason"] >= 0 and position["exit_reason"] != CLOSING:
            continue
        reason = -1
        if derived.missing[t, i] >= settings.missing_sessions_exit:
            reason = DATA_MISSING
        elif leaving == DRAWDOWN_HALT:
            reason = leaving
        elif market.expected[t, i] and market.present[t, i]:
            reason = _own_reason(t, p, i, market, exits, run_parameters, state)
        if leaving == CLOSING and reason != DATA_MISSING and reason != HARD_STOP:
            reason = leaving
        if reason >= 0 and reason != position["exit_reason"]:
            position["exit_reason"] = reason
            position["exit_decided"] = t
            position["exit_wait"] = run_parameters["delay"]
            position["exit_decision"] = record_exit(t, p, reason, state, records)


@inlined
def _raise_stop(t: int, p: int, i: int, exits: Flags, run_parameters: Any, state: State, records: Records) -> None:
    """Move a stop closer to the price: up, or down for a short position; never away from it."""
    if run_parameters["raise_signal"] >= 0 and exits[run_parameters["raise_signal"], t, i]:
        position = state.positions[p]
        sign = 1.0 if position["side"] == LONG else -1.0
        away = sign * run_parameters["raised_stop_atr"] * position["atr"]
        raised = position["entry_price"] - position["dividends"] - away
        if sign * (raised - position["stop"]) > abs(position["stop"]) * _ROUNDING:
            label = position["trigger"]
            index = record(
                t, 1, i, position["pair_index"], HOLD, STOP_RAISED, label, state.account[0], records.decisions
            )
            if index >= 0:
                records.decisions[index]["numbers"][STOP_PRICE] = raised
        position["stop"] = max(position["stop"], raised) if sign > 0.0 else min(position["stop"], raised)


@inlined
def _own_reason(t: int, p: int, i: int, market: Market, exits: Flags, run_parameters: Any, state: State) -> int:
    position, close = state.positions[p], market.close[t, i]
    if close < position["stop"] if position["side"] == LONG else close > position["stop"]:
        return HARD_STOP
    if run_parameters["exit_signal"] >= 0 and exits[run_parameters["exit_signal"], t, i]:
        return RULE
    if run_parameters["max_hold"] > 0 and position["hold_sessions"] >= run_parameters["max_hold"]:
        return MAX_HOLD
    return -1


@compiled
def record_exit(t: int, p: int, reason: int, state: State, records: Records) -> int:
    """Write down the decision to leave the position in slot `p`; its index, -1 in a sweep."""
    account, position = state.account[0], state.positions[p]
    i, pair_index, label = position["symbol"], position["pair_index"], position["trigger"]
    index = record(t, 1, i, pair_index, EXIT, reason, label, account, records.decisions)
    if index >= 0:
        numbers = records.decisions[index]["numbers"]
        numbers[QUANTITY] = abs(position["quantity"])
        numbers[NOTIONAL] = abs(position["quantity"]) * position["mark"]
        numbers[EQUITY] = account["equity"]
        numbers[STOP_PRICE] = position["stop"]
        records.decisions[index]["order"] = index
    return index
