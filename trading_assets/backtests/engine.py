"""The engine: one run with every record, or many runs with their equity.

Both call the same compiled kernel. It releases the interpreter lock, so a sweep is a pool of threads over
trials; each trial writes its own row, which makes the result the same for any number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import islice

import numpy as np

from trading_assets.backtests.kernel import derive, run
from trading_assets.backtests.layout import Table
from trading_assets.backtests.market import Flags, Floats, Integers, Market, Signals
from trading_assets.backtests.settings import Settings
from trading_assets.backtests.state import Derived, new_records, new_state

#: Runs that a thread is given at a time.
_BATCH = 16


@dataclass(frozen=True)
class Simulation:
    """One run. Arrays have a value a session, from `first_session` (a row of the market) on.

    `trades`, `decisions` and `fills` are structured (`layout.TRADE`, `DECISION`, `FILL`), in the order of the
    events; `held` and `queue` are the slots of open positions and waiting orders at the end, whose rows are in
    `positions_at_end` and `orders_at_end`. `unhealthy_at_end` is (symbols,): entries are barred, the last session is
    missing, or the symbol is delisted.
    """

    first_session: int
    equity: Floats
    cash: Floats
    gross_exposure: Floats
    positions: Integers
    trades: Table
    decisions: Table
    fills: Table
    held: Integers
    positions_at_end: Table
    queue: Integers
    orders_at_end: Table
    unhealthy_at_end: Flags


@dataclass(frozen=True)
class Sweep:
    """Many runs: `equity` is (trials, sessions), the rest (trials,).

    `gross_loss` is positive; `turnover` is the sum of fill notionals in quote currency; `exposed` counts
    sessions that ended with a position.
    """

    equity: Floats
    trades: Integers
    sum_r: Floats
    gross_profit: Floats
    gross_loss: Floats
    turnover: Floats
    exposed: Integers


def simulate(market: Market, signals: Signals, trial: Table, settings: Settings) -> Simulation:
    """Run one trial (an array of one `TRIAL`) and keep every record.

    Raises
    ------
    ValueError
        The trial's span is not within the market's sessions.
    """
    first, last = _span(market, trial)
    rows = signals.candidates.first
    candidates, sessions = max(1, int(rows[last + 1] - rows[first])), last + 1 - first
    state = new_state(market.close.shape[1], sessions, settings.max_positions, settings)
    # A candidate leads to one decision at its close, at most one at its open or one that raises its stop, and at most
    # three of its exit (decided, overridden by a delisting, stopped out in a crash). Only the slices of a liquidation
    # are more fills than two.
    records = new_records(candidates, 5 * candidates, 2 * candidates + settings.max_positions * sessions, sessions)
    equity = np.empty(last + 1 - first)
    derived = _derived(market, settings)
    with np.errstate(over="ignore"):  # the draw's integers wrap; compiled code does not ask
        run(market, signals, derived, trial, settings, state, records, equity)
    account = state.account[0]
    delisted = (market.delisted >= 0) & (market.delisted <= last)
    held, queue = state.held[: account["held"]], state.queue[: account["queued"]]
    return Simulation(
        first_session=first,
        equity=equity,
        cash=records.cash,
        gross_exposure=records.gross_exposure,
        positions=records.positions,
        trades=records.trades[: account["trades"]].copy(),
        decisions=records.decisions[: account["decisions"]].copy(),
        fills=records.fills[: account["fills"]].copy(),
        held=held,
        positions_at_end=state.positions[held],
        queue=queue,
        orders_at_end=state.orders[queue],
        unhealthy_at_end=derived.unhealthy[last] | (derived.missing[last] > 0) | delisted,
    )


def sweep(market: Market, signals: Signals, trials: Table, settings: Settings, threads: int | None = None) -> Sweep:
    """Run every trial of `trials` on one market with one set of signals; their spans are of one length.

    Parameters
    ----------
    threads
        Default: one a processor. The result does not depend on it.
    """
    return sweep_runs(((market, signals, trials[p : p + 1]) for p in range(trials.size)), settings, threads)


def sweep_runs(runs: Iterable[tuple[Market, Signals, Table]], settings: Settings, threads: int | None = None) -> Sweep:
    """As `sweep`, each run with a market, signals and trial of its own; `runs` is read a few at a time."""
    workers = threads or os.cpu_count() or 1
    curves, accounts = [], []
    with ThreadPoolExecutor(workers) as pool:
        prepared = _with_derived(runs, settings)
        while batch := list(islice(prepared, _BATCH * workers)):
            for curve, account in pool.map(lambda one: _equity_only(*one, settings), batch):
                curves.append(curve)
                accounts.append(account)
    if not curves:
        raise ValueError("a sweep needs at least one trial")
    if len({curve.size for curve in curves}) > 1:
        raise ValueError("the spans of a sweep must have the same number of sessions")
    account = np.concatenate(accounts)
    return Sweep(
        np.stack(curves), **{item.name: account[item.name].copy() for item in fields(Sweep) if item.name != "equity"}
    )


def _with_derived(
    runs: Iterable[tuple[Market, Signals, Table]], settings: Settings
) -> Iterator[tuple[Market, Signals, Derived, Table]]:
    """What is derived of a market is made once for neighbours that share it."""
    last: tuple[Market, Derived] | None = None
    for market, signals, trial in runs:
        if last is None or last[0] is not market:
            last = market, _derived(market, settings)
        yield market, signals, last[1], trial


def _equity_only(
    market: Market, signals: Signals, derived: Derived, trial: Table, settings: Settings
) -> tuple[Floats, Table]:
    first, last = _span(market, trial)
    state = new_state(market.close.shape[1], last + 1 - first, settings.max_positions, settings)
    equity = np.empty(last + 1 - first)
    with np.errstate(over="ignore"):
        run(market, signals, derived, trial, settings, state, new_records(0, 0, 0, 0), equity)
    return equity, state.account


def _derived(market: Market, settings: Settings) -> Derived:
    return derive(
        market.expected,
        market.present,
        market.returns,
        settings.missing_sessions_exit,
        settings.health_clean_sessions,
    )


def _span(market: Market, trial: Table) -> tuple[int, int]:
    first, last = int(trial["first_session"][0]), int(trial["last_session"][0])
    if not 0 <= first <= last < market.close.shape[0]:
        raise ValueError(f"trial over sessions {first} to {last}: the market has 0 to {market.close.shape[0] - 1}")
    return first, last
