"""A model from samples to tables: every fold trained, scored and measured."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.evaluation import Evaluation
from trading_assets.config.models import WalkForward
from trading_assets.market_data.universe import membership
from trading_assets.models import tables
from trading_assets.models.calibration import Curve, calibrated
from trading_assets.models.costs import TrainingCosts, together
from trading_assets.models.entries import Entries
from trading_assets.models.explanations import mean_contributions
from trading_assets.models.families.interface import Fitted
from trading_assets.models.families.own import OwnFamily, is_own
from trading_assets.models.fits import FittedModels, KeptFit, made_from
from trading_assets.models.fold_evaluation import Asked, evaluation_frames, with_evaluation
from trading_assets.models.fold_rows import (
    MODEL,
    FoldRows,
    calibrated_rows,
    frames_of,
    metrics_of,
    predictions_of,
)
from trading_assets.models.kept_folds import KeptFolds
from trading_assets.models.online import followed
from trading_assets.models.samples import RowNumbers, Samples, build_samples
from trading_assets.models.splits import Fold, walk_forward
from trading_assets.models.threads import one_thread
from trading_assets.models.training import (
    Fit,
    Learner,
    beside_baselines,
    insufficiency,
    model_scores,
    training_rows,
    training_set,
)
from trading_assets.models.tuning import Tuned, parted, tried_before
from trading_assets.models.tuning_rows import chosen_by_fold, gain_of, losses_of, trials_of
from trading_assets.models.version import model_version
from trading_assets.parallel.workers import IN_THREADS, Workers
from trading_assets.warehouse.table import Table

SCORES = {
    "symbol": pl.String,
    "session": pl.Date,
    "fold": pl.Int64,
    "score": pl.Float64,
    "uncalibrated": pl.Float64,
}


@dataclass(frozen=True)
class ModelRun:
    """What a model leaves behind.

    Attributes
    ----------
    tables
        Frames of all tables of the model (not `models.splits`).
    artifact
        Bytes of the model of the last fold that could be trained, as its family saves them; None if none could.
    costs
        What the folds took that were trained, see `models.costs`: it differs from run to run.
    fits
        Models of the folds that were trained, by fold.
    untrained
        Folds whose rows are those of an earlier run.
    curves
        By fold, what makes a score of what its model says; none of a model that is not calibrated.
    """

    version: str
    tables: Mapping[Table, pl.DataFrame]
    artifact: bytes | None
    costs: TrainingCosts
    fits: Mapping[int, KeptFit]
    untrained: Set[int]
    curves: Mapping[int, Curve]


@dataclass(frozen=True)
class _Training:
    """What all folds of a model learn from; see `run_model`."""

    samples: Samples
    scorable: NDArray[np.bool_]
    fitted: FittedModels
    holdout_start: dt.date
    evaluation: Evaluation


def samples_and_folds(
    settings: WalkForward,
    *,
    bars: pl.DataFrame,
    features: pl.DataFrame,
    universe: pl.DataFrame,
    benchmark: str | None,
    entries: Entries | None = None,
) -> tuple[Samples, list[Fold]]:
    """Return what a model is trained and scored on, of tables that may have other symbols too.

    Parameters
    ----------
    bars
        symbol, asset_class, session, adj_open; the benchmark's among them.
    features
        Rows of `features.daily`.
    universe
        Rows of `market_data.universe`. Only members are samples: who joins an index later has risen until then, and
        nobody knew.
    entries
        Those of the model's primary; None for a model without one.

    Raises
    ------
    ValueError
        A model with a primary is given no entries, or one without some.
    """
    if (settings.primary is None) != (entries is None):
        given = "no entries are" if entries is None else "entries are"
        raise ValueError(f"the primary of the model is {settings.primary}, and {given} given")
    own = bars.filter(asset_class=settings.universe)
    # Who has no bar in the model's universe is no sample anyway: wide rows are copied only if members are told apart.
    outside = features.select(pl.col("symbol").is_in(own["symbol"].unique().implode())).to_series()
    outside &= ~membership(features, universe)
    members = features.filter(~outside) if outside.any() else features
    of_benchmark = None if benchmark is None else bars.filter(symbol=benchmark)
    more = () if settings.label == "sign" else (settings.label, settings.barriers, entries)
    samples = build_samples(own, of_benchmark, members, settings.horizon, *more)
    return samples, walk_forward(own["session"].unique().sort().to_list(), settings)


def run_model(
    samples: Samples,
    folds: Sequence[Fold],
    settings: WalkForward,
    *,
    name: str,
    seed: int,
    holdout_start: dt.date,
    workers: Workers = IN_THREADS,
    own: OwnFamily | None = None,
    fits: Mapping[str, bytes] | None = None,
    kept: KeptFolds | None = None,
    evaluation: Evaluation | None = None,
    searched: Callable[[pl.DataFrame], None] | None = None,
) -> ModelRun:
    """Train, score and measure every fold.

    A fold depends on data before its test start, and each score on its own row besides: data appended later
    change no earlier score. A fold with too few rows or a single class is recorded as `insufficient_data` and has no
    scores; the others go on.

    Parameters
    ----------
    samples
        See `build_samples`.
    folds
        In order of time; see `walk_forward`.
    settings, name, seed
        Section of the model, its name, and the seed of the configuration.
    holdout_start
        Labels that end on or after it are neither measured nor written; scores go on to the last session.
    workers
        Who trains the folds.
    own
        Module of a user's own that the model is in; None: its family is of this package.
    fits
        Models that were fitted before, by what they were made of: see `kept_fits`.
    kept
        What an earlier run left of folds, which are not trained again if they would leave the same.
    evaluation
        How closely models are looked at; None: as it is by default.
    searched
        Told what the search of each fold has tried, rows of `models.tuning_trials`, as the fold ends, whatever the
        order of the folds: also of a run that does not come to its end, by an error of another fold or otherwise.
    """
    evaluation = Evaluation() if evaluation is None else evaluation
    fitted = FittedModels(Learner(settings, seed, own), fits or {})
    training = _Training(samples, samples.scorable(), fitted, holdout_start, evaluation)
    with one_thread("sklearn.linear_model", "xgboost"):
        rows = _rows_of_folds(training, folds, workers, kept, searched)
    curves: Mapping[int, Curve] = {}
    if settings.calibrate:
        rows, curves = calibrated_rows(samples, folds, rows, holdout_start, settings.min_rows)
    frames = frames_of(rows) | evaluation_frames(rows, evaluation, settings.horizon)
    trials = frames[tables.TUNING_TRIALS]
    frames[tables.TUNING_GAIN] = gain_of(trials, frames[tables.TUNING_LOSSES], settings.horizon)
    version = model_version(samples, folds, settings, seed, own, chosen_by_fold(trials))
    stamp = [pl.lit(name).alias("model"), pl.lit(version).alias("version")]
    return ModelRun(
        version=version,
        tables={table: table.conform(frame.with_columns(stamp)).sort(table.key) for table, frame in frames.items()},
        artifact=next((parted(each.fit.content)[1] for each in reversed(rows) if each.fit is not None), None),
        costs=together([each.costs for each in rows if each.fit is not None]),
        fits={each.fold["fold"]: each.fit for each in rows if each.fit is not None},
        untrained={each.fold["fold"] for each in rows if each.fit is None},
        curves=curves,
    )


def _rows_of_folds(
    training: _Training,
    folds: Sequence[Fold],
    workers: Workers,
    kept: KeptFolds | None,
    searched: Callable[[pl.DataFrame], None] | None,
) -> list[FoldRows]:
    def ended(found: FoldRows) -> None:
        if searched is not None and found.trials is not None:
            searched(found.trials)
        if found.error is not None:
            raise found.error

    known = {} if kept is None else kept.of(training.samples, folds, training.holdout_start)
    new = [fold for fold in folds if fold.number not in known]
    found = {number: FoldRows(**each._asdict()) for number, each in known.items()}
    found |= zip((fold.number for fold in new), workers.map(_run_fold, training, new, ended), strict=True)
    # Registered is the model of the last fold that could be trained, which no table may have.
    trained = [fold for fold in folds if found[fold.number].fold["status"] == tables.OK]
    again = [fold for fold in trained[-1:] if fold.number in known]
    found |= zip((fold.number for fold in again), workers.map(_run_fold, training, again, ended), strict=True)
    return [found[fold.number] for fold in folds]


def _run_fold(training: _Training, fold: Fold) -> FoldRows:
    samples, scorable = training.samples, training.scorable
    allowed = training_rows(samples, fold, scorable)
    tested = samples.tested_by(fold)
    test = np.flatnonzero(tested & scorable)
    problem = insufficiency(samples, allowed.rows, training.fitted.learner.settings)
    ends = samples.label_end[allowed.rows]
    found = FoldRows(
        {
            "fold": fold.number,
            "train_start": fold.train_start,
            "train_end": fold.train_end,
            "test_start": fold.test_start,
            "test_end": fold.test_end,
            "train_rows": len(allowed.rows),
            "test_rows": 0 if problem else len(test),
            "purged_rows": allowed.purged,
            "unscored_rows": int(np.count_nonzero(tested & ~scorable)),
            "last_label_end": dt.date(1970, 1, 1) + dt.timedelta(days=int(ends.max())) if ends.size else None,
            "status": tables.INSUFFICIENT_DATA if problem else tables.OK,
            "reason": problem,
        }
    )
    if problem is not None:
        return found
    costs = TrainingCosts()
    with costs.memory():
        try:
            fitted, kept = _fit(training, allowed.rows, costs)
        except Exception as error:
            tried = tried_before(error)
            if tried is None:
                raise
            return replace(found, trials=trials_of(tried, fold), error=error)
        with costs.on("model"):
            model, updates = followed(fitted.model, samples, fold, scorable, training.fitted.learner)
        fitted = replace(fitted, model=model)
        found = replace(found, fit=kept, costs=costs, updates=updates)
        found = _with_scores(found, training, fold, fitted, test)
        found = _with_search(found, training, fold, fitted.model, allowed.rows, test)
        asked = Asked(samples, fold, training.holdout_start, allowed.rows, test)
        return with_evaluation(found, asked, fitted.model, training.fitted.learner, training.evaluation, costs)


def _with_search(
    found: FoldRows, training: _Training, fold: Fold, model: Fitted, rows: RowNumbers, test: RowNumbers
) -> FoldRows:
    """Add what a search tried, and how its choice fared beside the parameters of the configuration."""
    if not isinstance(model, Tuned):
        return found
    found = replace(found, trials=trials_of(model.search, fold))
    if found.predictions is None or fold.test_start >= training.holdout_start:
        return found
    plain = model.model
    if model.search.chosen > 0:
        learns_from = training_set(training.samples, rows)
        with one_thread():
            plain = training.fitted.learner.untuned().fit(learns_from)
    with one_thread():
        untuned = model_scores(plain, training.samples.features[test], training.samples.session[test])
    return replace(found, losses=losses_of(found.predictions, untuned, fold))


def _fit(training: _Training, rows: RowNumbers, costs: TrainingCosts) -> tuple[Fit, KeptFit]:
    """Fit model and baselines; the training set is as large as all else, and gone afterwards."""
    learns_from, learner = training_set(training.samples, rows), training.fitted.learner
    with one_thread(), costs.on("model", elsewhere=learner.own is not None):
        model = training.fitted.of(learns_from)
    kept = KeptFit(made_from(learns_from, learner), model.save())
    if kept.made_of not in training.fitted.kept:
        costs.fitted, costs.rows = 1, rows.size
    with costs.on("logistic"):
        return beside_baselines(model, learns_from, learner.settings), kept


def out_of_sample_scores(
    samples: Samples, folds: Sequence[Fold], fitted: FittedModels, before: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return the scores of `run_model` and nothing else, columns of `SCORES`; those of earlier folds before them.

    Parameters
    ----------
    samples, folds
        Rows that a model learns from, and the folds of its walk forward.
    fitted
        Models of its section and seed, those of earlier calls among them.
    before
        Scores of the folds before these, which a calibrated model's follow from.
    """
    settings, earlier = fitted.learner.settings, pl.DataFrame(schema=SCORES) if before is None else before
    with one_thread("sklearn.linear_model", "xgboost"):
        parts = IN_THREADS.map(_scored, (samples, samples.scorable(), fitted), folds)
    if not settings.calibrate:
        return pl.concat([earlier, *parts])
    keys = samples.keys.select("symbol", "session")
    known = pl.concat([earlier.with_columns(score="uncalibrated"), *parts])
    said = keys.join(known, on=["symbol", "session"], how="left", maintain_order="left")["score"]
    score, _ = calibrated(samples, folds, said.fill_null(float("nan")).to_numpy(), settings.min_rows)
    all_scores = keys.with_columns(score=pl.Series(score))
    curved = (
        part.rename({"score": "said"}).join(all_scores, on=["symbol", "session"], how="left", maintain_order="left")
        for part in parts
    )
    return pl.concat([earlier, *(each.with_columns(uncalibrated="said").select(*SCORES) for each in curved)])


