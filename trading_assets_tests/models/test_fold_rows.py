"""A calibrated model leaves the curve's scores, those before beside them, and the metrics of both."""

from __future__ import annotations

import datetime as dt
import pickle
from functools import cache

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss

from trading_assets.models.calibration import fit_curve
from trading_assets.models.fits import FittedModels, rows_to_keep
from trading_assets.models.fold_rows import FoldRows, curve_in_words
from trading_assets.models.kept_folds import TABLES, KeptFolds
from trading_assets.models.run import ModelRun, out_of_sample_scores, run_model
from trading_assets.models.samples import Samples, build_samples
from trading_assets.models.splits import walk_forward
from trading_assets.models.tables import FITS, FOLDS, METRICS, PREDICTIONS
from trading_assets.models.training import Learner
from trading_assets_tests.models.panels import NO_HOLDOUT, SETTINGS, bars, benchmark, dates_of, features
from trading_assets_tests.parallel.test_workers import OfTwoError

CALIBRATED = SETTINGS.model_copy(update={"calibrate": True})
PANEL = bars(sessions=400)
FEATURES = features(PANEL, 5, 1.0)
DAYS = PANEL["session"].unique().sort().to_list()


@cache
def samples_until(sessions: int) -> Samples:
    known = pl.col("session") <= DAYS[sessions - 1]
    panel = PANEL.filter(known)
    return build_samples(panel, benchmark(panel), FEATURES.filter(known), 5)


def run(
    samples: Samples, holdout: dt.date = NO_HOLDOUT, kept: KeptFolds | None = None, calibrate: bool = True
) -> ModelRun:
    settings = CALIBRATED if calibrate else SETTINGS
    folds = walk_forward(dates_of(samples), settings)
    return run_model(samples, folds, settings, name="m", seed=3, holdout_start=holdout, kept=kept)


@cache
def calibrated_run() -> ModelRun:
    return run(samples_until(395))


def value_of(made: ModelRun, fold: int, metric: str) -> float | None:
    value: float | None = made.tables[METRICS].filter(fold=fold, metric=metric)["value"].item()
    return value


def test_scores_before_are_those_of_the_model_that_is_not_calibrated() -> None:
    made, plain = calibrated_run(), run(samples_until(395), calibrate=False)
    for table, frame in made.tables.items():
        table.validate(frame)
    scores, before = made.tables[PREDICTIONS], plain.tables[PREDICTIONS]
    assert scores["uncalibrated"].equals(before["score"])
    assert before["uncalibrated"].null_count() == before.height
    assert scores.filter(fold=0)["score"].equals(before.filter(fold=0)["score"])
    assert set(made.curves) == {1, 2, 3, 4} and not plain.curves
    assert made.artifact == plain.artifact and made.version != plain.version


def test_scores_are_those_of_a_curve_of_the_rows_that_were_known() -> None:
    """From the tables alone: predictions joined with the end of the fold's training."""
    made = calibrated_run()
    scores = made.tables[PREDICTIONS]
    for fold in made.tables[FOLDS].filter(pl.col("fold") > 0).iter_rows(named=True):
        known = scores.filter(pl.col("label_end") <= fold["train_end"], pl.col("label").is_not_null())
        curve = fit_curve(known["uncalibrated"].to_numpy(), known["label"].to_numpy().astype(np.float64))
        own = scores.filter(fold=fold["fold"])
        assert own["score"].to_numpy() == pytest.approx(curve.score(own["uncalibrated"].to_numpy()), abs=1e-12)


def test_metrics_are_of_both_scores_and_baselines_stay() -> None:
    made, plain = calibrated_run(), run(samples_until(395), calibrate=False)
    for fold in range(4):  # of the last no label is over
        own = made.tables[PREDICTIONS].filter(pl.col("label").is_not_null(), fold=fold)
        for metric, column in (("log_loss", "score"), ("uncalibrated_log_loss", "uncalibrated")):
            assert value_of(made, fold, metric) == pytest.approx(log_loss(own["label"], own[column]))
        assert value_of(made, fold, "uncalibrated_auc") == value_of(plain, fold, "auc")
        assert value_of(made, fold, "uncalibrated_ece") == value_of(plain, fold, "ece")
    is_baseline = pl.col("metric").str.contains("^(logistic|naive|rows|base_rate)")
    values = [each.tables[METRICS].filter(is_baseline).drop("version") for each in (made, plain)]
    assert values[0].equals(values[1])


@pytest.mark.parametrize("holdout", [NO_HOLDOUT, DAYS[300], DAYS[230]])
def test_a_session_more_leaves_what_a_run_of_everything_leaves(holdout: dt.date) -> None:
    first = KeptFolds()
    made = run(samples_until(395), holdout, first)
    fits = pl.concat([first.fits_of(made.untrained), rows_to_keep("m", made.fits)])
    kept = KeptFolds(dict(first.digests), {table: {**made.tables, FITS: fits}[table] for table in TABLES})
    more, whole = run(samples_until(396), holdout, kept), run(samples_until(396), holdout)
    assert more.untrained >= {0, 1, 2}
    assert more.curves == whole.curves
    for table, frame in whole.tables.items():
        assert more.tables[table].equals(frame), table.name


def test_scores_alone_are_those_of_the_run_from_any_fold_on() -> None:
    samples, made = samples_until(395), calibrated_run()
    folds = walk_forward(dates_of(samples), CALIBRATED)
    fitted = FittedModels(Learner(CALIBRATED, 3))
    whole = out_of_sample_scores(samples, folds, fitted)
    columns = ["symbol", "session", "fold", "score", "uncalibrated"]
    assert whole.sort("symbol", "session").equals(made.tables[PREDICTIONS].select(columns))
    for number in (1, 3):
        before = whole.filter(pl.col("fold") < number)
        again = out_of_sample_scores(samples, folds[number : number + 1], fitted, before)
        assert again.equals(whole.filter(pl.col("fold") <= number))


def test_the_curve_of_the_last_fold_is_said_beside_its_model() -> None:
    made = calibrated_run()
    said = curve_in_words(made.tables, made.curves)
    assert said == {"calibration_slope": made.curves[4].slope, "calibration_intercept": made.curves[4].intercept}
    assert curve_in_words(made.tables, {}) == {}


def test_what_a_search_tried_arrives_with_an_error_that_cannot_be_read_back() -> None:
    tried = pl.DataFrame({"parameters": ["{}"]})
    here = FoldRows({"fold": 1}, trials=tried, error=OfTwoError(1, 2))
    there = pickle.loads(pickle.dumps(here))
    assert there.trials.equals(tried)
    assert repr(there.error) == "RuntimeError('OfTwoError: 1 and 2')"
    assert isinstance(here.error, OfTwoError)
