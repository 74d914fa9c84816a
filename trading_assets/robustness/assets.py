"""The assets of the stage: seven a strategy, the holdout and the verdict last, and one over all strategies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import dagster as dg
import polars as pl

from trading_assets import __version__, charts
from trading_assets.asset_factories.table_asset import Compute, Step, table_asset
from trading_assets.backtests import tables as backtests
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.config import Configuration
from trading_assets.config.strategies import members_of, strategy_module
from trading_assets.robustness.evidence import look_ahead, overfitting, reality_check, resampling
from trading_assets.robustness.sensitivity.grid import grids
from trading_assets.robustness.steps import (
    HOLDOUT_TABLES,
    STAGE,
    beside_other_splits,
    evaluated,
    head_file,
    keep_earlier_verdict,
    market,
    record,
    registration_of,
    remove_development,
    remove_holdout,
    resampled,
    stress_rows,
    symbols,
    waits_until,
    write,
)
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
    TRIALS,
    VERDICTS,
)
from trading_assets.strategies.assets import inputs_of
from trading_assets.strategies.evaluation.failure import failure_recorder, require_ok, require_unlocked, strategy_of
from trading_assets.strategies.evaluation.identity import identity_of
from trading_assets.warehouse import Table

#: Assets of a strategy that come before its holdout may be looked at.
BEFORE_THE_HOLDOUT = ("sensitivity", "overfitting", "stress", "resampling", "look_ahead")


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`robustness/<asset>/<strategy>` for each asset of a strategy, and the reality check over all of them.

    Raises
    ------
    ConfigurationError
        A sensitivity grid cannot be used.
    """
    grids(configuration)
    over_all = table_asset(
        reality_check,
        stage=STAGE,
        tables=(OVERFITTING,),
        deps=["models/splits", *(f"backtests/{name}" for name in configuration.strategies)],
    )
    return [*(asset for name in configuration.strategies for asset in _assets_of(configuration, name)), over_all]


def sensitivity(step: Step) -> Mapping[str, Any]:
    """The whole parameter grid on train + validation: is the chosen point on a plateau or a peak?"""
    from trading_assets.backtests.inputs.market_arrays import data_hash
    from trading_assets.backtests.trial_registry import settings_on_record, trial_rows
    from trading_assets.robustness.holdout.lock import development
    from trading_assets.robustness.sensitivity.sweep import sensitivity as sweep

    require_ok(step)
    name, configuration = strategy_of(step), step.configuration
    frames, prepared, spans = market(step, name)
    span = development(spans)
    found = sweep(
        prepared,
        grids(configuration)[name],
        span.start,
        span.end,
        split=DEVELOPMENT,
        settings_hash=settings_on_record(step.work, configuration, name),
        data_hash=data_hash(frames.bars, symbols(prepared), span.end),
        sharp_peak=configuration.robustness.sharp_peak,
    )
    source = f"{STAGE}/{sensitivity.__name__}/{name}"
    step.work.append_new(
        TRIALS, trial_rows(found.evaluations, source=source, run_id=step.run_id, evaluated_at=step.now)
    )
    tables = {
        SENSITIVITY: found.points,
        SENSITIVITY_SUMMARY: found.summary,
        CHOICES: found.choices,
        HEATMAPS: found.heatmaps,
    }
    write(step, sensitivity.__name__, tables)
    return {
        "summary": found.summary.drop("strategy"),
        "choices": found.choices.drop("strategy", "trial"),
        **_heat_maps(found.heatmaps.filter(metric="sharpe")),
    }


def stress(step: Step) -> Mapping[str, Any]:
    """The strategy under dearer and later fills, with holes and crashes, in bad times, and without what it owes its
    result to; on train + validation.
    """
    from trading_assets.robustness.holdout.lock import development

    require_ok(step)
    frames, prepared, spans = market(step, strategy_of(step))
    rows = stress_rows(step, prepared, frames, development(spans), DEVELOPMENT)
    write(step, stress.__name__, beside_other_splits(step, rows, (DEVELOPMENT,)))
    return {"Sharpe": _sharpes(rows[STRESS])}


