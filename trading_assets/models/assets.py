"""The assets of the stage: the splits, and one asset a model."""

from __future__ import annotations

import base64
import datetime as dt
import resource
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from trading_assets.asset_factories.step_record import Rule, nothing
from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.config import Configuration
from trading_assets.features.own import assert_current, own_features
from trading_assets.features.tables import DAILY
from trading_assets.market_data.derived_columns import derived_on_record, span_of
from trading_assets.market_data.tables import BARS, UNIVERSE
from trading_assets.models.evaluation import compare
from trading_assets.models.fits import kept_fits, rows_to_keep
from trading_assets.models.kept_folds import TABLES as FOLD_TABLES
from trading_assets.models.kept_folds import KeptFolds
from trading_assets.models.promotion import Record, losses_by_session, target_in_words
from trading_assets.models.regimes import FEATURES, RegimeModel, regimes_of_benchmarks
from trading_assets.models.registry import Candidate, has_registry, promotion_row, register
from trading_assets.models.run import ModelRun, procedure_of, run_model, samples_and_folds
from trading_assets.models.splits import holdout_start, resolve_splits, warm_up
from trading_assets.models.tables import (
    EXPLANATIONS,
    FITS,
    FOLDS,
    METRICS,
    OUTCOMES,
    PREDICTIONS,
    PROMOTIONS,
    REGIMES,
    SPLITS,
)
from trading_assets.models.training import learner_of
from trading_assets.parallel.configured import workers_of
from trading_assets.parallel.workers import IN_THREADS
from trading_assets.protocol import Protocol
from trading_assets.protocol.exposures import exposure
from trading_assets.protocol.recording import record_exposures
from trading_assets.protocol.row_hashes import WrittenRows
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.protocol.written_rows import (
    OnRecord,
    assert_read_as_written,
    hash_state,
    hash_whole,
    is_as_written,
    last_written,
    months_on_record,
    record_written,
)
from trading_assets.warehouse import Rows, Table, Warehouse, Whole
from trading_assets.warehouse.by_symbol import read_by_symbol

