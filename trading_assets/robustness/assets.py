"""The assets of the stage: seven a strategy, the holdout and the verdict last, and one over all strategies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import dagster as dg

from trading_assets.asset_factories.step_record import Rule, nothing
from trading_assets.asset_factories.table_asset import Compute, Step, table_asset
from trading_assets.backtests.tables import DEVELOPMENT, FULL
from trading_assets.config import Configuration
from trading_assets.protocol.looks import LookRefusedError
from trading_assets.robustness.holdout.assets import holdout, keep_earlier_verdict, seen_of_holdout
from trading_assets.robustness.look_ahead.assets import look_ahead
from trading_assets.robustness.overfitting.assets import overfitting, reality_check, trials_on_record
from trading_assets.robustness.resampling.assets import resampling
from trading_assets.robustness.rows_by_span import HOLDOUT_TABLES, STAGE, remove_development, remove_holdout
from trading_assets.robustness.sensitivity.assets import sensitivity
from trading_assets.robustness.sensitivity.grid import grids
from trading_assets.robustness.stress.assets import stress
from trading_assets.robustness.tables import (
    BANDS,
    BREAKDOWN,
    CHOICES,
    EARLIER_VERDICTS,
    HEATMAPS,
    HOLDOUT,
    HOLDOUT_LEDGER,
    HOLDOUT_RESULTS,
    LOGITS,
    LOOK_AHEAD,
    OVERFITTING,
    REGISTRATION_UPGRADES,
    REGISTRATIONS,
    RESAMPLING,
    SENSITIVITY,
    SENSITIVITY_SUMMARY,
    STRESS,
    STRESS_EQUITY,
    TRIAL_BENCHMARKS,
    TRIALS,
    VERDICTS,
)
from trading_assets.robustness.verdict.assets import verdict
from trading_assets.strategies.assets import inputs_of
from trading_assets.strategies.evaluation.failure import failure_recorder
from trading_assets.strategies.evaluation.received_tables import hashes_of_other_files
from trading_assets.strategies.interface.resolved import ConfiguredStrategy, configured_strategies
from trading_assets.warehouse import Table

_OF_DEVELOPMENT = f"split = '{DEVELOPMENT}'"
_OF_HOLDOUT = f"split IN ('{HOLDOUT}', '{FULL}')"
#: Assets of a strategy that come before its holdout may be looked at.
BEFORE_THE_HOLDOUT = (sensitivity, overfitting, stress, resampling, look_ahead)


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`robustness/<asset>/<strategy>` for each asset of a strategy, and the reality check over all of them.

    Raises
    ------
    ConfigurationError
        A sensitivity grid cannot be used.
    """
    grids(configuration)
    strategies = configured_strategies(configuration)
    over_all = table_asset(
        reality_check,
        stage=STAGE,
        tables=(OVERFITTING,),
        deps=_trials_of(configuration.strategies),
        rule=Rule(trials_on_record),
    )
    return [*(asset for each in strategies for asset in _assets_of(configuration, each, strategies)), over_all]


def _assets_of(
    configuration: Configuration, configured: ConfiguredStrategy, strategies: Sequence[ConfiguredStrategy]
) -> list[dg.AssetsDefinition]:
    strategy = configured.name
    inputs = (*inputs_of(configuration, configured), "models/splits", f"strategies/{strategy}", f"backtests/{strategy}")
    before = tuple(f"{STAGE}/{asset.__name__}/{strategy}" for asset in BEFORE_THE_HOLDOUT)

    def asset(
        compute: Compute,
        *,
        own: tuple[Table, ...] = (),
        shared: tuple[Table, ...] = (),
        clear: Callable[[Step], object] | None = None,
        deps: Sequence[str],
        rule: Rule | None = None,
    ) -> dg.AssetsDefinition:
        """`own` tables lose the strategy's rows if it fails; of `shared` ones `clear` removes what is this asset's."""
        record = failure_recorder(f"{STAGE}/{compute.__name__}", own)

        def on_failure(step: Step, error: Exception) -> None:
            if clear is not None and not isinstance(error, LookRefusedError):
                clear(step)
            record(step, error)

        return table_asset(
            compute,
            stage=STAGE,
            name=compute.__name__,
            strategy=strategy,
            tables=(*own, *shared),
            deps=deps,
            kinds=("polars", "duckdb") if compute in (verdict, overfitting) else ("numba", "duckdb"),
            on_failure=on_failure,
            rule=rule,
        )

    return [
        asset(
            sensitivity,
            own=(SENSITIVITY, SENSITIVITY_SUMMARY, CHOICES, HEATMAPS),
            shared=(TRIALS, TRIAL_BENCHMARKS),
            deps=inputs,
            rule=Rule(nothing),
        ),
        asset(
            overfitting,
            own=(OVERFITTING, LOGITS),
            # Trials of every type count: all of them first, in any executor.
            deps=_trials_of([each.name for each in strategies]),
            rule=Rule(trials_on_record),
        ),
        asset(
            stress,
            shared=(STRESS, STRESS_EQUITY, BREAKDOWN),
            clear=lambda step: remove_development(step, (STRESS, STRESS_EQUITY, BREAKDOWN)),
            deps=inputs,
            rule=Rule(nothing, own_rows=_OF_DEVELOPMENT),
        ),
        asset(
            resampling,
            shared=(RESAMPLING, BANDS),
            clear=lambda step: remove_development(step, (RESAMPLING, BANDS)),
            deps=inputs,
            rule=Rule(nothing, own_rows=_OF_DEVELOPMENT),
        ),
        asset(look_ahead, own=(LOOK_AHEAD,), deps=inputs, rule=Rule(hashes_of_other_files)),
        asset(
            holdout,
            own=(HOLDOUT_RESULTS,),
            shared=(HOLDOUT_LEDGER, REGISTRATIONS, REGISTRATION_UPGRADES, EARLIER_VERDICTS, *HOLDOUT_TABLES),
            clear=remove_holdout,
            deps=(*inputs, *before),
            rule=Rule(
                hashes_of_other_files,
                leaves=partial(seen_of_holdout, strategy),
                own_rows=_OF_HOLDOUT,
                own_tables=(HOLDOUT_LEDGER, REGISTRATIONS, REGISTRATION_UPGRADES, EARLIER_VERDICTS),
            ),
        ),
        asset(
            verdict,
            own=(VERDICTS,),
            shared=(EARLIER_VERDICTS,),
            clear=keep_earlier_verdict,
            deps=(f"{STAGE}/holdout/{strategy}", *before),
        ),
    ]


def _trials_of(strategies: Iterable[str]) -> list[str]:
    """Assets that put trials on record."""
    return [asset for name in strategies for asset in (f"{STAGE}/sensitivity/{name}", f"backtests/{name}")]
