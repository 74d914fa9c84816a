"""Curves are those of greatest likelihood, of what was known at the time alone, and make scores mean what they say."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.calibration import _SigmoidCalibration
from sklearn.metrics import log_loss

from trading_assets.models.calibration import Floats, calibrated, fit_curve
from trading_assets.models.reliability import debiased_ece, reliability
from trading_assets.models.samples import Samples, build_samples, day
from trading_assets.models.splits import Fold, walk_forward
from trading_assets_tests.models.panels import SETTINGS, bars, benchmark, dates_of, features

SYMBOLS, SESSIONS = 120, 900


def rows_of(slope: float, intercept: float, count: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Scores, and labels whose log-odds are a line of those of the scores."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0.3, 1.5, count)
    label = (rng.random(count) < expit(slope * odds + intercept)).astype(np.float64)
    return expit(odds), label


@pytest.mark.parametrize(("slope", "intercept"), [(0.4, 0.2), (1.0, 0.0), (2.5, -1.0), (0.02, 0.1)])
@pytest.mark.parametrize("count", [30, 400, 5_000])
def test_the_curve_is_the_maximum_that_others_find(slope: float, intercept: float, count: int) -> None:
    """scikit-learn's Platt scaling (L-BFGS) of the log-odds, and a simplex of scipy on the same likelihood."""
    score, label = rows_of(slope, intercept, count, seed=count)
    found = fit_curve(score, label)
    theirs = _SigmoidCalibration().fit(logit(score), label)
    if theirs.a_ > 0:  # theirs is 1 / (1 + exp(a x + b)): it falls
        assert found.slope == 0.0
        return
    assert (found.slope, found.intercept) == pytest.approx((-theirs.a_, -theirs.b_), abs=2e-4)
    ones = label.sum()
    target = np.where(label == 1, (ones + 1) / (ones + 2), 1 / (count - ones + 2))

    def loss(parts: Floats) -> float:
        odds = parts[0] * logit(score) + parts[1]
        return float((np.logaddexp(0, odds) - target * odds).sum())

    best = minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000})
    assert loss(np.array([found.slope, found.intercept])) <= best.fun + 1e-9


def test_scores_in_the_wrong_order_become_the_share_of_ones() -> None:
    """(1 + 3 x Platt's targets): 300 ones of 1,000 rows, whose targets have the mean (300 t + 700 u) / 1000."""
    label = np.repeat([1.0, 0.0], [300, 700])
    curve = fit_curve(np.where(label == 1, 0.4, 0.6), label)
    share = (300 * 301 / 302 + 700 / 702) / 1000
    assert curve.score(np.array([0.1, 0.5, 0.9])) == pytest.approx([share] * 3)


@pytest.mark.parametrize("score", [0.5, 0.0, 1.0])
def test_scores_that_are_all_the_same_become_the_share_of_ones(score: float) -> None:
    curve = fit_curve(np.full(10, score), np.array([1.0] * 5 + [0.0] * 5))
    assert curve.score(np.array([score])) == pytest.approx([0.5])


def test_rows_that_are_told_apart_wholly_have_a_curve() -> None:
    curve = fit_curve(np.array([0.2] * 50 + [0.8] * 50), np.repeat([0.0, 1.0], 50))
    assert curve.score(np.array([0.2, 0.8])) == pytest.approx([1 / 52, 51 / 52])


@cache
def planted() -> tuple[Samples, list[Fold], Floats]:
    """Scores of a walk forward whose log-odds are three times too large and off by one half.

    Of label 1 the signal is normal around 0.5, of label 0 around -0.5, with deviation 1: the log-odds are the signal,
    but for those of the base rate.
    """
    panel = bars(symbols=SYMBOLS, sessions=SESSIONS)
    samples = build_samples(panel, benchmark(panel), features(panel, 5, 1.0), 5)
    folds = walk_forward(dates_of(samples), SETTINGS)
    rng = np.random.default_rng(7)
    signal = rng.standard_normal(samples.label.size) + np.where(samples.label == 1, 0.5, -0.5)
    said = expit(3 * signal + 0.5)
    tested = np.logical_or.reduce([samples.tested_by(fold) for fold in folds])
    return samples, folds, np.where(tested, said, np.nan)