def _scored(known: tuple[Samples, NDArray[np.bool_], FittedModels], fold: Fold) -> pl.DataFrame:
    samples, scorable, fitted = known
    rows = training_rows(samples, fold, scorable).rows
    if insufficiency(samples, rows, fitted.learner.settings) is not None:
        return pl.DataFrame(schema=SCORES)
    test = np.flatnonzero(samples.tested_by(fold) & scorable)
    with one_thread():
        model, _ = followed(fitted.of(training_set(samples, rows)), samples, fold, scorable, fitted.learner)
        score = model_scores(model, samples.features[test], samples.session[test])
    keys = samples.keys[test].select("symbol", "session")
    return keys.with_columns(
        fold=pl.lit(fold.number, pl.Int64), score=pl.Series(score), uncalibrated=pl.lit(None, pl.Float64)
    )


def _with_scores(found: FoldRows, training: _Training, fold: Fold, fitted: Fit, test: RowNumbers) -> FoldRows:
    samples, holdout_start = training.samples, training.holdout_start
    features = samples.features[test]
    score = fitted.score(features, samples.session[test])
    metrics: list[dict[str, Any]] = []
    if fold.test_start < holdout_start:
        scores = {MODEL: score, **fitted.baseline_scores(features)}
        metrics = metrics_of(samples, fold, holdout_start, test, scores)
    explanations = None
    # A user's own model is asked for nothing but scores.
    if fold.test_end < holdout_start and test.size and not is_own(fitted.model):
        explanations = pl.DataFrame(
            {"feature": samples.names, "value": mean_contributions(fitted.model, features)}
        ).with_columns(pl.lit(fold.number).alias("fold"))
    return replace(
        found,
        predictions=predictions_of(samples, fold, holdout_start, test, score),
        metrics=metrics,
        explanations=explanations,
    )