STAGE = "models"
#: Libraries of families that are not of scikit-learn alone, as Dagster's UI shows them.
_LIBRARIES = {"ranking": "xgboost", "quantile": "xgboost"} | {
    each: each for each in ("xgboost", "lightgbm", "catboost")
}
REGIME_KINDS = ("scikitlearn", "polars", "duckdb")


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`models/splits`, `models/regimes`, and `models/<name>` for each configured model."""
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
        *(_model_asset(name, getattr(model, "type", "")) for name, model in configuration.models.items()),
    ]


def splits(step: Step) -> Mapping[str, Any]:
    """Train, validation and holdout as dates, resolved once."""
    sessions = _sessions(step.work.read(BARS, columns=["session"], where="asset_class <> 'index'"))
    frame = resolve_splits(step.configuration.splits, sessions, step.work.read_or_empty(SPLITS))
    step.work.replace(Whole(), {SPLITS: frame})
    return {"splits": frame.select("split", "start", "end"), "warm-up sessions": warm_up(frame, sessions)}


def regimes(step: Step) -> Mapping[str, Any]:
    """Regimes of each benchmark by its return and volatility over 20 sessions, fitted and filtered on the past only."""
    configuration = step.configuration
    _assert_inputs_as_written(step, FEATURES)
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


def _model_asset(name: str, family: str) -> dg.AssetsDefinition:
    def model(step: Step) -> Mapping[str, Any]:
        """A walk-forward model: trained, scored out of sample, set beside its baselines, and registered."""
        return train(step, name)

    return table_asset(
        model,
        stage=STAGE,
        name=name,
        tables=(PREDICTIONS, FOLDS, METRICS, EXPLANATIONS, OUTCOMES, FITS, PROMOTIONS),
        deps=("features/daily", "market_data/bars", "models/splits"),
        kinds=(_LIBRARIES.get(family, "python"), "scikitlearn", "duckdb"),
        rule=Rule(nothing, leaves=has_registry),
    )


def train(step: Step, name: str) -> Mapping[str, Any]:
    """Train one model of the configuration, write its tables, then register what was written."""
    settings = step.configuration.models[name]
    _assert_inputs_as_written(step, None)
    assert_current(step.work, step.configuration, {each.column for each in own_features(step.configuration)})
    benchmark = step.configuration.benchmarks.get(settings.universe)
    of_label = ["adj_high", "adj_low", "flags"] if settings.label == "triple_barrier" else []
    bars = step.work.read(
        BARS,
        columns=["symbol", "asset_class", "session", "adj_open", "adj_close", *of_label],
        where="asset_class = ? OR symbol = ?",
        parameters=[settings.universe, benchmark],
    )
    features = _read_features(step, bars["symbol"].unique().to_list())
    holdout, readers = holdout_start(step.work.read(SPLITS)), opened_by(step.configuration, name)
    learner = learner_of(step.configuration, name)
    if learner.own is not None and not readers:  # a user's own code is shown no session of a holdout that is closed
        bars, features = (each.filter(pl.col("session") < holdout) for each in (bars, features))
    samples, folds = samples_and_folds(
        settings, bars=bars, features=features, universe=step.work.read(UNIVERSE), benchmark=benchmark
    )
    del features  # the samples have them
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
    )
    if step.record is not None:
        step.record.left_state = kept.digests
    tables = run.tables if readers else locked(run.tables, holdout)
    # A user's own module may be no function of its training set: it is asked again each time.
    fits = {} if learner.own is not None else run.fits
    train_ends = dict(run.tables[FOLDS].select("fold", "train_end").iter_rows())
    made = rows_to_keep(name, fits, train_ends, dt.date.max if readers else holdout)
    tables = {**tables, FITS: pl.concat([kept.fits_of(run.untrained), made])}
    artifact = run.artifact if readers or learner.own is not None else _before(run, tables[FITS], train_ends, holdout)
    if run.artifact is not None:
        _put_on_record(step, name, bars.filter(asset_class=settings.universe), holdout, readers)
    step.work.replace(Rows("model", name), tables)
    written = [_hash_of(table, step.work.written[table], name) for table in FOLD_TABLES]
    if step.record is not None:
        written.append(hash_state(f"{STAGE}/{name}", step.record.left_state))
    record_written(Protocol.of(step.configuration), f"{STAGE}/{name}", written, step.now)

    outcome = run.tables[OUTCOMES].row(0, named=True)
    comparison = compare(run.tables[METRICS])
    metadata = {
        "version": run.version,
        "outcome": outcome["reason"] or outcome["status"],
        "folds": f"{outcome['scored_folds']} of {outcome['folds']} trained",
        "unscored rows": outcome["unscored_rows"],
        "mean log loss": comparison.model,
        **{f"mean log loss ({baseline})": loss for baseline, loss in comparison.baselines.items()},
        # What training cost is no table: it differs from run to run, and tables do not.
        "training, processor seconds": round(run.seconds, 3),
        "memory of the process at its peak, MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "metrics": _metrics_table(run.tables[METRICS]),
        "features": run.tables[EXPLANATIONS].sort("value", descending=True).head(15).select("feature", "value"),
    }
    if run.artifact is None:
        step.log.warning(f"model {name} has no scores: {outcome['reason']}")
        return metadata
    if artifact is None:  # whatever has learned has learned from a holdout that is closed
        return metadata
    return metadata | _register(step, name, run.version, (learner.file_name, artifact), run.tables, holdout)


def _before(run: ModelRun, kept: pl.DataFrame, train_ends: Mapping[int, dt.date], holdout: dt.date) -> bytes | None:
    """Bytes of the last model that has learned from nothing of the holdout."""
    found = {fold: each.content for fold, each in run.fits.items() if train_ends[fold] < holdout}
    found |= {fold: base64.b64decode(content) for fold, content in kept.select("fold", "content").iter_rows()}
    return found[max(found)] if found else None


def _hash_of(table: Table, rows: pl.DataFrame, name: str) -> WrittenRows:
    """Hashes of rows of a model, but of their version: it is of all that the model saw, a closed holdout among it."""
    return hash_whole(table, rows, name, [each for each in table.columns if each != "version"])


def _kept_fits(step: Step, name: str) -> dict[str, bytes]:
    """Models of earlier runs; none if they are not those that the product wrote, for they are made anew here."""
    rows = step.work.aside().read_or_empty(FITS, rows=Rows("model", name))
    if is_as_written(_hash_of(FITS, rows, name), last_written(step.configuration)):
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
    stand = all(is_as_written(_hash_of(table, frame, name), on_record) for table, frame in rows.items())
    return KeptFolds(state, rows) if stand and len(rows) == len(left) else KeptFolds()


def _state_on_record(step: Step, asset: str) -> Mapping[str, Any]:
    """What the last run of an asset left to continue from; empty if it is not what is on record."""
    if step.record is None or not step.record.state:
        return {}
    state = step.record.state
    return state if is_as_written(hash_state(asset, state), last_written(step.configuration)) else {}


def _read_features(step: Step, symbols: Sequence[str]) -> pl.DataFrame:
    """All features of some symbols as a model takes them, in single precision: half of what they are as stored."""
    batches = read_by_symbol(step.work, DAILY, where="list_contains(?, symbol)", parameters=[symbols])
    return pl.concat((each.cast({pl.Float64: pl.Float32}) for each in batches), rechunk=True)


def _assert_inputs_as_written(step: Step, features: Sequence[str] | None) -> None:
    """Check the bars and the features that a step is about to read.

    Parameters
    ----------
    features
        Columns of `features.daily`; None: all of them.

    Raises
    ------
    EditedRowsError
        They are not those that the product wrote.
    """
    end, made = dt.date.max, span_of(step.configuration)

    def rows_of(held: Warehouse, on_record: OnRecord) -> Iterator[WrittenRows]:
        yield from derived_on_record(held, on_record, end, made=made)
        yield months_on_record(held, DAILY, on_record, end, features, made=made)

    assert_read_as_written(step.configuration, step.work, rows_of)


def opened_by(configuration: Configuration, model: str) -> list[str]:
    """Return the registered strategies that read a model, or a member of which does: its scores reach the holdout.

    With the bars beside them scores tell how a model fares there, as signals do of a strategy. So they end before it
    until there is one.
    """
    return [
        name
        for name in configuration.registration
        if any(
            getattr(configuration.strategies[each].parameters, "model", None) == model
            for each in configuration.behind(name)
        )
    ]


def _put_on_record(step: Step, name: str, bars: pl.DataFrame, holdout: dt.date, readers: Sequence[str]) -> None:
    """Record what the metrics and scores of a model let a person see, before they are written."""
    seen = bars if readers else bars.filter(pl.col("session") < holdout)
    first, last = seen["session"].min(), seen["session"].max()
    if not isinstance(first, dt.date) or not isinstance(last, dt.date):
        return
    symbols = seen["symbol"].unique().to_list()
    returns = equal_weight_returns([seen], symbols, first, last)
    more = {"opened_by": sorted(readers), "config_hash": step.configuration.hash} if readers else {}
    entry = exposure(STAGE, name, first, last, symbols, returns, more)
    record_exposures(Protocol.of(step.configuration), [entry], step.now)


def locked(tables: Mapping[Table, pl.DataFrame], holdout: dt.date) -> dict[Table, pl.DataFrame]:
    """Return the tables of a model without the scores of the holdout, and the date that they end before.

    Parameters
    ----------
    holdout
        First session of the holdout; the end of time without one.
    """
    if holdout == dt.date.max:
        return dict(tables)
    return {
        **tables,
        PREDICTIONS: tables[PREDICTIONS].filter(pl.col("session") < holdout),
        OUTCOMES: tables[OUTCOMES].with_columns(until=pl.lit(holdout, pl.Date)),
    }


def _register(
    step: Step,
    name: str,
    version: str,
    file: tuple[str, bytes],
    tables: Mapping[Any, pl.DataFrame],
    holdout: dt.date,
) -> dict[str, Any]:
    settings = step.configuration.models[name]
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
            parameters={**settings.model_dump(), "seed": step.configuration.seed},
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
