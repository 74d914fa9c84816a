"""How the assets on luck compute: the trials on record against each other, and the result against resamples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from trading_assets.backtests import tables as backtests
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.config.strategies import strategy_module
from trading_assets.market_data.tables import INSTRUMENTS
from trading_assets.models.tables import SPLITS
from trading_assets.robustness.steps import beside_other_splits, market, resampled, write
from trading_assets.robustness.tables import (
    EVERY_STRATEGY,
    LOGITS,
    LOOK_AHEAD,
    OVERFITTING,
    RESAMPLING,
    SENSITIVITY,
    TRIALS,
)
from trading_assets.strategies.evaluation.failure import require_ok, strategy_of
from trading_assets.strategies.evaluation.identity import identity_of, recorded_type
from trading_assets.strategies.evaluation.inputs import symbols_of
from trading_assets.warehouse import Rows

if TYPE_CHECKING:
    from trading_assets.asset_factories.table_asset import Step


def overfitting(step: Step) -> Mapping[str, Any]:
    """How much of the Sharpe ratio the best of all trials on record would show without any skill."""
    from trading_assets.backtests.trial_registry import behind
    from trading_assets.robustness.overfitting.selection import selection

    require_ok(step, ("strategies", "backtests", "robustness/sensitivity"))
    name, configuration = strategy_of(step), step.configuration
    own = Rows("strategy", name)
    settings = configuration.strategies[name]
    identity = identity_of(strategy_module(settings.type))
    found = selection(
        name,
        behind(
            step.work.read(
                TRIALS,
                where="list_contains(?, type) OR type IS NULL",
                parameters=[[identity, recorded_type(identity)]],
            ),
            name,
            identity,
            symbols_of(name, settings, step.work.read(INSTRUMENTS)),
        ),
        step.work.read(SENSITIVITY, rows=own).filter("chosen")["trial"][0],
        periods=step.work.read(backtests.METRICS, rows=own).filter(metric="periods_per_year")["value"][0],
        blocks=configuration.robustness.cross_validation_blocks,
        config_hash=configuration.hash,
    )
    write(step, overfitting.__name__, {OVERFITTING: found.statistics, LOGITS: found.logits})
    return {"statistics": found.statistics.drop("strategy", "config_hash")}


def reality_check(step: Step) -> Mapping[str, Any]:
    """Is the best of all strategies better than cash, given how many there are? On train + validation."""
    from trading_assets.robustness.holdout.lock import development, spans_of
    from trading_assets.robustness.overfitting.reality_check import common_returns, reality_check
    from trading_assets.robustness.overfitting.selection import rows

    configuration = step.configuration
    settings = configuration.robustness
    end = development(spans_of(step.work.read(SPLITS))).end
    curves = step.work.read_or_empty(backtests.EQUITY).filter(
        pl.col("split") == DEVELOPMENT,
        pl.col("session") <= end,
        pl.col("strategy").is_in(list(configuration.strategies)),
    )
    returns = common_returns(curves)
    values = reality_check(
        returns, block_sessions=settings.block_sessions, resamples=settings.resamples, seed=configuration.seed
    )
    table = rows(EVERY_STRATEGY, values, 0, returns.shape[1], configuration.hash)
    step.work.replace(Rows("strategy", EVERY_STRATEGY), {OVERFITTING: table})
    return {"statistics": table.drop("strategy", "config_hash")}


def look_ahead(step: Step) -> Mapping[str, Any]:
    """Everything from bars to fills computed again from what was known at past closes: nothing may differ."""
    from trading_assets.robustness.look_ahead.audit import look_ahead as audit
    from trading_assets.robustness.look_ahead.audit import violations
    from trading_assets.robustness.look_ahead.point_in_time import market_snapshot

    require_ok(step, ("strategies",))
    name, configuration = strategy_of(step), step.configuration
    found = audit(
        configuration,
        name,
        market_snapshot(step.work, configuration, name),
        configuration.robustness.look_ahead_cuts,
    )
    write(step, look_ahead.__name__, {LOOK_AHEAD: found})
    return {"cuts": found["cut"].n_unique(), "columns that know the future": violations(found)}


def resampling(step: Step) -> Mapping[str, Any]:
    """The run on train + validation against what chance makes of its returns, its trades and its decisions."""
    from trading_assets.robustness.holdout.lock import development

    require_ok(step)
    _, prepared, spans = market(step, strategy_of(step))
    found = resampled(step, prepared, development(spans), DEVELOPMENT)
    write(step, resampling.__name__, beside_other_splits(step, found, (DEVELOPMENT,)))
    return {"statistics": found[RESAMPLING].drop("strategy", "split")}
