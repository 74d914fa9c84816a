"""The assets of the stage: one a strategy, and how strategies overlap."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from trading_assets.analytics.factor_file import read_factors
from trading_assets.analytics.factor_returns import FEATURES
from trading_assets.analytics.overlap import overlaps
from trading_assets.analytics.tables import (
    ATTRIBUTION,
    CAPACITY,
    CONTRIBUTIONS,
    FACTOR_EXPOSURES,
    OVERLAP,
    RISK,
    SIGNAL_QUALITY,
    STAGE,
)
from trading_assets.asset_factories.step_record import Rule, nothing
from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.backtests.tables import DEVELOPMENT, EQUITY, FULL
from trading_assets.config import Configuration
from trading_assets.strategies.assets import inputs_of
from trading_assets.strategies.evaluation.failure import failure_recorder, require_ok, status_row, strategy_of
from trading_assets.strategies.interface.resolved import configured_strategies
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Rows, Whole

#: Tables of a strategy.
OF_STRATEGY = (ATTRIBUTION, CONTRIBUTIONS, FACTOR_EXPOSURES, RISK, SIGNAL_QUALITY, CAPACITY)


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`analytics/<strategy>` for each strategy, whether its holdout is open or not, and `analytics/overlap`."""
    strategies = configured_strategies(configuration)
    found = [
        table_asset(
            analyse,
            stage=STAGE,
            strategy=strategy.name,
            tables=OF_STRATEGY,
            deps=sorted(
                {
                    *inputs_of(configuration, strategy),
                    "models/regimes",
                    f"strategies/{strategy.name}",
                    f"backtests/{strategy.name}",
                    f"robustness/holdout/{strategy.name}",
                }
            ),
            on_failure=failure_recorder(STAGE, OF_STRATEGY),
            rule=Rule(hash_of_factors),
        )
        for strategy in strategies
    ]
    own = [f"{STAGE}/{strategy.name}" for strategy in strategies]
    return [*found, table_asset(overlap, stage=STAGE, tables=(OVERLAP,), deps=own, rule=Rule(nothing))]


def hash_of_factors(configuration: Configuration) -> object:
    """Return the file of factors as a hash; what cannot be read is told by the step."""
    path = configuration.analytics.factors and configuration.directory / configuration.analytics.factors
    return hashlib.sha256(path.read_bytes()).hexdigest() if path and path.is_file() else str(path)


def analyse(step: Step) -> Mapping[str, Any]:
    """Where the return of the longest open run came from: parts, factors, risk, signals, and how much it could run."""
    from trading_assets.analytics.of_strategy import rows_of
    from trading_assets.analytics.run_inputs import read_run

    require_ok(step)
    name, configuration = strategy_of(step), step.configuration
    settings = configuration.analytics
    own = settings.factors and read_factors(configuration.directory / settings.factors, settings.factor_unit)
    run = read_run(step.work, configuration, name, FEATURES)
    rows = rows_of(
        run,
        None if isinstance(own, str) else own,
        starting_equity=configuration.risk.starting_equity,
        capacity=run.capacity,
        costs=configuration.costs,
    )
    status = {STATUS: status_row(STAGE, name)}
    step.work.replace_together([(Rows("strategy", name), rows), (Rows("asset", f"{STAGE}/{name}"), status)])
    return {
        "parts": rows[CONTRIBUTIONS].filter(dimension="part").select("name", "amount"),
        "factors": rows[FACTOR_EXPOSURES].select("model", "factor", "estimate", "error", "earned"),
    }


def overlap(step: Step) -> Mapping[str, Any]:
    """How much strategies are the same: correlations, also in drawdowns, holdings, risk of all in equal shares."""
    equity = step.work.read(EQUITY)
    longest = {name: FULL if FULL in own["split"] else DEVELOPMENT for (name,), own in equity.group_by("strategy")}
    curves = {
        str(name): settled(equity.filter(strategy=name, split=split).sort("session")) for name, split in longest.items()
    }
    held = (
        step.work.read(ATTRIBUTION, where="part IN ('holding', 'entry_timing')")
        .select("strategy", "symbol", "session")
        .unique()
    )
    by_name = {name: held.filter(strategy=name).drop("strategy") for name in curves}
    rows = overlaps(curves, by_name)
    step.work.replace(Whole(), {OVERLAP: rows})
    return {"correlations": rows.filter(pl.col("measure") == "correlation").select("strategy", "other", "value")}
