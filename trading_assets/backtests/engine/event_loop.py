"""One run: the order of events of a session (trading rules, sections 1 to 5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from trading_assets.backtests.engine.arrays import Flags, Floats, Integers, Market, Signals, Targets
from trading_assets.backtests.engine.borrowing import accrue_borrow
from trading_assets.backtests.engine.dtypes import SHORT
from trading_assets.backtests.engine.entry_orders import decide_entries
from trading_assets.backtests.engine.exit_orders import book_delistings, decide_exits
from trading_assets.backtests.engine.jit import allocating, cached, cached_loop, inlined
from trading_assets.backtests.engine.marking import (
    confirmed_value_of_positions,
    gross_of_positions,
    mark_positions,
    settle_doubts,
    value_of_positions,
)
from trading_assets.backtests.engine.order_fills import (
    apply_corporate_actions,
    cancel_orders,
    fill_entries,
    fill_exits,
    stop_out_in_crash,
)
from trading_assets.backtests.engine.portfolio_state import Derived, Records, State
from trading_assets.backtests.engine.rebalance_fills import fill_targets
from trading_assets.backtests.engine.rebalance_orders import decide_targets, force_exits
from trading_assets.backtests.engine.risk_limits import (
    breaker_fires,
    entry_block_reason_of,
    observe_return,
    reason_to_leave,
    risk_multiplier,
)
from trading_assets.backtests.engine.settings import STAND_IN_BETA, Settings


@inlined
def _close_books(session: int, state: State, records: Records, equity: Floats, settled: Floats) -> bool:
    """Equity at this close and its return; whether anything was held."""
    account = state.account[0]
    gross = gross_of_positions(state)
    before, confirmed_before = account["equity"], account["confirmed"]
    account["equity"] = account["cash"] + value_of_positions(state)
    account["confirmed"] = account["equity"]
    if account["doubts"] > 0:
        account["confirmed"] = account["cash"] + confirmed_value_of_positions(state)
    account["confirmed_return"] = account["confirmed"] / confirmed_before - 1.0 if confirmed_before > 0.0 else 0.0
    equity[session] = account["equity"]
    settled[session] = account["equity"]
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
    settled: Floats,
) -> None:
    """Run `parameter_rows[0]`; fills `equity` and `settled` (a value a session of the span) and `records`.

    `settled` is the equity with the marks made again that a later bar of the span refuted. A state that has closed
    sessions of the span goes on after them.
    """
    run_parameters = parameter_rows[0]
    first = run_parameters["first_session"]
    account = state.account[0]
    for t in range(max(first, account["closed"] + 1), run_parameters["last_session"] + 1):
        settle_doubts(t, t - first, market, state, settled, records)
        if run_parameters["side"] == SHORT:
            accrue_borrow(t, market, run_parameters, state)
        apply_corporate_actions(t, market, state)
        fill_exits(t, market, run_parameters, settings, state, records)
        fill_entries(t, market, run_parameters, settings, state, records)
        stop_out_in_crash(t, market, run_parameters, settings, state, records)
        mark_positions(t, market, state)
        book_delistings(t, market, run_parameters, state, records)
        exposed = _close_books(t - first, state, records, equity, settled)
        leaving = reason_to_leave(t, breaker_fires(t, settings, state), run_parameters)
        if leaving >= 0:
            cancel_orders(t, leaving, state, records)
        decide_exits(t, leaving, market, signals.exits, derived, run_parameters, settings, state, records)
        scaling = observe_return(t - first, exposed, run_parameters, settings, state)
        entry_block_reason = entry_block_reason_of(t, run_parameters, settings, state)
        multiplier = risk_multiplier(scaling, settings, state)
        candidates = signals.candidates
        decide_entries(
            t, entry_block_reason, multiplier, market, candidates, derived, run_parameters, settings, state, records
        )
        account["closed"] = t


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
    settled: Floats,
) -> None:
    """As `run`, of a target-weight strategy."""
    run_parameters = parameter_rows[0]
    first = run_parameters["first_session"]
    account = state.account[0]
    for t in range(max(first, account["closed"] + 1), run_parameters["last_session"] + 1):
        settle_doubts(t, t - first, market, state, settled, records)
        accrue_borrow(t, market, run_parameters, state)
        apply_corporate_actions(t, market, state)
        fill_targets(t, market, targets, run_parameters, settings, state, records)
        mark_positions(t, market, state)
        book_delistings(t, market, run_parameters, state, records)
        exposed = _close_books(t - first, state, records, equity, settled)
        leaving = reason_to_leave(t, breaker_fires(t, settings, state), run_parameters)
        force_exits(t, leaving, market, targets, derived, run_parameters, settings, state, records)
        scaling = observe_return(t - first, exposed, run_parameters, settings, state)
        entry_block_reason = entry_block_reason_of(t, run_parameters, settings, state)
        multiplier = risk_multiplier(scaling, settings, state)
        decide_targets(
            t, entry_block_reason, multiplier, market, targets, derived, run_parameters, settings, state, records
        )
        account["closed"] = t


#: Sessions that are turned from rows into columns at a time: as many lines of memory stay in the processor's cache,
#: and a page of memory that is written is looked up once for all of them.
_BLOCK = 64


@cached
def derive(
    expected: Flags,
    present: Flags,
    returns: Floats,
    benchmark_returns: Floats,
    benchmark: Integers,
    delisted: Integers,
    missing_exit: int,
    clean_sessions: int,
) -> Derived:
    """Health of every symbol at every close (sessions off its calendar change nothing), and its returns in a row.

    A session on which one listed symbol trades and another rests is no scenario: the zeros of those that rest would
    make the worst days of a year rarer than they are. What the other one earned is part of the next scenario.

    A symbol is unhealthy from its `missing_exit`-th consecutive missing session until `clean_sessions`
    present ones in a row have come since.
    """
    sessions, symbols = expected.shape
    missing = np.empty((sessions, symbols), np.int32)
    unhealthy = np.empty((sessions, symbols), np.bool_)
    gap = np.zeros(symbols, np.int32)
    clean = np.full(symbols, clean_sessions, np.int32)
    listed = np.full(symbols, sessions)  # first session
    is_scenario = np.ones(sessions, np.bool_)
    for t in range(sessions):
        for i in range(symbols):
            if expected[t, i]:
                listed[i] = min(listed[i], t)
                if present[t, i]:
                    gap[i] = 0
                    clean[i] += 1
                else:
                    gap[i] += 1
                    # a single hole in a healthy record does not bar the symbol; one in a recovery starts it anew
                    if gap[i] >= missing_exit or clean[i] < clean_sessions:
                        clean[i] = 0
            elif listed[i] < t and not 0 <= delisted[i] < t:
                is_scenario[t] = False
            missing[t, i] = gap[i]
            unhealthy[t, i] = clean[i] < clean_sessions
    in_a_row = np.empty((symbols, sessions))
    for start in range(0, sessions, _BLOCK):
        for i in range(symbols):
            for t in range(start, min(start + _BLOCK, sessions)):
                in_a_row[i, t] = returns[t, i]
    known = np.ones((symbols, sessions), np.bool_)
    for i in range(symbols):
        for t in range(sessions):
            if np.isnan(in_a_row[i, t]):
                known[i, t] = False
                in_a_row[i, t] = 0.0
                if benchmark[i] >= 0 and (expected[t, i] or t < listed[i]):
                    in_a_row[i, t] = STAND_IN_BETA * benchmark_returns[benchmark[i], t]
    scenario_returns = in_a_row
    if not is_scenario.all():
        scenario_returns = _compound(in_a_row, is_scenario)
    return Derived(missing, unhealthy, in_a_row, known, scenario_returns, np.cumsum(is_scenario))


@allocating
def _compound(returns: Floats, is_scenario: Flags) -> Floats:
    """(symbols, scenarios): what a position made from each scenario's session to the next, of (symbols, sessions)."""
    compounded = np.empty((returns.shape[0], is_scenario.sum()))
    for i in range(returns.shape[0]):
        scenario, made = 0, 0.0
        for t in range(is_scenario.size):
            made += (1.0 + made) * returns[i, t]  # a single return stays what it is, to the bit
            if is_scenario[t]:
                compounded[i, scenario] = made
                scenario, made = scenario + 1, 0.0
    return compounded
