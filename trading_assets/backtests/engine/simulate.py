"""The engine: one run with every record, or many runs with their equity.

Both call the same compiled kernel. It releases the interpreter lock, so a sweep is a pool of threads over
runs; each run writes its own row, which makes the result the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import islice

import numpy as np

from trading_assets.backtests.engine.arrays import Floats, Integers, Market, Signals, Targets
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.engine.portfolio_state import Derived, new_records
from trading_assets.backtests.engine.resumable_run import Run, Simulation, derived_of, execute, span_of, state_of
from trading_assets.backtests.engine.settings import Settings
from trading_assets.parallel.processors import processors

__all__ = ["Simulation", "Sweep", "simulate", "sweep", "sweep_runs"]

#: Runs that a thread is given at a time.
_BATCH = 16


@dataclass(frozen=True)
class Sweep:
    """Many runs: `equity`, `settled_equity`, `net_exposure`, `long_exposure` are (runs, sessions), the rest (runs,).

    `net_exposure` is the value of the positions at the close, short ones negative, as a fraction of equity;
    `long_exposure` of the long ones: the rest of the equity is cash without the proceeds of short sales.
    `gross_loss` is positive; `turnover` is the sum of fill notionals in quote currency; `exposed` counts
    sessions that ended with a position.
    """

    equity: Floats
    settled_equity: Floats
    net_exposure: Floats
    long_exposure: Floats
    trades: Integers
    sum_r: Floats
    gross_profit: Floats
    gross_loss: Floats
    turnover: Floats
    exposed: Integers


def simulate(market: Market, signals: Signals | Targets, run_parameters: RecordArray, settings: Settings) -> Simulation:
    """Run one set of parameters and keep every record.

    Parameters
    ----------
    market
        Arrays (sessions, symbols) of bars, costs and memberships.
    signals
        Candidates and exits of an order-based strategy, or target weights.
    run_parameters
        An array of one `RUN_PARAMETERS`: first and last session, costs, thresholds.
    settings
        Limits and costs that the run is under.

    Raises
    ------
    ValueError
        The span of the run parameters is not within the market's sessions.
    """
    whole = Run(market, signals, run_parameters, settings)
    whole.advance(whole.last)
    return whole.simulation()


def sweep(
    market: Market,
    signals: Signals | Targets,
    parameter_rows: RecordArray,
    settings: Settings,
    threads: int | None = None,
) -> Sweep:
    """Run every row of `parameter_rows` on one market with one set of signals; their spans are of one length.

    Parameters
    ----------
    market, signals
        As `simulate` takes them.
    parameter_rows
        (runs,) of `RUN_PARAMETERS`.
    settings
        Limits and costs that all runs are under.
    threads
        Default: one a processor. The result does not depend on it.
    """
    return sweep_runs(
        ((market, signals, parameter_rows[p : p + 1]) for p in range(parameter_rows.size)), settings, threads
    )


def sweep_runs(
    runs: Iterable[tuple[Market, Signals | Targets, RecordArray]], settings: Settings, threads: int | None = None
) -> Sweep:
    """Run each of `runs` as `sweep` does, with a market, signals and parameters of its own.

    Parameters
    ----------
    runs
        Market, signals and an array of one `RUN_PARAMETERS` of each; read a few at a time.
    settings
        Limits and costs that all runs are under.
    threads
        Default: one a processor. The result does not depend on it.

    Raises
    ------
    ValueError
        There is no run, or their spans have different numbers of sessions.
    """
    workers = threads or processors()
    found: list[tuple[Floats, Floats, Floats, Floats, RecordArray]] = []
    with ThreadPoolExecutor(workers) as pool:
        derived = _with_derived(runs, settings)
        while batch := list(islice(derived, _BATCH * workers)):
            found += pool.map(lambda one: _equity_only(one, settings), batch)
    if not found:
        raise ValueError("a sweep needs at least one run")
    *curves, accounts = zip(*found, strict=True)
    if len({curve.size for curve in curves[0]}) > 1:
        raise ValueError("the spans of a sweep must have the same number of sessions")
    account = np.concatenate(accounts)
    of_sessions = ("equity", "settled_equity", "net_exposure", "long_exposure")
    counters = {item.name: account[item.name].copy() for item in fields(Sweep) if item.name not in of_sessions}
    return Sweep(*(np.stack(rows) for rows in curves), **counters)


def _with_derived(
    runs: Iterable[tuple[Market, Signals | Targets, RecordArray]], settings: Settings
) -> Iterator[tuple[Market, Signals | Targets, Derived, RecordArray]]:
    """What is derived of a market is made once for neighbours that share it."""
    last: tuple[Market, Derived] | None = None
    for market, signals, run_parameters in runs:
        if last is None or last[0] is not market:
            last = market, derived_of(market, settings)
        yield market, signals, last[1], run_parameters


def _equity_only(
    one: tuple[Market, Signals | Targets, Derived, RecordArray], settings: Settings
) -> tuple[Floats, Floats, Floats, Floats, RecordArray]:
    market, signals, derived, run_parameters = one
    first, last = span_of(market, run_parameters)
    state = state_of(market, signals, last + 1 - first, settings)
    equity, settled = np.empty((2, last + 1 - first))
    records = new_records(0, 0, 0, last + 1 - first)
    execute(market, signals, derived, run_parameters, settings, state, records, equity, settled)
    net = np.divide(equity - records.cash, equity, out=np.zeros_like(equity), where=equity > 0)
    return equity, settled, net, 0.5 * (records.gross_exposure + net), state.account
