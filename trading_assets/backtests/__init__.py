"""The engine and what it leaves: fills, costs, sizing, risk; metrics and baselines.

The names below are loaded when they are first used: the engine's compiler costs a second to import, and a
code location is loaded often.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trading_assets.backtests.context import (
        StrategyMarket,
        Sweep,
        backtest,
        baselines_of,
        evaluate,
        evaluate_contexts,
        grid_of,
        metrics_of,
        parameter_grid,
        prepare,
        returns_of,
        with_parameters,
    )
    from trading_assets.backtests.market_build import Grid, data_hash
    from trading_assets.backtests.records import Result
    from trading_assets.backtests.variations import (
        stressed,
        with_crashes,
        with_entries,
        with_moved_targets,
        without_bars,
    )

_HOMES = {
    "context": (
        "StrategyMarket Sweep backtest baselines_of evaluate evaluate_contexts grid_of metrics_of parameter_grid "
        "prepare returns_of with_parameters"
    ),
    "market_build": "Grid data_hash",
    "records": "Result",
    "variations": "stressed with_crashes with_entries with_moved_targets without_bars",
}

__all__ = [
    "Grid",
    "Result",
    "StrategyMarket",
    "Sweep",
    "backtest",
    "baselines_of",
    "data_hash",
    "evaluate",
    "evaluate_contexts",
    "grid_of",
    "metrics_of",
    "parameter_grid",
    "prepare",
    "returns_of",
    "stressed",
    "with_crashes",
    "with_entries",
    "with_moved_targets",
    "with_parameters",
    "without_bars",
]


def __getattr__(name: str) -> Any:
    home = next((module for module, names in _HOMES.items() if name in names.split()), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
