"""The assets of the stage: one a strategy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from trading_assets.config import Configuration
from trading_assets.config.strategies import strategy_module
from trading_assets.strategies.failure import failure_recorder, status_row, strategy_of
from trading_assets.strategies.inputs import parameters_of, read_frames, symbols_of
from trading_assets.strategies.panel import build_panel, signal_rows
from trading_assets.strategies.tables import SIGNALS, STATUS
from trading_assets.warehouse import Rows
from trading_assets.warehouse.table_asset import Step, table_asset

STAGE = "strategies"


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`strategies/<name>` for each configured strategy."""
    return [
        table_asset(
            signals,
            stage=STAGE,
            strategy=name,
            tables=(SIGNALS, STATUS),
            deps=inputs_of(configuration, name),
            on_failure=failure_recorder(STAGE, [SIGNALS]),
        )
        for name in configuration.strategies
    ]


def inputs_of(configuration: Configuration, name: str) -> list[str]:
    """Keys of the assets that a strategy looks at. Its model is the one that its parameter `model` names."""
    model = getattr(configuration.strategies[name].parameters, "model", None)
    return ["market_data/bars", "features/daily", *([f"models/{model}"] if model in configuration.models else [])]


def signals(step: Step) -> Mapping[str, Any]:
    """Where the strategy would enter and leave, before the portfolio's rules."""
    name, configuration = strategy_of(step), step.configuration
    settings = configuration.strategies[name]
    frames = read_frames(step.work, configuration, name)
    parameters = parameters_of(settings)
    rules = strategy_module(settings.type).rules(parameters)
    panel = build_panel(
        frames.bars,
        frames.indicators,
        frames.universe,
        symbols=symbols_of(name, settings, frames.instruments),
        benchmarks=configuration.benchmarks,
        daily=frames.daily,
        scores=frames.predictions if rules.model else None,
    )
    rows = signal_rows(
        name,
        rules,
        panel,
        stop_atr=parameters.stop_atr,
        risk_per_trade=configuration.risk.risk_per_trade,
        max_position=min(configuration.risk.max_position, configuration.risk.max_symbol),
    )
    of_strategy = Rows("strategy", name)
    step.work.replace(of_strategy, {SIGNALS: rows, STATUS: status_row(STAGE, name)})
    return {"signals by reason": rows.group_by("action", "reason").len().sort("action", "reason")}
