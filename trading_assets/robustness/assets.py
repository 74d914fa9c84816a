"""The assets of the stage: four a strategy, the holdout and the verdict last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from trading_assets import charts
from trading_assets.backtests import tables as backtests
from trading_assets.backtests.tables import RUN_TABLES
from trading_assets.config import Configuration
from trading_assets.models.tables import SPLITS
from trading_assets.robustness.grids import grids
from trading_assets.robustness.tables import (
    DEVELOPMENT,
    HEATMAPS,
    HOLDOUT,
    HOLDOUT_LEDGER,
    HOLDOUT_RESULTS,
    REGISTRATIONS,
    SENSITIVITY,
    SENSITIVITY_SUMMARY,
    STRESS,
    TRIALS,
    VERDICTS,
)
from trading_assets.strategies.assets import inputs_of
from trading_assets.strategies.failure import failure_recorder, require_ok, status_row, strategy_of
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Rows, Table
from trading_assets.warehouse.table_asset import Compute, Step, table_asset

if TYPE_CHECKING:
    from trading_assets.backtests.context import StrategyMarket
    from trading_assets.config.sections import Interval
    from trading_assets.robustness.ledger_head import HeadFile
    from trading_assets.robustness.registration import Registered
    from trading_assets.strategies.inputs import Frames

STAGE = "robustness"


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`robustness/{sensitivity,stress,holdout,verdict}/<strategy>` for each strategy.

    Raises
    ------
    ConfigurationError
        A sensitivity grid cannot be used.
    """
    grids(configuration)
    return [asset for name in configuration.strategies for asset in _assets_of(configuration, name)]


def sensitivity(step: Step) -> Mapping[str, Any]:
    """The whole parameter grid on train + validation: is the chosen point on a plateau or a peak?"""
    from trading_assets.backtests.market_build import data_hash
    from trading_assets.robustness.sensitivity import sensitivity as sweep
    from trading_assets.robustness.spans import development
    from trading_assets.robustness.trials import new_trials

    require_ok(step)
    name, configuration = strategy_of(step), step.configuration
    frames, context, spans = _market(step, name)
    span = development(spans)
    found = sweep(
        context,
        grids(configuration)[name],
        span.start,
        span.end,
        split=DEVELOPMENT,
        data_hash=data_hash(frames.bars, _symbols(context), span.end),
        sharp_peak=configuration.robustness.sharp_peak,
    )
    step.work.append_chained(TRIALS, lambda known: new_trials(known, found.evaluations, step.now))
    tables = {SENSITIVITY: found.points, SENSITIVITY_SUMMARY: found.summary, HEATMAPS: found.heatmaps}
    _write(step, sensitivity.__name__, tables)
    return {"summary": found.summary.drop("strategy"), **_heat_maps(found.heatmaps.filter(metric="sharpe"))}


def stress(step: Step) -> Mapping[str, Any]:
    """The strategy under dearer and later fills and in bad months, on train + validation."""
    from trading_assets.robustness.spans import development

    require_ok(step)
    frames, context, spans = _market(step, strategy_of(step))
    rows = _stress_rows(step, context, frames, development(spans), DEVELOPMENT)
    _write(step, stress.__name__, _beside_other_splits(step, {STRESS: rows}, (DEVELOPMENT,)))
    return {"Sharpe": _sharpes(rows)}


