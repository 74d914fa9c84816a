"""What a parameter set of a strategy asks of the engine, whatever the kind of the strategy."""

from __future__ import annotations

from dataclasses import dataclass

from trading_assets.backtests.engine.arrays import Signals, Targets
from trading_assets.backtests.engine.dtypes import Table
from trading_assets.backtests.inputs.axis_labels import Names


@dataclass(frozen=True)
class Plan:
    """Arrays and numbers of one parameter set; `trial` spans the whole market and is under no stress."""

    signals: Signals | Targets
    trial: Table
    names: Names
