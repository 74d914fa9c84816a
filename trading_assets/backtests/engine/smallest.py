"""Compile the engine before it is needed: it runs for one session of a market of one symbol without a bar."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import numpy as np

from trading_assets.backtests.engine.arrays import RUN_PARAMETERS, Candidates, Market, Signals, Targets
from trading_assets.backtests.engine.settings import settings_of
from trading_assets.backtests.engine.simulate import simulate
from trading_assets.config.sections import Costs, Risk

_OF_SESSIONS = frozenset({"day", "weekend", "crash"})
_OF_SYMBOLS = frozenset(
    {"delisted", "delisting_value", "delisting_return", "ending_loss", "symbol_key", "fee_bps", "slippage_bps"}
    | {"weekend_multiplier", "tick", "tick_below_one", "lot", "sector", "benchmark"}
)


def compile_orders() -> None:
    """Compile what runs order-based strategies."""
    none = {name: _array(Candidates, name, (0,)) for name in Candidates._fields}
    of_triggers = {name: _array(Candidates, name, (1, 0)) for name in ("strength", "rank")}
    candidates = Candidates(**{**none, **of_triggers, "first": np.zeros(2, np.int64)})
    _run(Signals(candidates, np.zeros((0, 1, 1), np.bool_)))


def compile_targets() -> None:
    """Compile what runs target weights."""
    none = {name: _array(Targets, name, (0,)) for name in Targets._fields}
    _run(Targets(**{**none, "first": np.zeros(2, np.int64)}))


def smallest_market() -> Market:
    """Return a market of one session and one symbol that has no bar, with arrays of the types of every market."""
    shapes = {name: (1,) if name in _OF_SESSIONS | _OF_SYMBOLS else (1, 1) for name in Market._fields}
    return Market(**{name: _array(Market, name, shape) for name, shape in shapes.items()})


def _run(signals: Signals | Targets) -> None:
    simulate(smallest_market(), signals, np.zeros(1, RUN_PARAMETERS), settings_of(Risk(), Costs(), 0))


def _array(record: type[Any], name: str, shape: tuple[int, ...]) -> Any:
    """Return zeros of the type that a record declares for a field."""
    dtype = get_args(get_args(get_type_hints(record)[name])[1])[0]
    return np.zeros(shape, dtype)
