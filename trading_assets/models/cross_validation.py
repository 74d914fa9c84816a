"""The asset of cross-validation: each model that the section names, on all sessions before the holdout."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.features.tables import DAILY
from trading_assets.market_data.derived_columns import derived_on_record, span_of
from trading_assets.market_data.tables import BARS, UNIVERSE
from trading_assets.models.combinatorial import cross_validate
from trading_assets.models.run import procedure_of, samples_and_folds
from trading_assets.models.samples import Samples
from trading_assets.models.splits import holdout_start
from trading_assets.models.tables import CROSS_VALIDATION, SPLITS
from trading_assets.models.training import learner_of
from trading_assets.parallel.configured import workers_of
from trading_assets.parallel.workers import IN_THREADS
from trading_assets.protocol import Protocol
from trading_assets.protocol.exposures import exposure
from trading_assets.protocol.recording import record_exposures
from trading_assets.protocol.row_hashes import WrittenRows
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.protocol.written_rows import OnRecord, assert_read_as_written, months_on_record
from trading_assets.warehouse import Warehouse, Whole


def cross_validation(step: Step) -> Mapping[str, Any]:
    """Combinatorial purged cross-validation: metrics of each path, on sessions before the holdout."""
    configuration, made = step.configuration, span_of(step.configuration)

    def rows_of(held: Warehouse, on_record: OnRecord) -> Iterator[WrittenRows]:
        yield from derived_on_record(held, on_record, dt.date.max, made=made)
        yield months_on_record(held, DAILY, on_record, dt.date.max, made=made)

    assert_read_as_written(configuration, step.work, rows_of)
    parts = [CROSS_VALIDATION.empty()]
    shown = []
    for name, settings in sorted(configuration.cross_validation.items()):
        learner = learner_of(configuration, name)
        samples = _samples(step, name)
        workers = workers_of(configuration, otherwise=IN_THREADS)
        paths, trained = cross_validate(samples, learner, settings, workers)
        rows = [
            {"path": path, "metric": metric, "value": value}
            for path, metrics in enumerate(paths)
            for metric, value in metrics.items()
        ]
        types = {"path": pl.Int64, "metric": pl.String, "value": pl.Float64}
        frame = pl.DataFrame(rows, schema=types).with_columns(
            model=pl.lit(name), procedure=pl.lit(procedure_of(learner)), trainings=pl.lit(trained)
        )
        parts.append(CROSS_VALIDATION.conform(frame))
        shown.append(frame)
    table = pl.concat(parts).sort(CROSS_VALIDATION.key)
    step.work.replace(Whole(), {CROSS_VALIDATION: table})
    if not shown:
        return {}
    spread = (
        pl.concat(shown)
        .group_by("model", "metric")
        .agg(
            pl.len().alias("paths"),
            pl.col("value").median().alias("median"),
            pl.col("value").min().alias("lowest"),
            pl.col("value").max().alias("highest"),
        )
    )
    return {"paths": spread.sort("model", "metric")}


def _samples(step: Step, name: str) -> Samples:
    """What a model learns from before the holdout, which stays closed whoever reads its scores; it is put on record."""
    configuration, settings = step.configuration, step.configuration.models[name]
    benchmark, until = configuration.benchmarks.get(settings.universe), holdout_start(step.work.read(SPLITS))
    of_label = ["adj_high", "adj_low", "flags"] if settings.label == "triple_barrier" else []
    bars = step.work.read(
        BARS,
        columns=["symbol", "asset_class", "session", "adj_open", "adj_close", *of_label],
        where="(asset_class = ? OR symbol = ?) AND session < ?",
        parameters=[settings.universe, benchmark, until],
    )
    features = step.work.read(
        DAILY,
        where="list_contains(?, symbol) AND session < ?",
        parameters=[bars["symbol"].unique().sort().to_list(), until],
    ).cast({pl.Float64: pl.Float32})
    seen = bars.filter(asset_class=settings.universe)
    first, last = seen["session"].min(), seen["session"].max()
    if isinstance(first, dt.date) and isinstance(last, dt.date):
        symbols = seen["symbol"].unique().to_list()
        entry = exposure("models", name, first, last, symbols, equal_weight_returns([seen], symbols, first, last), {})
        record_exposures(Protocol.of(configuration), [entry], step.now)
    samples, _ = samples_and_folds(
        settings, bars=bars, features=features, universe=step.work.read(UNIVERSE), benchmark=benchmark
    )
    return samples
