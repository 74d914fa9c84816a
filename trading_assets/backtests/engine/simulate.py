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

from trading_assets.backtests.engine.arrays import Flags, Floats, Integers, Market, Signals, Targets
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.engine.event_loop import derive, run, run_targets
from trading_assets.backtests.engine.portfolio_state import Derived, Records, State, new_records, new_state
from trading_assets.backtests.engine.settings import Settings
from trading_assets.parallel.processors import processors

#: Runs that a thread is given at a time.
_BATCH = 16


@dataclass(frozen=True)
class Simulation:
    """One run. Arrays have a value a session, from `first_session` (a row of the market) on.

    `trades`, `decisions` and `fills` are structured (`layout.TRADE`, `DECISION`, `FILL`), in the order of the
    events; `held` and `queue` are the slots of open positions and waiting orders at the end, whose rows are in
    `positions_at_end` and `orders_at_end`. `settled_equity` is the equity with the marks made again that a later bar of
    the run refuted; `unexplained_moves` counts positions that an extreme move without a corporate action met or was
    confirmed for. `unhealthy_at_end` is (symbols,): entries are barred, the last session is
    missing, or the symbol is delisted; `frozen_at_end` (symbols,): no bar for so long that a position is frozen.
    """

    first_session: int
    equity: Floats
    settled_equity: Floats
    cash: Floats
    gross_exposure: Floats
    positions: Integers
    unexplained_moves: Integers
    trades: RecordArray
    decisions: RecordArray
    fills: RecordArray
    held: Integers
    positions_at_end: RecordArray
    queue: Integers
    orders_at_end: RecordArray
    unhealthy_at_end: Flags
    frozen_at_end: Flags


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
    first, last = _span(market, run_parameters)
    state = _state(market, signals, last + 1 - first, settings)
    records = _records(signals, first, last, settings)
    equity, settled = np.empty((2, last + 1 - first))
    derived = _derived(market, settings)
    _run(market, signals, derived, run_parameters, settings, state, records, equity, settled)
    account = state.account[0]
    delisted = (market.delisted >= 0) & (market.delisted <= last)
    held, queue = state.held[: account["held"]], state.queue[: account["queued"]]
    return Simulation(
        first_session=first,
        equity=equity,
        settled_equity=settled,
        cash=records.cash,
        gross_exposure=records.gross_exposure,
        positions=records.positions,
        unexplained_moves=records.unexplained_moves,
        trades=records.trades[: account["trades"]],
        decisions=records.decisions[: account["decisions"]],
        fills=records.fills[: account["fills"]],
        held=held,
        positions_at_end=state.positions[held],
        queue=queue,
        orders_at_end=state.orders[queue],
        unhealthy_at_end=derived.unhealthy[last] | (derived.missing[last] > 0) | delisted,
        frozen_at_end=derived.missing[last] >= settings.delisting_sessions,
    )


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
            last = market, _derived(market, settings)
        yield market, signals, last[1], run_parameters


def _equity_only(
    one: tuple[Market, Signals | Targets, Derived, RecordArray], settings: Settings
) -> tuple[Floats, Floats, Floats, Floats, RecordArray]:
    market, signals, derived, run_parameters = one
    first, last = _span(market, run_parameters)
    state = _state(market, signals, last + 1 - first, settings)
    equity, settled = np.empty((2, last + 1 - first))
    records = new_records(0, 0, 0, last + 1 - first)
    _run(market, signals, derived, run_parameters, settings, state, records, equity, settled)
    net = np.divide(equity - records.cash, equity, out=np.zeros_like(equity), where=equity > 0)
    return equity, settled, net, 0.5 * (records.gross_exposure + net), state.account


def _run(
    market: Market,
    signals: Signals | Targets,
    derived: Derived,
    run_parameters: RecordArray,
    settings: Settings,
    state: State,
    records: Records,
    equity: Floats,
    settled: Floats,
) -> None:
    with np.errstate(over="ignore"):  # the draw's integers wrap; compiled code does not ask
        if isinstance(signals, Targets):
            run_targets(market, signals, derived, run_parameters, settings, state, records, equity, settled)
        else:
            run(market, signals, derived, run_parameters, settings, state, records, equity, settled)


def _state(market: Market, signals: Signals | Targets, sessions: int, settings: Settings) -> State:
    """A slot for every symbol, or for every leg; target weights may fill them all."""
    if isinstance(signals, Targets):
        slots = signals.symbol.size
        return new_state(slots, sessions, slots, market.sector, settings)
    return new_state(market.close.shape[1], sessions, settings.max_positions, market.sector, settings)


def _records(signals: Signals | Targets, first: int, last: int, settings: Settings) -> Records:
    """Room for all that the rows of the span can lead to; only the slices of a liquidation are more fills."""
    sessions = last + 1 - first
    rows = signals.first if isinstance(signals, Targets) else signals.candidates.first
    count = max(1, int(rows[last + 1] - rows[first]))
    freezes = sessions // settings.delisting_sessions + 1  # that a position can meet
    if isinstance(signals, Targets):
        # A row leads to two decisions at its close (a flip that may only close), two at its open, and four of its exit
        # (forced, delisted, and what is cancelled then), and to two fills.
        return new_records(
            count, 8 * count + freezes * signals.symbol.size, 2 * count + signals.symbol.size * sessions, sessions
        )
    # A candidate leads to one decision at its close, at most one at its open, and at most three of its exit (decided,
    # overridden by a delisting, stopped out in a crash).
    return new_records(
        count, 5 * count + freezes * settings.max_positions, 2 * count + settings.max_positions * sessions, sessions
    )


def _derived(market: Market, settings: Settings) -> Derived:
    return derive(
        market.expected,
        market.present,
        market.returns,
        market.benchmark_returns,
        market.benchmark,
        market.delisted,
        settings.missing_sessions_exit,
        settings.health_clean_sessions,
    )


def _span(market: Market, run_parameters: RecordArray) -> tuple[int, int]:
    first, last = int(run_parameters["first_session"][0]), int(run_parameters["last_session"][0])
    if not 0 <= first <= last < market.close.shape[0]:
        raise ValueError(f"run over sessions {first} to {last}: the market has 0 to {market.close.shape[0] - 1}")
    return first, last