def holdout(step: Step) -> Mapping[str, Any]:
    """One look at the locked span of a registered strategy: entered in the ledger first, evaluated then."""
    from trading_assets.backtests.backtest import backtest, baselines_of, metrics_of
    from trading_assets.backtests.results.run_tables import together
    from trading_assets.robustness.holdout import lock as protocol
    from trading_assets.robustness.verdict.statistics import EVALUATED_SPLITS

    require_ok(step)
    name, configuration = strategy_of(step), step.configuration
    if name not in configuration.registration:
        removed = remove_holdout(step)
        write(step, holdout.__name__, {})
        return {"registered": False, "rows of an earlier registration removed": removed}
    until = waits_until(step, name)
    if until is not None:  # no look: a part of the holdout is not the holdout
        remove_holdout(step)
        write(step, holdout.__name__, {})
        return {"registered": True, "waits until": until}
    require_unlocked(step, (name, *members_of(configuration.strategies[name])))
    frames, prepared, spans = market(step, name)
    locked, start = protocol.holdout(spans), protocol.development(spans).start
    registered = registration_of(step, prepared, frames, spans)
    look = record(step, registered)

    runs = [
        backtest(prepared, first, locked.end, split=split)
        for split, first in zip(EVALUATED_SPLITS, (locked.start, start), strict=True)
    ]
    frames_of = {
        **together(runs),
        backtests.METRICS: pl.concat(metrics_of(prepared, run) for run in runs),
        backtests.BASELINES: pl.concat(baselines_of(prepared, run) for run in runs),
    }
    stressed = stress_rows(step, prepared, frames, locked, HOLDOUT)
    result = {
        "strategy": name,
        "registration_hash": registered.hash,
        "config_hash": configuration.hash,
        "look": look,
        "start": locked.start,
        "end": locked.end,
    }
    drawn = resampled(step, prepared, locked, HOLDOUT)
    seen = {**stressed, **drawn, **frames_of}
    source = {HOLDOUT_RESULTS: pl.DataFrame([result], schema=HOLDOUT_RESULTS.empty().schema)}
    write(step, holdout.__name__, beside_other_splits(step, seen, EVALUATED_SPLITS) | source)
    return {"registered": True, "look": look, "registration": registered.hash, "Sharpe": _sharpes(stressed[STRESS])}


def verdict(step: Step) -> Mapping[str, Any]:
    """Go, no go, or not enough evidence: every pre-registered criterion, and the result in words."""
    from trading_assets.robustness.holdout.ledger_head import verified_ledger
    from trading_assets.robustness.holdout.upgrade_ledger import history_of_upgrades, verified_upgrades
    from trading_assets.robustness.verdict.criteria import judge, rows, unregistered, waiting
    from trading_assets.robustness.verdict.statistics import history_of, statistics_of

    require_ok(
        step,
        (
            "strategies",
            "backtests",
            *(f"{STAGE}/{asset.__name__}" for asset in (sensitivity, overfitting, look_ahead, holdout)),
        ),
    )
    name, configuration = strategy_of(step), step.configuration
    keep_earlier_verdict(step, name)
    history = " ".join(
        filter(
            None,
            (
                history_of(verified_ledger(step.work, head_file(step)), name),
                history_of_upgrades(
                    verified_upgrades(step.work, configuration), step.work.read_or_empty(EARLIER_VERDICTS), name
                ),
            ),
        )
    )
    limits = configuration.robustness.verdict
    until = waits_until(step, name) if name in configuration.registration else None
    if until is not None:
        judgement = waiting(name, limits, until, history)
    elif name in configuration.registration:
        rows_of = evaluated(step, name)
        statistics = statistics_of(
            rows_of[STRESS], rows_of[RESAMPLING], rows_of[OVERFITTING], look_ahead=rows_of[LOOK_AHEAD]
        )
        judgement = judge(name, statistics, limits, history)
    else:
        judgement = unregistered(name, limits, history)
    table = rows(judgement).with_columns(product_version=pl.lit(__version__))
    write(step, verdict.__name__, {VERDICTS: table})
    return {
        "result": judgement.result,
        "explanation": judgement.explanation,
        "criteria": table.select("kind", "criterion", "value", "threshold", "passed"),
    }


