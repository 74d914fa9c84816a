"""What a strategy of either kind decides: its signals, and the paper position that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets.config.sections import Risk
from trading_assets.config.strategies import OrderParameters, StrategyParameters
from trading_assets.strategies.panel import signal_rows
from trading_assets.strategies.paper import paper_positions, signals_of_targets
from trading_assets.strategies.tables import SIGNALS, TARGET_WEIGHTS
from trading_assets.strategies.targets import checked


@dataclass(frozen=True)
class Decided:
    """Rows of `strategies.signals` and `strategies.target_weights` of one strategy."""

    signals: pl.DataFrame
    target_weights: pl.DataFrame


def decide(name: str, module: Any, parameters: StrategyParameters, panel: pl.DataFrame, risk: Risk) -> Decided:
    """Run a strategy's own code over its panel.

    Parameters
    ----------
    module
        See `trading_assets.config.strategies.strategy_module`.

    Raises
    ------
    TargetWeightError
        What a target-weight strategy gave back cannot be used.
    """
    if isinstance(parameters, OrderParameters):
        rules = module.rules(parameters)
        signals = signal_rows(
            name,
            rules,
            panel,
            stop_atr=parameters.stop_atr,
            risk_per_trade=risk.risk_per_trade,
            max_position=min(risk.max_position, risk.max_symbol),
        )
        targets = paper_positions(
            rules,
            parameters,
            panel,
            signals.filter(action="enter"),
            max_gross=risk.max_gross,
            delisting_sessions=risk.delisting_sessions,
        )
    else:
        targets = checked(module.target_weights(parameters, panel), panel)
        signals = signals_of_targets(name, targets)
    return Decided(
        signals=SIGNALS.conform(signals),
        target_weights=TARGET_WEIGHTS.conform(targets.with_columns(strategy=pl.lit(name))).sort(TARGET_WEIGHTS.key),
    )
