"""The assets of the stage: the splits, and one asset a model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg
import polars as pl

from trading_assets.asset_factories.step_record import Rule, nothing
from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.config import Configuration
from trading_assets.config.models import WalkForward
from trading_assets.features.own import assert_current, own_features
from trading_assets.features.tables import DAILY
from trading_assets.market_data.tables import BARS
from trading_assets.models.champion_step import choose
from trading_assets.models.champions import score_asset
from trading_assets.models.costs import cost_rows
from trading_assets.models.cross_validation import cross_validation
from trading_assets.models.entries import assets_of_primaries, ends_before
from trading_assets.models.evaluation import compare
from trading_assets.models.evaluation_tables import COSTS, SHUFFLED_LABELS
from trading_assets.models.fits import kept_fits, rows_to_keep
from trading_assets.models.fold_evaluation import finding_of_rows
from trading_assets.models.fold_rows import curve_in_words
from trading_assets.models.inputs import samples_of
from trading_assets.models.kept_folds import TABLES as FOLD_TABLES
from trading_assets.models.kept_folds import KeptFolds
from trading_assets.models.live_step import live_quality
from trading_assets.models.on_record import (
    STAGE,
    assert_inputs_as_written,
    hash_of_model,
    opened_by,
    put_on_record,
)
from trading_assets.models.promotion import Record, losses_by_session, target_in_words
from trading_assets.models.regime_model import RegimeModel
from trading_assets.models.regimes import FEATURES, regimes_of_benchmarks
from trading_assets.models.registry import Candidate, UnreadableRegistryError, promotion_row, register, registry_state
from trading_assets.models.run import ModelRun, run_model
from trading_assets.models.splits import holdout_start, resolve_splits, warm_up
from trading_assets.models.tables import (
    CHAMPIONS,
    CROSS_VALIDATION,
    EXPLANATIONS,
    FITS,
    FOLDS,
    LIVE_QUALITY,
    LOSS_DRIFT,
    METRICS,
    OF_EVALUATION,
    OF_SOME,
    OK,
    OUTCOMES,
    PREDICTIONS,
    PROMOTIONS,
    REGIMES,
    SPLITS,
    TUNING_GAIN,
    TUNING_TRIALS,
)
from trading_assets.models.training import learner_of
from trading_assets.models.tuning_on_record import as_tried, record_searches
from trading_assets.models.tuning_rows import chosen_of_last
from trading_assets.models.version import procedure_of
from trading_assets.parallel.configured import workers_of
from trading_assets.parallel.workers import IN_THREADS
from trading_assets.protocol import Protocol
from trading_assets.protocol.decisions import decisions_of
from trading_assets.protocol.made_under import settings_of_scores
from trading_assets.protocol.written_rows import (
    hash_state,
    hash_whole,
    is_as_written,
    last_written,
    record_written,
)
from trading_assets.warehouse import Rows, Table, Whole

#: Libraries of families that are not of scikit-learn alone, as Dagster's UI shows them.
_LIBRARIES = {"ranking": "xgboost", "quantile": "xgboost"} | {
    each: each for each in ("xgboost", "lightgbm", "catboost")
}
REGIME_KINDS = ("scikitlearn", "polars", "duckdb")


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`models/splits`, `models/regimes`, `models/<name>` of each model, `models/champion/<name>` of each champion."""
    return [
        table_asset(splits, stage=STAGE, tables=(SPLITS,), deps=("market_data/bars",), rule=Rule(nothing)),
        table_asset(
            regimes,
            stage=STAGE,
            tables=(REGIMES,),
            deps=("features/daily",),
            kinds=REGIME_KINDS,
            rule=Rule(nothing),
        ),
        *(_model_asset(name, model) for name, model in configuration.models.items()),
        *(_champion_asset(name, champion.candidates) for name, champion in configuration.champions.items()),
        *([_cross_validation_asset(configuration)] if configuration.cross_validation else []),
        *_watch(configuration),
    ]


def _watch(configuration: Configuration) -> Iterator[dg.AssetsDefinition]:
    """`models/live_quality`, where there is a model."""
    if configuration.models:
        scored = [score_asset(configuration, name) for name in configuration.score_names]
        yield table_asset(
            live_quality,
            stage=STAGE,
            tables=(LIVE_QUALITY, LOSS_DRIFT),
            deps=("market_data/bars", "models/splits", *scored),
            kinds=("scikitlearn", "polars", "duckdb"),
            rule=Rule(nothing),
        )