def holdout(step: Step) -> Mapping[str, Any]:
    """One look at the locked span of a registered strategy: entered in the ledger first, evaluated then."""
    from trading_assets.backtests.context import backtest, baselines_of, metrics_of
    from trading_assets.backtests.records import together
    from trading_assets.robustness import spans as protocol
    from trading_assets.robustness.holdout import EVALUATED_SPLITS
    from trading_assets.robustness.ledger import look_of

    require_ok(step)
    name, configuration = strategy_of(step), step.configuration
    if name not in configuration.registration:
        removed = _remove_holdout(step)
        _write(step, holdout.__name__, {})
        return {"registered": False, "rows of an earlier registration removed": removed}
    frames, context, spans = _market(step, name)
    locked, start = protocol.holdout(spans), protocol.development(spans).start
    if context.grid.sessions[-1] < locked.start:
        raise protocol.NoHoldoutError(f"no look: the data end on {context.grid.sessions[-1]}, before the holdout")
    registered = _registered(step, context, frames, spans)
    look = look_of(_record(step, registered), name, registered.hash)

    runs = [
        backtest(context, first, locked.end, split=split)
        for split, first in zip(EVALUATED_SPLITS, (locked.start, start), strict=True)
    ]
    frames_of = {
        **together(runs),
        backtests.METRICS: pl.concat(metrics_of(context, run) for run in runs),
        backtests.BASELINES: pl.concat(baselines_of(context, run) for run in runs),
    }
    stressed = _stress_rows(step, context, frames, locked, HOLDOUT)
    result = {
        "strategy": name,
        "registration_hash": registered.hash,
        "config_hash": configuration.hash,
        "look": look,
        "start": locked.start,
        "end": locked.end,
    }
    seen = {STRESS: stressed, **frames_of}
    source = {HOLDOUT_RESULTS: pl.DataFrame([result], schema=HOLDOUT_RESULTS.empty().schema)}
    _write(step, holdout.__name__, _beside_other_splits(step, seen, EVALUATED_SPLITS) | source)
    return {"registered": True, "look": look, "registration": registered.hash, "Sharpe": _sharpes(stressed)}


def verdict(step: Step) -> Mapping[str, Any]:
    """Go, no go, or not enough evidence: every pre-registered criterion, and the result in words."""
    from trading_assets.robustness.holdout import history_of, statistics_of
    from trading_assets.robustness.ledger_head import verified_ledger
    from trading_assets.robustness.verdict import judge, rows, unregistered

    require_ok(step, ("strategies", "backtests", f"{STAGE}/{holdout.__name__}"))
    name, configuration = strategy_of(step), step.configuration
    history = history_of(verified_ledger(step.work, _head_file(step)), name)
    limits = configuration.robustness.verdict
    if name in configuration.registration:
        judgement = judge(name, statistics_of(_evaluated(step, name)), limits, history)
    else:
        judgement = unregistered(name, limits, history)
    table = rows(judgement)
    _write(step, verdict.__name__, {VERDICTS: table})
    return {
        "result": judgement.result,
        "explanation": judgement.explanation,
        "criteria": table.select("kind", "criterion", "value", "threshold", "passed"),
    }


def _assets_of(configuration: Configuration, strategy: str) -> list[dg.AssetsDefinition]:
    inputs = (*inputs_of(configuration, strategy), "models/splits", f"strategies/{strategy}", f"backtests/{strategy}")
    before = (f"{STAGE}/sensitivity/{strategy}", f"{STAGE}/stress/{strategy}")

    def asset(
        compute: Compute,
        *,
        own: tuple[Table, ...] = (),
        shared: tuple[Table, ...] = (),
        clear: Callable[[Step], object] | None = None,
        deps: tuple[str, ...],
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
            kinds=("polars", "duckdb") if compute is verdict else ("numba", "duckdb"),
            on_failure=on_failure,
        )

    return [
        asset(sensitivity, own=(SENSITIVITY, SENSITIVITY_SUMMARY, HEATMAPS), shared=(TRIALS,), deps=inputs),
        asset(stress, shared=(STRESS,), clear=_remove_development, deps=inputs),
        asset(
            holdout,
            own=(HOLDOUT_RESULTS,),
            shared=(HOLDOUT_LEDGER, REGISTRATIONS, STRESS, *RUN_TABLES),
            clear=_remove_holdout,
            deps=(*inputs, *before),
        ),
        asset(verdict, own=(VERDICTS,), deps=(f"{STAGE}/holdout/{strategy}", *before)),
    ]


def _market(step: Step, name: str) -> tuple[Frames, StrategyMarket, dict[str, Interval]]:
    from trading_assets.backtests.context import prepare
    from trading_assets.robustness.spans import spans_of
    from trading_assets.strategies.inputs import read_frames

    frames = read_frames(step.work, step.configuration, name)
    return frames, prepare(step.configuration, name, frames), spans_of(step.work.read(SPLITS))


def _symbols(context: StrategyMarket) -> list[str]:
    return [*context.grid.symbols, *([context.benchmark_name] if context.benchmark_name else [])]