def test_planted_scores_are_reliable_within_two_points() -> None:
    """On over 25,000 rows: every tenth within 2 points, the debiased error below 2, and a log loss that is lower."""
    samples, folds, said = planted()
    score, curves = calibrated(samples, folds, said, 100)
    assert set(curves) == {fold.number for fold in folds[1:]}
    rows = ~np.isnan(said) & ~np.isnan(samples.label) & (samples.session >= day(folds[1].test_start))
    label = samples.label[rows].astype(np.float64)
    assert label.size >= 25_000
    groups = reliability(score[rows], label, 10)
    assert np.abs(groups.score - groups.share).max() <= 0.02
    assert debiased_ece(score[rows], label) <= 0.02
    before = reliability(said[rows], label, 10)
    assert np.abs(before.score - before.share).max() > 0.15
    for fold in folds[1:]:
        own = rows & samples.tested_by(fold)
        assert log_loss(samples.label[own], score[own]) <= log_loss(samples.label[own], said[own])


def test_scores_that_are_right_lose_next_to_nothing() -> None:
    """A curve of a few hundred rows is not quite the diagonal: a hundredth of the log loss at most, in any fold."""
    samples, folds, said = planted()
    right = expit((logit(said) - 0.5) / 3)
    score, _ = calibrated(samples, folds, right, 100)
    rows = ~np.isnan(said) & ~np.isnan(samples.label)
    for fold in folds[1:]:
        own = rows & samples.tested_by(fold)
        assert log_loss(samples.label[own], score[own]) <= 1.01 * log_loss(samples.label[own], right[own])


def test_the_first_fold_keeps_its_scores() -> None:
    samples, folds, said = planted()
    score, curves = calibrated(samples, folds, said, 100)
    first = samples.tested_by(folds[0])
    assert 0 not in curves
    assert np.array_equal(score[first], said[first], equal_nan=True)


def test_a_curve_is_of_the_labels_that_are_over_and_the_scores_before() -> None:
    samples, folds, said = planted()
    _, curves = calibrated(samples, folds, said, 100)
    fold = folds[3]
    keys = samples.keys.with_columns(said=pl.Series(said).fill_nan(None)).filter(
        pl.col("label_end") <= fold.train_end, pl.col("said").is_not_null(), pl.col("label").is_not_null()
    )
    assert curves[3] == fit_curve(keys["said"].to_numpy(), keys["label"].to_numpy().astype(np.float64))
    assert curves[3].rows == keys.height


@pytest.mark.parametrize("number", [1, 3])
def test_nothing_later_than_the_training_changes_a_score(number: int) -> None:
    """Labels that end after it are turned round, and later scores drawn anew."""
    samples, folds, said = planted()
    fold = folds[number]
    later = ~samples.over_by(fold.train_end)
    turned = replace(samples, label=np.where(later, 1 - samples.label, samples.label).astype(np.float32))
    other = np.where(later & ~samples.tested_by(fold), np.random.default_rng(1).random(said.size), said)
    own = samples.tested_by(fold)
    before, curves = calibrated(samples, folds, said, 100)
    after, changed = calibrated(turned, folds, np.where(np.isnan(said), np.nan, other), 100)
    assert curves[number] == changed[number]
    assert np.array_equal(before[own], after[own], equal_nan=True)
    assert curves[number + 1] != changed[number + 1]


def test_too_few_rows_make_no_curve() -> None:
    samples, folds, said = planted()
    score, curves = calibrated(samples, folds, said, 10**9)
    assert not curves
    assert np.array_equal(score, said, equal_nan=True)