def _cross_validation_asset(configuration: Configuration) -> dg.AssetsDefinition:
    read = assets_of_primaries(configuration.models[name] for name in configuration.cross_validation)
    deps = ("features/daily", "market_data/bars", "models/splits", *read)
    return table_asset(cross_validation, stage=STAGE, tables=(CROSS_VALIDATION,), deps=deps, rule=Rule(_sections))


def _sections(configuration: Configuration) -> object:
    """What is cross-validated: no hash of the configuration knows it."""
    return {name: each.model_dump() for name, each in sorted(configuration.cross_validation.items())}


def _how_closely(configuration: Configuration) -> object:
    """How closely models are looked at: no hash of the configuration knows it."""
    return configuration.evaluation.model_dump()


def splits(step: Step) -> Mapping[str, Any]:
    """Train, validation and holdout as dates, resolved once."""
    sessions = _sessions(step.work.read(BARS, columns=["session"], where="asset_class <> 'index'"))
    frame = resolve_splits(step.configuration.splits, sessions, step.work.read_or_empty(SPLITS))
    step.work.replace(Whole(), {SPLITS: frame})
    return {"splits": frame.select("split", "start", "end"), "warm-up sessions": warm_up(frame, sessions)}


def regimes(step: Step) -> Mapping[str, Any]:
    """Regimes of each benchmark by its return and volatility over 20 sessions, fitted and filtered on the past only."""
    configuration = step.configuration
    assert_inputs_as_written(configuration, step.work, FEATURES)
    benchmarks = sorted(set(configuration.benchmarks.values()))
    features = step.work.read(
        DAILY, columns=["symbol", "session", *FEATURES], where="list_contains(?, symbol)", parameters=[benchmarks]
    )
    record, asset = step.record, f"{STAGE}/{regimes.__name__}"
    fits = {version: RegimeModel.of_json(each) for version, each in _state_on_record(step, asset).items()}
    frame = regimes_of_benchmarks(features, benchmarks, configuration.regimes, configuration.seed, fits)
    if record is not None:
        used = set(frame["version"])
        record.left_state = {version: model.as_json() for version, model in fits.items() if version in used}
    step.work.replace(Whole(), {REGIMES: frame})
    written = [hash_whole(REGIMES, step.work.written[REGIMES])]
    if record is not None:
        written.append(hash_state(asset, record.left_state))
    record_written(Protocol.of(configuration), asset, written, step.now)
    likely = frame.sort("probability", descending=True).unique(["benchmark", "session"], keep="first")
    seen = likely.join(features, left_on=["benchmark", "session"], right_on=["symbol", "session"])
    shown = seen.group_by("benchmark", "regime").agg(
        pl.len().alias("sessions"), pl.col("return_20").mean(), pl.col("volatility_20").mean()
    )
    return {"most likely regime": shown.sort("benchmark", "regime")}


def _model_asset(name: str, settings: WalkForward) -> dg.AssetsDefinition:
    def model(step: Step) -> Mapping[str, Any]:
        """A walk-forward model: trained, scored out of sample, set beside its baselines, and registered."""
        return train(step, name)

    return table_asset(
        model,
        stage=STAGE,
        name=name,
        tables=(PREDICTIONS, FOLDS, METRICS, EXPLANATIONS, OUTCOMES, FITS, *OF_SOME, PROMOTIONS, *OF_EVALUATION),
        deps=("features/daily", "market_data/bars", "models/splits", *assets_of_primaries([settings])),
        kinds=(_LIBRARIES.get(getattr(settings, "type", ""), "python"), "scikitlearn", "duckdb"),
        rule=Rule(_how_closely, leaves=registry_state),
    )


def _champion_asset(name: str, candidates: Sequence[str]) -> dg.AssetsDefinition:
    def champion(step: Step) -> Mapping[str, Any]:
        """The better of several models, chosen at each refit by what was known then: its scores are traded."""
        return choose(step, name)

    def by_hand(configuration: Configuration) -> object:
        return [each.plain() for each in decisions_of(configuration, [name])]

    return table_asset(
        champion,
        stage=STAGE,
        name=f"champion/{name}",
        tables=(CHAMPIONS, PREDICTIONS, FOLDS, METRICS, EXPLANATIONS, OUTCOMES),
        deps=("features/daily", "market_data/bars", "models/splits", *(f"{STAGE}/{each}" for each in candidates)),
        rule=Rule(by_hand),
    )


