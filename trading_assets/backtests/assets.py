"""The assets of the stage: one a strategy, up to the end of validation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from trading_assets import __version__, charts
from trading_assets.asset_factories.step_record import Rule, nothing
from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.backtests.inputs.data_hash import hash_with_rates
from trading_assets.backtests.results.headline import headline
from trading_assets.backtests.tables import BASELINES, DEVELOPMENT, FULL, HOLDOUT, METRICS, RUN_TABLES, RUNS
from trading_assets.backtests.trial_registry import TRIALS, evaluation_of, settings_on_record, trial_rows
from trading_assets.config import Configuration
from trading_assets.config.sections import Interval
from trading_assets.market_data.tables import BARS, SESSIONS
from trading_assets.models.splits import development, spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol, record_trials
from trading_assets.protocol.row_hashes import WrittenRows
from trading_assets.protocol.written_rows import hash_whole, record_written
from trading_assets.strategies.assets import inputs_of
from trading_assets.strategies.evaluation.failure import failure_recorder, require_ok, status_row, strategy_of
from trading_assets.strategies.evaluation.inputs import Frames, read_frames
from trading_assets.strategies.evaluation.on_record import put_exposure_on_record
from trading_assets.strategies.evaluation.written_inputs import assert_inputs_as_written
from trading_assets.strategies.interface.resolved import configured_strategies
from trading_assets.strategies.tables import FAILED, OK, STATUS
from trading_assets.warehouse import Rows, Table

if TYPE_CHECKING:
    from trading_assets.backtests.backtest import PreparedBacktest

STAGE = "backtests"


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`backtests/<name>` for each configured strategy."""
    return [
        table_asset(
            run,
            stage=STAGE,
            strategy=strategy.name,
            tables=(*RUN_TABLES, RUNS, TRIALS),
            deps=[*inputs_of(configuration, strategy), "models/splits", f"strategies/{strategy.name}"],
            kinds=("numba", "duckdb"),
            on_failure=_failed,
            rule=Rule(nothing, own_rows=f"split NOT IN ('{HOLDOUT}', '{FULL}')"),
        )
        for strategy in configured_strategies(configuration)
    ]


def run(step: Step) -> Mapping[str, Any]:
    """Simulate train, validation and both in one go; the holdout stays locked."""
    from trading_assets.backtests.backtest import backtest, baselines_of, metrics_of, prepare
    from trading_assets.backtests.results.run_tables import together

    require_ok(step, ("strategies",))
    assert_inputs_as_written(step)
    name = strategy_of(step)
    spans = open_spans(step.work.read(SPLITS))
    frames = read_frames(step.work, step.configuration, name, spans[DEVELOPMENT].end)
    prepared = prepare(step.configuration, frames, spans[DEVELOPMENT].end)
    put_exposure_on_record(step, STAGE, spans[DEVELOPMENT], frames.strategy.symbols, frames.bars_in_parts)
    results = {split: backtest(prepared, span.start, span.end, split=split) for split, span in spans.items()}
    metrics = pl.concat(metrics_of(prepared, result) for result in results.values()).sort(METRICS.key)
    tables = {**together(results.values()), METRICS: metrics, BASELINES: baselines_of(prepared, results[DEVELOPMENT])}
    tables = {table: pl.concat([frame, _seen(step, table)], how="vertical_relaxed") for table, frame in tables.items()}
    found = _found(step, prepared, frames, metrics, spans[DEVELOPMENT].end)
    # On record before it can be seen: a result that somebody may choose by is a trial, whoever asked for it.
    trials = _trial_row(step, prepared, results[DEVELOPMENT].equity, found)
    source = f"{STAGE}/{name}"
    record_trials(Protocol.of(step.configuration), trials, subject=name, source=source, now=step.now)
    step.work.append_new(TRIALS, trials)
    step.work.replace_together(
        [
            (Rows("strategy", name), tables),
            (Rows("asset", f"{STAGE}/{name}"), {STATUS: status_row(STAGE, name)}),
        ]
    )
    written = [development_metrics(step.work.written[METRICS], name)]
    record_written(Protocol.of(step.configuration), source, written, step.now)
    step.work.append(RUNS, _run_row(step, OK, found))
    curve, splits = results[DEVELOPMENT].equity, step.work.read(SPLITS)
    baselines = tables[BASELINES].filter(split=DEVELOPMENT)
    return {
        "benchmark": prepared.benchmark_name,
        **headline(found),
        "metrics": metrics.pivot("split", index="metric", values="value"),
        "equity": dg.MetadataValue.md(charts.markdown(charts.equity(curve, baselines, splits))),
        "drawdown": dg.MetadataValue.md(charts.markdown(charts.drawdown(curve))),
    }