def _assets_of(configuration: Configuration, strategy: str) -> list[dg.AssetsDefinition]:
    inputs = (*inputs_of(configuration, strategy), "models/splits", f"strategies/{strategy}", f"backtests/{strategy}")
    before = tuple(f"{STAGE}/{asset}/{strategy}" for asset in BEFORE_THE_HOLDOUT)

    def asset(
        compute: Compute,
        *,
        own: tuple[Table, ...] = (),
        shared: tuple[Table, ...] = (),
        clear: Callable[[Step], object] | None = None,
        deps: Sequence[str],
    ) -> dg.AssetsDefinition:
        """`own` tables lose the strategy's rows if it fails; of `shared` ones `clear` removes what is this asset's."""
        record = failure_recorder(f"{STAGE}/{compute.__name__}", own)

        def on_failure(step: Step, error: Exception) -> None:
            if clear is not None:
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
        )

    return [
        asset(sensitivity, own=(SENSITIVITY, SENSITIVITY_SUMMARY, CHOICES, HEATMAPS), shared=(TRIALS,), deps=inputs),
        asset(
            overfitting,
            own=(OVERFITTING, LOGITS),
            # Trials of its type count, whatever the strategy was called: all of them first, in any executor.
            deps=[
                dependency
                for name in _of_the_type_of(configuration, strategy)
                for dependency in (f"{STAGE}/sensitivity/{name}", f"backtests/{name}")
            ],
        ),
        asset(
            stress,
            shared=(STRESS, STRESS_EQUITY, BREAKDOWN),
            clear=lambda step: remove_development(step, (STRESS, STRESS_EQUITY, BREAKDOWN)),
            deps=inputs,
        ),
        asset(
            resampling,
            shared=(RESAMPLING, BANDS),
            clear=lambda step: remove_development(step, (RESAMPLING, BANDS)),
            deps=inputs,
        ),
        asset(look_ahead, own=(LOOK_AHEAD,), deps=inputs),
        asset(
            holdout,
            own=(HOLDOUT_RESULTS,),
            shared=(HOLDOUT_LEDGER, REGISTRATIONS, REGISTRATION_UPGRADES, EARLIER_VERDICTS, *HOLDOUT_TABLES),
            clear=remove_holdout,
            deps=(*inputs, *before),
        ),
        asset(
            verdict,
            own=(VERDICTS,),
            shared=(EARLIER_VERDICTS,),
            clear=lambda step: keep_earlier_verdict(step, strategy),
            deps=(f"{STAGE}/holdout/{strategy}", *before),
        ),
    ]


def _of_the_type_of(configuration: Configuration, strategy: str) -> list[str]:
    types = {name: identity_of(strategy_module(each.type)) for name, each in configuration.strategies.items()}
    return [name for name, each in types.items() if each == types[strategy]]


def _heat_maps(heatmaps: pl.DataFrame) -> dict[str, dg.MarkdownMetadataValue]:
    """The Sharpe of the first pairs of parameters, as pictures; the report has them all."""
    pairs_of = heatmaps.group_by("x", "y", maintain_order=True)
    return {
        f"{x} and {y}": dg.MetadataValue.md(
            charts.markdown(charts.parameter_heat_map(pairs, str(x), str(y), "mean Sharpe"))
        )
        for (x, y), pairs in islice(pairs_of, 2)
    }


def _sharpes(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(metric="sharpe").select("scenario", "value")
