"""One run: the order of events of a session (trading rules, sections 1 to 5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from trading_assets.backtests.engine.arrays import Flags, Floats, Market, Signals, Targets
from trading_assets.backtests.engine.entry_orders import cancel_orders, decide_entries
from trading_assets.backtests.engine.exit_orders import (
    book_delistings,
    decide_exits,
    gross_of_positions,
    mark_positions,
    value_of_positions,
)
from trading_assets.backtests.engine.jit import cached, cached_loop, inlined
from trading_assets.backtests.engine.order_fills import (
    apply_corporate_actions,
    fill_entries,
    fill_exits,
    stop_out_in_crash,
)
from trading_assets.backtests.engine.portfolio_state import Derived, Records, State
from trading_assets.backtests.engine.rebalance_fills import accrue_borrow, fill_targets
from trading_assets.backtests.engine.rebalance_orders import decide_targets, force_exits
from trading_assets.backtests.engine.risk_limits import (
    breaker_fires,
    entry_block_reason_of,
    observe_return,
    risk_multiplier,
)
from trading_assets.backtests.engine.settings import Settings


@inlined
def _close_books(t: int, session: int, settings: Settings, state: State, records: Records, equity: Floats) -> bool:
    """Equity at this close and its return; whether anything was held."""
    account = state.account[0]
    gross = gross_of_positions(state)
    before = account["equity"]
    account["equity"] = account["cash"] + value_of_positions(state)
    equity[session] = account["equity"]
    state.returns[session] = account["equity"] / before - 1.0 if before > 0.0 else 0.0
    account["exposed"] += int(gross > 0.0)
    if records.cash.size > 0:
        records.cash[session] = account["cash"]
        records.gross_exposure[session] = gross / account["equity"] if account["equity"] > 0.0 else 0.0
        records.positions[session] = account["held"]
    return bool(gross > 0.0)


@cached_loop
def run(
    market: Market,
    signals: Signals,
    derived: Derived,
    parameter_rows: Any,
    settings: Settings,
    state: State,
    records: Records,
    equity: Floats,
) -> None:
    """Run `parameter_rows[0]`; fills `equity` (a value a session of the span) and `records`."""
    run_parameters = parameter_rows[0]
    first = run_parameters["first_session"]
    for t in range(first, run_parameters["last_session"] + 1):
        apply_corporate_actions(t, market, state)
        fill_exits(t, market, run_parameters, settings, state, records)
        fill_entries(t, market, run_parameters, settings, state, records)
        stop_out_in_crash(t, market, run_parameters, settings, state, records)
        mark_positions(t, market, state)
        book_delistings(t, market, derived, run_parameters, settings, state, records)
        exposed = _close_books(t, t - first, settings, state, records, equity)
        liquidate = breaker_fires(t, settings, state)
        if liquidate:
            cancel_orders(t, state, records)
        decide_exits(t, liquidate, market, signals.exits, derived, run_parameters, settings, state, records)
        scaling = observe_return(t - first, exposed, run_parameters, settings, state)
        entry_block_reason = entry_block_reason_of(t - first, settings, state)
        multiplier = risk_multiplier(scaling, settings, state)
        candidates = signals.candidates
        decide_entries(
            t, entry_block_reason, multiplier, market, candidates, derived, run_parameters, settings, state, records
        )


@cached_loop
def run_targets(
    market: Market,
    targets: Targets,
    derived: Derived,
    parameter_rows: Any,
    settings: Settings,
    state: State,
    records: Records,
    equity: Floats,
) -> None:
    """As `run`, of a target-weight strategy."""
    run_parameters = parameter_rows[0]
    first = run_parameters["first_session"]
    for t in range(first, run_parameters["last_session"] + 1):
        accrue_borrow(t, market, run_parameters, settings, state)
        apply_corporate_actions(t, market, state)
        fill_targets(t, market, targets, run_parameters, settings, state, records)
        mark_positions(t, market, state)
        book_delistings(t, market, derived, run_parameters, settings, state, records)
        exposed = _close_books(t, t - first, settings, state, records, equity)
        liquidate = breaker_fires(t, settings, state)
        force_exits(t, liquidate, market, targets, derived, run_parameters, settings, state, records)
        scaling = observe_return(t - first, exposed, run_parameters, settings, state)
        entry_block_reason = entry_block_reason_of(t - first, settings, state)
        multiplier = risk_multiplier(scaling, settings, state)
        decide_targets(
            t, entry_block_reason, multiplier, market, targets, derived, run_parameters, settings, state, records
        )


@cached
def derive(expected: Flags, present: Flags, returns: Floats, missing_exit: int, clean_sessions: int) -> Derived:
    """Health of every symbol at every close (sessions off its calendar change nothing), and its returns in a row.

    A symbol is unhealthy from its `missing_exit`-th consecutive missing session until `clean_sessions`
    present ones in a row have come since.
    """
    sessions, symbols = expected.shape
    missing = np.zeros((sessions, symbols), np.int32)
    unhealthy = np.zeros((sessions, symbols), np.bool_)
    gap = np.zeros(symbols, np.int32)
    clean = np.full(symbols, clean_sessions, np.int32)
    for t in range(sessions):
        for i in range(symbols):
            if expected[t, i]:
                if present[t, i]:
                    gap[i] = 0
                    clean[i] += 1
                else:
                    gap[i] += 1
                    # a single hole in a healthy record does not bar the symbol; one in a recovery starts it anew
                    if gap[i] >= missing_exit or clean[i] < clean_sessions:
                        clean[i] = 0
            missing[t, i] = gap[i]
            unhealthy[t, i] = clean[i] < clean_sessions
    return Derived(missing, unhealthy, np.ascontiguousarray(returns.T))