def train(step: Step, name: str) -> Mapping[str, Any]:
    """Train one model of the configuration, write its tables, then register what was written."""
    settings = step.configuration.models[name]
    assert_inputs_as_written(step.configuration, step.work, None)
    assert_current(step.work, step.configuration, {each.column for each in own_features(step.configuration)})
    holdout, readers = holdout_start(step.work.read(SPLITS)), opened_by(step.configuration, name)
    # Nothing of a holdout that is closed is learnt, scored or counted.
    until = dt.date.max if readers else holdout
    samples, folds, bars = samples_of(step.work, step.configuration, name, until)
    learner = learner_of(step.configuration, name)
    on, symbols = Protocol.of(step.configuration), bars["symbol"].unique().to_list()
    searched = partial(
        record_searches, on, learner, name, folds=folds, symbols=symbols, run_id=step.run_id, now=step.now
    )
    kept = _kept_folds(step, name)
    run = run_model(
        samples,
        folds,
        settings,
        name=name,
        seed=step.configuration.seed,
        holdout_start=holdout,
        workers=workers_of(step.configuration, otherwise=IN_THREADS),
        own=learner.own,
        fits=_kept_fits(step, name),
        kept=kept,
        evaluation=step.configuration.evaluation,
        searched=searched,
    )
    if step.record is not None:
        step.record.left_state = kept.digests
    # A user's own module may be no function of its training set: it is asked again each time.
    made = rows_to_keep(name, {} if learner.own is not None else run.fits)
    end = ends_before(step.work, settings.primary, until)
    outcomes = run.tables[OUTCOMES].with_columns(until=pl.lit(end, pl.Date))
    tables = {**run.tables, OUTCOMES: outcomes, FITS: pl.concat([kept.fits_of(run.untrained), made])}
    if run.artifact is not None:
        put_on_record(step, name, bars, holdout, readers)
    searched(run.tables[TUNING_TRIALS])  # those of folds that are kept, too
    searched(as_tried(step.configuration, name, run.tables[FOLDS].filter(status=OK)["fold"].to_list()))
    step.work.replace(Rows("model", name), tables)
    written = [hash_of_model(table, step.work.written[table], name) for table in FOLD_TABLES]
    written.append(settings_of_scores(step.configuration, name))
    if step.record is not None:
        written.append(hash_state(f"{STAGE}/{name}", step.record.left_state))
    record_written(Protocol.of(step.configuration), f"{STAGE}/{name}", written, step.now)
    step.work.append_new(COSTS, cost_rows(name, step.run_id, run.costs, step.now))

    outcome = run.tables[OUTCOMES].row(0, named=True)
    comparison = compare(run.tables[METRICS])
    metadata = {
        "version": run.version,
        "outcome": outcome["reason"] or outcome["status"],
        "folds": f"{outcome['scored_folds']} of {outcome['folds']} trained",
        "unscored rows": outcome["unscored_rows"],
        "mean log loss": comparison.model,
        **{f"mean log loss ({baseline})": loss for baseline, loss in comparison.baselines.items()},
        "training, processor seconds": round(run.costs.seconds["model"], 3),
        "memory of the process at its peak, MB": round(run.costs.peak_mb),
        "AUC of shuffled labels": finding_of_rows(run.tables[SHUFFLED_LABELS]).auc,
        **_search_in_words(run.tables),
        "metrics": _metrics_table(run.tables[METRICS]),
        "features": run.tables[EXPLANATIONS].sort("value", descending=True).head(15).select("feature", "value"),
    }
    if run.artifact is None:
        step.log.warning(f"model {name} has no scores: {outcome['reason']}")
        return metadata
    file = (learner.file_name, run.artifact)
    try:
        return metadata | _register(step, name, run, file, samples.names, holdout)
    except UnreadableRegistryError as error:  # the check `registry` tells it; what is traded does not wait for it
        return metadata | {"registry": str(error)}


