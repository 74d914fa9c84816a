"""What a parameter set of a strategy asks of the engine, whatever the kind of the strategy."""

from __future__ import annotations

from dataclasses import dataclass

from trading_assets.backtests.engine.arrays import Signals, Targets
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.inputs.axis_labels import AxisLabels


@dataclass(frozen=True)
class BacktestPlan:
    """Arrays and numbers of one parameter set; `run_parameters` spans the whole market and is under no stress."""

    signals: Signals | Targets
    run_parameters: RecordArray
    names: AxisLabels