def _stress_rows(step: Step, context: StrategyMarket, frames: Frames, span: Interval, split: str) -> pl.DataFrame:
    from trading_assets.robustness.months import benchmark_levels, classify_months
    from trading_assets.robustness.stress import stress as run

    settings = step.configuration.robustness
    levels = benchmark_levels(frames.bars, frames.indicators, context.benchmark_name, span.end)
    return run(
        context,
        span.start,
        span.end,
        split=split,
        months=classify_months(levels),
        slippage_multipliers=settings.slippage_multipliers,
        best_trades=settings.verdict.reject_best_trades,
    )


def _registered(step: Step, context: StrategyMarket, frames: Frames, spans: Mapping[str, Interval]) -> Registered:
    from trading_assets.robustness.registration import register

    return register(
        step.configuration,
        context.name,
        symbols=context.grid.symbols,
        benchmark=context.benchmark_name,
        spans=spans,
        bars=frames.bars,
        memberships=frames.universe,
        sectors=dict(frames.instruments.drop_nulls("sector").select("symbol", "sector").iter_rows()),
    )


def _record(step: Step, registered: Registered) -> pl.DataFrame:
    """Enter the registration and the look; from here on the holdout counts as seen."""
    from trading_assets.robustness.ledger import Look
    from trading_assets.robustness.ledger_head import record_look
    from trading_assets.robustness.registration import registration_rows

    step.work.append_chained(REGISTRATIONS, lambda known: registration_rows(known, registered, step.now))
    look = Look(
        strategy=registered.strategy,
        registration_hash=registered.hash,
        config_hash=step.configuration.hash,
        evaluated_at=step.now,
        override=step.configuration.registration[registered.strategy].override,
    )
    return record_look(step.work, _head_file(step), look)


def _evaluated(step: Step, name: str) -> pl.DataFrame:
    """Holdout rows of `robustness.stress` that belong to this configuration and to the backtest as it stands."""
    from trading_assets.robustness.holdout import HoldoutMissingError

    rows = Rows("strategy", name)
    results = step.work.read_or_empty(HOLDOUT_RESULTS, rows=rows)
    metrics = step.work.read_or_empty(backtests.METRICS, rows=rows).filter(split=HOLDOUT)
    if results.is_empty():
        raise HoldoutMissingError(name, "it never was")
    if results["config_hash"].item() != step.configuration.hash:
        raise HoldoutMissingError(name, "the configuration has changed since")
    if metrics.is_empty():
        raise HoldoutMissingError(name, f"backtests/{name} has run since")
    return step.work.read(STRESS, rows=rows).filter(split=HOLDOUT)


def _head_file(step: Step) -> HeadFile:
    from trading_assets.robustness.ledger_head import HeadFile

    return HeadFile(step.configuration.home / "ledger.head")


def _write(step: Step, asset: str, tables: Mapping[Table, pl.DataFrame]) -> None:
    """Replace the strategy's rows, and note that the asset came to its end."""
    name, own = strategy_of(step), f"{STAGE}/{asset}"
    status = {STATUS: status_row(own, name)}
    step.work.replace_together([(Rows("strategy", name), tables), (Rows("asset", f"{own}/{name}"), status)])


def _beside_other_splits(
    step: Step, new: Mapping[Table, pl.DataFrame], splits: tuple[str, ...]
) -> dict[Table, pl.DataFrame]:
    """The strategy's rows as they stand, those of `splits` replaced."""
    from trading_assets.robustness.holdout import put

    rows = Rows("strategy", strategy_of(step))
    return {table: put(step.work.read_or_empty(table, rows=rows), splits, frame) for table, frame in new.items()}


def _remove_development(step: Step) -> None:
    kept = _beside_other_splits(step, {STRESS: STRESS.empty()}, (DEVELOPMENT,))
    step.work.replace(Rows("strategy", strategy_of(step)), kept)


def _remove_holdout(step: Step) -> bool:
    """Remove what an earlier look left in the tables, if there is anything; the ledger keeps the look."""
    from trading_assets.robustness.holdout import EVALUATED_SPLITS

    rows, tables = Rows("strategy", strategy_of(step)), (*RUN_TABLES, STRESS)
    seen = any(not step.work.read_or_empty(table, rows=rows).filter(split=HOLDOUT).is_empty() for table in tables)
    if seen:  # in every table: `all` may have trades of the holdout where the flat start has none
        kept = _beside_other_splits(step, {table: table.empty() for table in tables}, EVALUATED_SPLITS)
        step.work.replace(rows, {**kept, HOLDOUT_RESULTS: HOLDOUT_RESULTS.empty()})
    return seen


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
