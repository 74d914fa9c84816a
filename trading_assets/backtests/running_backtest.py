"""A backtest that goes on session by session, and is saved by names: the market may have grown meanwhile."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trading_assets.backtests.backtest import PreparedBacktest, span_rows
from trading_assets.backtests.engine.arrays import Integers, Targets
from trading_assets.backtests.engine.dtypes import ENTER, EXIT, OPENS, RecordArray
from trading_assets.backtests.engine.resumable_run import Run, SavedRun, Simulation
from trading_assets.backtests.inputs.axis_labels import AxisLabels
from trading_assets.backtests.results.run_tables import Result

#: Symbol and pair of a slot.
Slot = tuple[str, str | None]

#: Fields of records that are numbers of what has a name.
_SESSIONS = (
    "session",
    "entry_session",
    "exit_session",
    "decision_session",
    "exit_decided",
    "doubt",
    "closed",
    "halted",
    "simulated",
)
_SYMBOLS = ("symbol",)
_PAIRS = ("pair_index",)
_TRIGGERS = ("trigger", "label")
_EXITS = ("exit_reason",)


class NotContinuableError(Exception):
    """What was saved does not fit what it is to go on with; `str()` says how, in words."""


@dataclass(frozen=True)
class SavedBacktest:
    """A backtest as it stood at a close: sessions and symbols are numbered by its own names.

    Attributes
    ----------
    run
        Its sessions are counted from the first of `sessions`.
    sessions
        Those of the run so far, ascending.
    symbols, pairs, triggers, exits
        Names behind its numbers.
    slots
        Symbol and pair of each slot.
    """

    run: SavedRun
    sessions: Sequence[dt.date]
    symbols: Sequence[str]
    pairs: Sequence[str]
    triggers: Sequence[str]
    exits: Sequence[str]
    slots: Sequence[Slot]


class RunningBacktest:
    """A run of a prepared backtest that stops at any close, from its first session or from what was saved.

    Parameters
    ----------
    prepared
        Backtest, with a market that reaches to the last session that it is run to.
    start
        First session: its close is the first at which something is decided.
    split
        Name of the run in ids and rows.
    saved
        What it goes on from; None: it begins with an empty account.

    Raises
    ------
    NotContinuableError
        The sessions so far, or a symbol or pair that is held, are not in the market as it is now.
    """

    def __init__(
        self, prepared: PreparedBacktest, start: dt.date, *, split: str, saved: SavedBacktest | None = None
    ) -> None:
        self._prepared, self._split = prepared, split
        self._run_parameters = prepared.run_parameters.copy()
        rows = span_rows(prepared, start, prepared.axes.sessions[-1])
        self._run_parameters["first_session"], self._run_parameters["last_session"] = rows[0], rows[-1]
        self._names, run = prepared.names, None
        if saved is not None:
            _assert_same_sessions(saved, prepared.axes.sessions[rows[0] :])
            self._names = _with_names(prepared.names, saved)
            run = _renumbered(saved, _slots_of(prepared.signals, prepared.names), self._names, int(rows[0]))
        self._run = Run(prepared.market, prepared.signals, self._run_parameters, prepared.settings, run)

    def advance(self, session: dt.date) -> None:
        """Run up to the close of a session of the market."""
        self._run.advance(self._prepared.axes.sessions.index(session))

    @property
    def is_halted(self) -> bool:
        """Whether the drawdown breaker, or a total loss, has stopped entries at the last close."""
        return self._run.is_halted

    def simulation(self) -> Simulation:
        """Return the records of the run up to its last close."""
        return self._run.simulation()

    def result(self) -> Result:
        """Return the run up to its last close, as rows."""
        prepared = self._prepared
        return Result(
            self._run.simulation(),
            prepared.market,
            self._run_parameters,
            prepared.settings,
            self._names,
            risk_free=prepared.risk_free,
            strategy=prepared.name,
            split=self._split,
        )

    def save(self) -> SavedBacktest:
        """Return what the run goes on from after its last close."""
        run, names, first = self._run.save(), self._names, self._run.first
        shifted = {name: _counted_from(records, first) for name, records in run._asdict().items()}
        sessions = names.axes.sessions[first : first + run.equity.size]
        return SavedBacktest(
            run=SavedRun(**shifted),
            sessions=tuple(sessions),
            symbols=tuple(names.axes.symbols),
            pairs=tuple(names.pairs),
            triggers=tuple(names.triggers),
            exits=tuple(names.exits),
            slots=tuple(_slots_of(self._prepared.signals, self._prepared.names)),
        )


def _slots_of(signals: Any, names: AxisLabels) -> list[Slot]:
    """Symbol and pair of each slot of the engine."""
    symbols = names.axes.symbols
    if not isinstance(signals, Targets):
        return [(symbol, None) for symbol in symbols]
    return [
        (symbols[i], names.pairs[pair] if pair >= 0 else None)
        for i, pair in zip(signals.symbol.tolist(), signals.pair_index.tolist(), strict=True)
    ]


def _assert_same_sessions(saved: SavedBacktest, sessions: Sequence[dt.date]) -> None:
    now = sessions[: len(saved.sessions)]
    if list(saved.sessions) == list(now):
        return
    differing = sorted({*saved.sessions} ^ {*now})
    raise NotContinuableError(f"the calendar has changed: {differing[0] if differing else saved.sessions[-1]}")


def _with_names(names: AxisLabels, saved: SavedBacktest) -> AxisLabels:
    """The names of now, and behind them those that only the past has: a pair or a reason that no row says any more."""
    missing = [symbol for symbol in saved.symbols if symbol not in set(names.axes.symbols)]
    if missing:
        raise NotContinuableError(f"{', '.join(missing)} is not among the symbols of the strategy any more")
    triggers = _extended(names.triggers, saved.triggers)
    exits = triggers if names.exits is names.triggers else _extended(names.exits, saved.exits)
    return replace(names, triggers=triggers, exits=exits, pairs=_extended(names.pairs, saved.pairs))


def _extended(now: Sequence[str], saved: Sequence[str]) -> tuple[str, ...]:
    return (*now, *(name for name in saved if name not in set(now)))


def _renumbered(saved: SavedBacktest, slots: Sequence[Slot], names: AxisLabels, first: int) -> SavedRun:
    """What was saved, in the numbers of now; `first` is the row of its first session."""
    run = saved.run
    triggers, exits = _places(saved.triggers, names.triggers), _places(saved.exits, names.exits)
    maps = {
        **dict.fromkeys(_SYMBOLS, _places(saved.symbols, names.axes.symbols)),
        **dict.fromkeys(_PAIRS, _places(saved.pairs, names.pairs)),
        **dict.fromkeys(_TRIGGERS, triggers),
        **dict.fromkeys(_EXITS, exits),
    }
    found = {name: _numbered(_at_rows(array, first), maps) for name, array in run._asdict().items()}
    fills, decisions = found["fills"], found["decisions"]
    opens = fills["effect"] == OPENS
    _replace(fills, opens, triggers)
    _replace(fills, ~opens, exits)
    _replace(decisions, decisions["decision"] == ENTER, triggers)
    _replace(decisions, decisions["decision"] == EXIT, exits)
    place_of = {slot: place for place, slot in enumerate(slots)}
    places = np.array([place_of.get(slot, -1) for slot in saved.slots], dtype=np.int64)
    gone = [saved.slots[p] for p in np.flatnonzero((places < 0) & (run.busy | run.ordered)).tolist()]
    if gone:
        symbol, pair = gone[0]
        what = symbol if pair is None else f"{symbol} of {pair}"
        raise NotContinuableError(f"{what} is held or ordered, and the strategy has no row of it any more")
    for name in ("positions", "orders", "busy", "ordered", "spread"):
        by_slot = np.zeros(len(slots), found[name].dtype)
        by_slot[places[places >= 0]] = found[name][places >= 0]
        found[name] = by_slot
    _replace(found["spread"], found["spread"]["left"] > 0, triggers)
    found["held"], found["queue"] = np.sort(places[run.held]), places[run.queue]
    return SavedRun(**found)


def _places(before: Sequence[str], now: Sequence[str]) -> Integers:
    number = {name: place for place, name in enumerate(now)}
    return np.array([number[name] for name in before], dtype=np.int64)


def _numbered(records: Any, maps: Mapping[str, Integers]) -> Any:
    """A copy of records whose numbers are mapped; -1 has no name, and what is not numbered stays."""
    found = records.copy()
    for field in records.dtype.names or ():
        if field in maps and maps[field].size:
            numbers = records[field]
            known = (numbers >= 0) & (numbers < maps[field].size)
            found[field] = np.where(known, maps[field][np.where(known, numbers, 0)], numbers)
    return found


def _counted_from(records: Any, first: int) -> Any:
    """A copy of records whose sessions are counted from row `first`; what is no session of the run is below -1."""
    found = records.copy()
    for field in _sessions_of(records):
        rows = records[field]
        found[field] = np.where(rows >= first, rows - first, np.where(rows < 0, rows, -2 - rows))
    return found


def _at_rows(records: Any, first: int) -> Any:
    """The inverse of `_counted_from`, for a run whose first session is at another row."""
    found = records.copy()
    for field in _sessions_of(records):
        counted = records[field]
        found[field] = np.where(counted >= 0, counted + first, np.where(counted <= -2, -2 - counted, counted))
    return found


def _sessions_of(records: Any) -> list[str]:
    return [field for field in records.dtype.names or () if field in _SESSIONS]


def _replace(records: RecordArray, rows: Any, numbers: Integers) -> None:
    if numbers.size:
        records["reason"][rows] = numbers[records["reason"][rows]]