def _search_in_words(tables: Mapping[Table, pl.DataFrame]) -> dict[str, Any]:
    """What was searched, what it bought, and how many fits it took; nothing of a model without `tune`."""
    trials = tables[TUNING_TRIALS]
    if trials.is_empty():
        return {}
    return {
        "search": tables[TUNING_GAIN]["reason"][0],
        "search, trials on record": tables[TUNING_GAIN]["trials"][0],
        "search, inner fits": int(trials["inner_folds"].sum()),
        "search, chosen": trials.filter("chosen").select("fold", "parameters", "inner_loss"),
    }


def _kept_fits(step: Step, name: str) -> dict[str, bytes]:
    """Models of earlier runs; none if they are not those that the product wrote, for they are made anew here."""
    rows = step.work.aside().read_or_empty(FITS, rows=Rows("model", name))
    if is_as_written(hash_of_model(FITS, rows, name), last_written(step.configuration)):
        return kept_fits(rows)
    if rows.height:
        step.log.warning(f"{FITS.name} was edited: all folds of model {name} are fitted anew")
    return {}


def _kept_folds(step: Step, name: str) -> KeptFolds:
    """What the last run left of the folds of a model, if all of it is as it left it and as it is on record."""
    state = _state_on_record(step, f"{STAGE}/{name}")
    if step.record is None or not state:
        return KeptFolds()
    left = {table: step.record.left(table, Rows("model", name)) for table in FOLD_TABLES}
    rows, on_record = (
        {table: frame for table, frame in left.items() if frame is not None},
        last_written(step.configuration),
    )
    stand = all(is_as_written(hash_of_model(table, frame, name), on_record) for table, frame in rows.items())
    return KeptFolds(state, rows) if stand and len(rows) == len(left) else KeptFolds()


def _state_on_record(step: Step, asset: str) -> Mapping[str, Any]:
    """What the last run of an asset left to continue from; empty if it is not what is on record."""
    if step.record is None or not step.record.state:
        return {}
    state = step.record.state
    return state if is_as_written(hash_state(asset, state), last_written(step.configuration)) else {}


def _register(
    step: Step,
    name: str,
    run: ModelRun,
    file: tuple[str, bytes],
    features: Sequence[str],
    holdout: dt.date,
) -> dict[str, Any]:
    settings, version, tables = step.configuration.models[name], run.version, run.tables
    benchmark = step.configuration.benchmarks.get(settings.universe, "zero")
    before = tables[FOLDS].filter(pl.col("test_end") < holdout).select("fold", "test_start")
    metrics: dict[dt.date, dict[str, float]] = {}
    for start, metric, value in (
        tables[METRICS]
        .drop_nulls("value")
        .join(before, on="fold", maintain_order="left")
        .select("test_start", "metric", "value")
        .iter_rows()
    ):
        metrics.setdefault(start, {})[metric] = value
    registered = register(
        step.configuration.home,
        Candidate(
            model=name,
            version=version,
            artifact=file[1],
            file_name=file[0],
            features=features,
            parameters={
                **settings.model_dump(),
                **chosen_of_last(tables[TUNING_TRIALS]),
                "seed": step.configuration.seed,
                **curve_in_words(tables, run.curves),
            },
            record=Record(
                target_in_words(settings, benchmark),
                settings.horizon,
                procedure_of(learner_of(step.configuration, name)),
                losses_by_session(tables[PREDICTIONS], holdout),
            ),
            metrics=metrics,
        ),
    )
    promotion = promotion_row(name, version, registered, decided_at=step.now, run_id=step.run_id)
    step.work.append_new(PROMOTIONS, promotion)
    return {
        "registered version": registered.number,
        "decision": registered.decided.decision,
        "decision reason": registered.decided.reason,
    }


def _sessions(bars: pl.DataFrame) -> list[dt.date]:
    return bars["session"].unique().sort().to_list()


def _metrics_table(metrics: pl.DataFrame) -> pl.DataFrame:
    """Mean over folds, the model beside its baselines."""
    names = ["auc", "log_loss", "brier", "accuracy", "information_coefficient"]
    means = dict(metrics.group_by("metric").agg(pl.col("value").mean()).iter_rows())
    return pl.DataFrame(
        [
            {
                "metric": name,
                **{who or "model": means.get(f"{who}_{name}" if who else name) for who in ("", "logistic", "naive")},
            }
            for name in names
        ]
    )
