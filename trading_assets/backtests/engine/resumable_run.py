"""A run in progress: it stops at any close, and goes on from there at once or from what was saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from trading_assets.backtests.engine.arrays import Flags, Floats, Integers, Market, Signals, Targets
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.engine.event_loop import derive, run, run_targets
from trading_assets.backtests.engine.portfolio_state import Derived, Records, State, new_records, new_state
from trading_assets.backtests.engine.settings import Settings


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


class SavedRun(NamedTuple):
    """A run as it stood at a close: what it needs to go on from there, and all that it had on record by then.

    Sessions, symbols and slots are numbered as in the market and the signals that it ran on.
    """

    account: RecordArray  # (1,)
    positions: RecordArray  # (slots,), as `orders`, `busy`, `ordered` and `spread`
    orders: RecordArray
    busy: Flags
    ordered: Flags
    spread: RecordArray
    held: Integers
    queue: Integers
    volatilities: Floats
    sorted_volatilities: Floats
    returns: Floats  # (sessions so far,), as the following
    equity: Floats
    settled_equity: Floats
    cash: Floats
    gross_exposure: Floats
    positions_held: Integers
    unexplained_moves: Integers
    trades: RecordArray
    decisions: RecordArray
    fills: RecordArray


class Run:
    """One run with every record, which stops at any close and goes on from there, at once or from what was saved.

    Wherever it stopped, it has the bytes of a run in one go.

    Parameters
    ----------
    market, signals, run_parameters, settings
        As `simulate` takes them.
    saved
        Run of the same span, on the same market up to then, that this one goes on from; None: it begins.

    Attributes
    ----------
    first, last
        Rows of the market that the run parameters span.
    """

    def __init__(
        self,
        market: Market,
        signals: Signals | Targets,
        run_parameters: RecordArray,
        settings: Settings,
        saved: SavedRun | None = None,
    ) -> None:
        self.first, self.last = span_of(market, run_parameters)
        self._market, self._signals, self._settings = market, signals, settings
        self._run_parameters, self._derived = run_parameters.copy(), derived_of(market, settings)
        sessions = self.last + 1 - self.first
        self._state = state_of(market, signals, sessions, settings)
        self._equity, self._settled = np.empty((2, sessions))
        if saved is None:
            self._records = records_for(signals, self.first, self.last, settings)
        else:
            self._records = records_for(signals, int(saved.account["closed"][0]) + 1, self.last, settings, saved)
            self._restore(saved)

    def advance(self, last: int) -> None:
        """Run up to the close of row `last` of the market."""
        self._run_parameters["last_session"] = last
        execute(
            self._market,
            self._signals,
            self._derived,
            self._run_parameters,
            self._settings,
            self._state,
            self._records,
            self._equity,
            self._settled,
        )

    def simulation(self) -> Simulation:
        """Return the run up to its last close."""
        account, state, records = self._state.account[0], self._state, self._records
        last, closed, settings = int(account["closed"]), self._closed, self._settings
        delisted = (self._market.delisted >= 0) & (self._market.delisted <= last)
        held, queue = state.held[: account["held"]].copy(), state.queue[: account["queued"]].copy()
        missing = self._derived.missing[last]
        return Simulation(
            first_session=self.first,
            equity=self._equity[:closed],
            settled_equity=self._settled[:closed],
            cash=records.cash[:closed],
            gross_exposure=records.gross_exposure[:closed],
            positions=records.positions[:closed],
            unexplained_moves=records.unexplained_moves[:closed],
            trades=records.trades[: account["trades"]],
            decisions=records.decisions[: account["decisions"]],
            fills=records.fills[: account["fills"]],
            held=held,
            positions_at_end=state.positions[held],
            queue=queue,
            orders_at_end=state.orders[queue],
            unhealthy_at_end=self._derived.unhealthy[last] | (missing > 0) | delisted,
            frozen_at_end=missing >= settings.delisting_sessions,
        )

    def save(self) -> SavedRun:
        """Return a copy of what the run needs to go on after its last close."""
        state, found, account = self._state, self.simulation(), self._state.account[0]
        copied: dict[str, Any] = {name: getattr(state, name).copy() for name in _STATE}
        copied |= {"held": state.held[: account["held"]].copy(), "queue": state.queue[: account["queued"]].copy()}
        copied |= {name: getattr(found, name).copy() for name in _RECORDS}
        returns = state.returns[: self._closed].copy()
        return SavedRun(**copied, positions_held=found.positions.copy(), returns=returns)

    @property
    def is_halted(self) -> bool:
        """Whether the drawdown breaker, or a total loss, has stopped entries at the last close."""
        account = self._state.account[0]
        return bool(account["halted"] >= 0 or account["ruined"])

    @property
    def _closed(self) -> int:
        """Sessions whose books are closed."""
        return int(self._state.account["closed"][0]) + 1 - self.first

    def _restore(self, saved: SavedRun) -> None:
        state, records = self._state, self._records
        for name in _STATE:
            getattr(state, name)[:] = getattr(saved, name)
        before = saved.equity.size
        for whole, part in (
            (state.held, saved.held),
            (state.queue, saved.queue),
            (state.returns, saved.returns),
            (self._equity, saved.equity),
            (self._settled, saved.settled_equity),
            (records.cash, saved.cash),
            (records.gross_exposure, saved.gross_exposure),
            (records.positions, saved.positions_held),
            (records.unexplained_moves, saved.unexplained_moves),
            (records.trades, saved.trades),
            (records.decisions, saved.decisions),
            (records.fills, saved.fills),
        ):
            whole[: part.size] = part
        if before != self._closed:
            raise ValueError(f"a saved run of {before} sessions that begins at row {self.first} ends elsewhere")


#: Arrays of the state that outlive a session, and of the records.
_STATE = ("account", "positions", "orders", "busy", "ordered", "spread", "volatilities", "sorted_volatilities")
_RECORDS = (
    "equity",
    "settled_equity",
    "cash",
    "gross_exposure",
    "unexplained_moves",
    "trades",
    "decisions",
    "fills",
)


def execute(
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
    """Run the compiled loop of the kind that the signals are.

    Parameters
    ----------
    market, signals, derived, run_parameters, settings
        What is run: `derived` is that of the market.
    state, records, equity, settled
        What is filled, see `event_loop.run`.
    """
    with np.errstate(over="ignore"):  # the draw's integers wrap; compiled code does not ask
        if isinstance(signals, Targets):
            run_targets(market, signals, derived, run_parameters, settings, state, records, equity, settled)
        else:
            run(market, signals, derived, run_parameters, settings, state, records, equity, settled)


def state_of(market: Market, signals: Signals | Targets, sessions: int, settings: Settings) -> State:
    """Return a state with a slot for every symbol, or for every leg; target weights may fill them all.

    Parameters
    ----------
    market, signals, settings
        What is run.
    sessions
        Sessions of the run.
    """
    if isinstance(signals, Targets):
        slots = signals.symbol.size
        return new_state(slots, sessions, slots, market.sector, settings)
    return new_state(market.close.shape[1], sessions, settings.max_positions, market.sector, settings)


def records_for(
    signals: Signals | Targets, first: int, last: int, settings: Settings, saved: SavedRun | None = None
) -> Records:
    """Return room for all that the rows of a span can lead to; only the slices of a liquidation are more fills.

    Parameters
    ----------
    signals, settings
        What is run.
    first, last
        Rows of the market.
    saved
        Run that goes on: behind its records there is room for what the rows, and each slot as it stood, lead to.
    """
    if saved is not None:
        more, slots = records_for(signals, first, last, settings) if first <= last else None, saved.busy.size
        sizes = [0, 0, 0] if more is None else [more.trades.size, more.decisions.size, more.fills.size]
        had = (saved.trades.size, saved.decisions.size, saved.fills.size)
        trades, decisions, fills = (size + before + 8 * slots for size, before in zip(sizes, had, strict=True))
        return new_records(trades, decisions, fills, saved.equity.size + max(0, last + 1 - first))
    sessions = last + 1 - first
    rows = signals.first if isinstance(signals, Targets) else signals.candidates.first
    count = max(1, int(rows[last + 1] - rows[first]))
    freezes = sessions // settings.delisting_sessions + 1  # that a position can meet
    if isinstance(signals, Targets):
        if signals.of_regime.any():  # what is left of a change of regime is a row of each session that follows
            count += sessions * signals.symbol.size
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


def derived_of(market: Market, settings: Settings) -> Derived:
    """Return what the engine makes of a market once."""
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


def span_of(market: Market, run_parameters: RecordArray) -> tuple[int, int]:
    """Return the first and last row of the market that run parameters span.

    Raises
    ------
    ValueError
        They are not within the market's sessions.
    """
    first, last = int(run_parameters["first_session"][0]), int(run_parameters["last_session"][0])
    if not 0 <= first <= last < market.close.shape[0]:
        raise ValueError(f"run over sessions {first} to {last}: the market has 0 to {market.close.shape[0] - 1}")
    return first, last
