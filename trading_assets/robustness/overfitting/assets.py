"""How the assets on selection compute: the trials on record against each other, all strategies against cash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests import tables as backtests
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.backtests.trial_registry import behind
from trading_assets.market_data.tables import INSTRUMENTS
from trading_assets.models.splits import development, spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol, trials_on
from trading_assets.robustness.overfitting.reality_check import common_returns
from trading_assets.robustness.overfitting.reality_check import reality_check as check
from trading_assets.robustness.overfitting.selection import rows, selection
from trading_assets.robustness.rows_by_span import write
from trading_assets.robustness.tables import EVERY_STRATEGY, LOGITS, OVERFITTING, SENSITIVITY
from trading_assets.strategies.evaluation.failure import require_ok, strategy_of
from trading_assets.strategies.evaluation.identity import identity_of
from trading_assets.strategies.interface.resolved import resolve_strategy
from trading_assets.warehouse import Rows


def overfitting(step: Step) -> Mapping[str, Any]:
    """How much of the Sharpe ratio the best of all trials on record would show without any skill."""
    require_ok(step, ("strategies", "backtests", "robustness/sensitivity"))
    name, configuration = strategy_of(step), step.configuration
    own = Rows("strategy", name)
    strategy = resolve_strategy(configuration, name, step.work.read(INSTRUMENTS))
    identity = identity_of(strategy.module)
    found = selection(
        name,
        behind(trials_on(Protocol.of(configuration), strategy.symbols), name, identity, strategy.symbols),
        step.work.read(SENSITIVITY, rows=own).filter("chosen")["trial"][0],
        periods=step.work.read(backtests.METRICS, rows=own).filter(metric="periods_per_year")["value"][0],
        blocks=configuration.robustness.cross_validation_blocks,
        config_hash=configuration.hash,
    )
    write(step, overfitting.__name__, {OVERFITTING: found.statistics, LOGITS: found.logits})
    return {"statistics": found.statistics.drop("strategy", "config_hash")}


def reality_check(step: Step) -> Mapping[str, Any]:
    """Is the best of all strategies better than cash, given how many there are? On the development span."""
    configuration = step.configuration
    settings = configuration.robustness
    end = development(spans_of(step.work.read(SPLITS))).end
    curves = step.work.read_or_empty(backtests.EQUITY).filter(
        pl.col("split") == DEVELOPMENT,
        pl.col("session") <= end,
        pl.col("strategy").is_in(list(configuration.strategies)),
    )
    returns = common_returns(curves)
    values = check(
        returns, block_sessions=settings.block_sessions, resamples=settings.resamples, seed=configuration.seed
    )
    table = rows(EVERY_STRATEGY, values, 0, returns.shape[1], configuration.hash)
    step.work.replace(Rows("strategy", EVERY_STRATEGY), {OVERFITTING: table})
    return {"statistics": table.drop("strategy", "config_hash")}
