"""Decisions about open positions at the close: one reason a position a session, by priority."""

from __future__ import annotations

import math
from typing import Any

from trading_assets.backtests.compiled import inlined
from trading_assets.backtests.fills import HARD_STOP, close_position
from trading_assets.backtests.market import EXIT_REASONS, Flags, Market
from trading_assets.backtests.settings import Settings
from trading_assets.backtests.state import EXIT, Health, Records, State, record

DELISTED = EXIT_REASONS.index("delisted")
DATA_MISSING = EXIT_REASONS.index("data_missing")
DRAWDOWN_HALT = EXIT_REASONS.index("drawdown_halt")
RULE = EXIT_REASONS.index("rule")
MAX_HOLD = EXIT_REASONS.index("max_hold")


@inlined
def mark_positions(t: int, market: Market, state: State) -> None:
    """Mark at the close; a position whose session is missing keeps its last mark."""
    for place in range(state.account[0]["held"]):
        i = state.held[place]
        if market.present[t, i]:
            state.positions[i]["mark"] = market.close[t, i]
            state.positions[i]["hold_sessions"] += 1


@inlined
def value_of_positions(state: State) -> float:
    """Quantity x mark over the positions, in symbol order."""
    total = 0.0
    for place in range(state.account[0]["held"]):
        position = state.positions[state.held[place]]
        total += position["quantity"] * position["mark"]
    return total


@inlined
def book_delistings(
    t: int, market: Market, health: Health, trial: Any, settings: Settings, state: State, records: Records
) -> None:
    """Close what was delisted at its mark: a fee, no slippage."""
    account = state.account[0]
    place = 0
    while place < account["held"]:
        i = state.held[place]
        if market.delisted[i] == t or health.missing[t, i] >= settings.delisting_sessions:
            _record_exit(t, i, DELISTED, state, records)
            close_position(t, place, state.positions[i]["mark"], 0.0, DELISTED, market, trial, state, records)
        else:
            place += 1


@inlined
def decide_exits(
    t: int,
    liquidate: bool,
    market: Market,
    exits: Flags,
    health: Health,
    trial: Any,
    settings: Settings,
    state: State,
    records: Records,
) -> None:
    """Raise stops and give exit orders for the next open. A pending exit keeps its reason."""
    for place in range(state.account[0]["held"]):
        i = state.held[place]
        position = state.positions[i]
        if market.expected[t, i] and market.present[t, i]:
            _raise_stop(t, i, exits, trial, state)
        if position["exit_reason"] >= 0:
            continue
        reason = -1
        if health.missing[t, i] >= settings.missing_sessions_exit:
            reason = DATA_MISSING
        elif liquidate:
            reason = DRAWDOWN_HALT
        elif market.expected[t, i] and market.present[t, i]:
            reason = _own_reason(t, i, market, exits, trial, state)
        if reason >= 0:
            position["exit_reason"] = reason
            position["exit_decided"] = t
            position["exit_wait"] = trial["delay"]
            _record_exit(t, i, reason, state, records)


@inlined
def _raise_stop(t: int, i: int, exits: Flags, trial: Any, state: State) -> None:
    if trial["raise_signal"] >= 0 and exits[trial["raise_signal"], t, i]:
        position = state.positions[i]
        raised = position["entry_price"] - trial["raised_stop_atr"] * position["atr"]
        position["stop"] = max(position["stop"], raised)


@inlined
def _own_reason(t: int, i: int, market: Market, exits: Flags, trial: Any, state: State) -> int:
    position = state.positions[i]
    if market.close[t, i] < position["stop"]:
        return HARD_STOP
    if trial["exit_signal"] >= 0 and exits[trial["exit_signal"], t, i]:
        return RULE
    if trial["max_hold"] > 0 and position["hold_sessions"] >= trial["max_hold"]:
        return MAX_HOLD
    return -1


@inlined
def _record_exit(t: int, i: int, reason: int, state: State, records: Records) -> None:
    position = state.positions[i]
    numbers = (math.nan, position["quantity"], position["quantity"] * position["mark"], math.nan)
    record(t, 1, i, EXIT, reason, position["trigger"], numbers, state.account, records.decisions)