def development_metrics(metrics: pl.DataFrame, name: str) -> WrittenRows:
    """Return the hashes of a strategy's rows of `backtests.metrics` but those of a look at its holdout."""
    own = metrics.filter(~pl.col("split").is_in([HOLDOUT, FULL]))
    return hash_whole(METRICS, own, name)


def open_spans(splits: pl.DataFrame) -> dict[str, Interval]:
    """What is run: train, validation if there is one, and the development span, the two in one go."""
    spans = spans_of(splits)
    return {**{name: span for name, span in spans.items() if name != "holdout"}, DEVELOPMENT: development(spans)}


def _seen(step: Step, table: Table) -> pl.DataFrame:
    """Return what a look at the holdout of a registered strategy left in a table: no further backtest takes it away."""
    columns = list(table.columns)
    if strategy_of(step) not in step.configuration.registration:
        return table.empty().select(columns)
    rows = step.work.aside().read_or_empty(table, rows=Rows("strategy", strategy_of(step)))
    return rows.filter(pl.col("split").is_in([HOLDOUT, FULL])).select(columns)


def _failed(step: Step, error: Exception) -> None:
    """Empty the strategy's tables and keep both the status and the run on record as failed."""
    failure_recorder(STAGE, RUN_TABLES)(step, error)
    step.work.append(RUNS, _run_row(step, FAILED, {}))


def _run_row(step: Step, status: str, found: Mapping[str, object]) -> pl.DataFrame:
    row = {
        "run_id": step.run_id,
        "strategy": strategy_of(step),
        "status": status,
        "config_hash": step.configuration.hash_for(strategy_of(step)),
        "code_version": __version__,
        "seed": step.configuration.seed,
        "started_at": step.now,
        "finished_at": dt.datetime.now(dt.UTC).replace(tzinfo=None),
        **found,
    }
    return pl.DataFrame([row], schema=RUNS.empty().schema)


def _last_session(step: Step, frames: Frames, prepared: PreparedBacktest) -> dt.date:
    """Return the last session of the data: said of a run, which does not depend on it."""
    symbols, aside = [*frames.strategy.symbols, *step.configuration.benchmarks.values()], step.work.aside()
    (last,) = aside.query(
        f"SELECT max(session) FROM {SESSIONS.name} WHERE list_contains(?, calendar) AND session <= "
        f"(SELECT max(session) FROM {BARS.name} WHERE list_contains(?, symbol))",
        [sorted(set(prepared.axes.calendars)), symbols],
    ).row(0)
    found: dt.date = last
    return found


def _trial_row(step: Step, prepared: PreparedBacktest, equity: pl.DataFrame, found: Mapping[str, Any]) -> pl.DataFrame:
    evaluation = evaluation_of(
        prepared,
        equity,
        sharpe=found["sharpe"],
        settings_hash=settings_on_record(step.work, step.configuration, prepared.strategy),
        data_hash=found["data_hash"],
    )
    source = f"{STAGE}/{prepared.name}"
    return trial_rows([evaluation], source=source, run_id=step.run_id, evaluated_at=step.now)


def _found(
    step: Step, prepared: PreparedBacktest, frames: Frames, metrics: pl.DataFrame, end: dt.date
) -> dict[str, Any]:
    headline = dict(metrics.filter(split=DEVELOPMENT).select("metric", "value").iter_rows())
    symbols = [*prepared.axes.symbols, *([prepared.benchmark_name] if prepared.benchmark_name else [])]
    return {
        "data_hash": hash_with_rates(
            frames.bars_in_parts, symbols, end, frames.risk_free, frames.borrow_rates, frames.publications
        ),
        "as_of": _last_session(step, frames, prepared),
        **{name: headline[name] for name in ("trades", "total_return", "sharpe", "max_drawdown")},
    }
