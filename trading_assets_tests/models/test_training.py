from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import xgboost

from trading_assets.models.explanations import mean_contributions
from trading_assets.models.families.xgboost import Booster, fit_booster
from trading_assets.models.run import ModelRun
from trading_assets.models.tables import EXPLANATIONS, METRICS
from trading_assets.models.training import Learner, training_set
from trading_assets_tests.models.panels import SETTINGS, fit, labelled, run, samples, trained


def metric_of(made: ModelRun, name: str) -> list[float]:
    return made.tables[METRICS].filter(pl.col("metric") == name).sort("fold")["value"].to_list()


def test_a_planted_signal_is_found_out_of_sample() -> None:
    made = trained()
    # signal = z + e with z and e unit normal and a tenth missing: P(sign right | signal) gives an AUC of about .75.
    assert all(auc > 0.68 for auc in metric_of(made, "auc"))
    assert all(ic > 0.3 for ic in metric_of(made, "information_coefficient"))
    assert np.mean(metric_of(made, "log_loss")) < np.mean(metric_of(made, "naive_log_loss"))
    explained = made.tables[EXPLANATIONS].sort("value", descending=True)
    assert explained["feature"][0] == "signal"


def test_shuffled_labels_score_nothing() -> None:
    """Labels permuted over all rows are exchangeable: the AUC's deviation is that of the Mann-Whitney statistic."""
    made = samples(strength=1.0)
    labelled = np.flatnonzero(~np.isnan(made.label))
    label = made.label.copy()
    label[labelled] = np.random.default_rng(11).permutation(label[labelled])
    shuffled = replace(made, label=label)
    tested = run(shuffled).tables[METRICS].filter(pl.col("metric").is_in(["rows", "base_rate", "auc", "logistic_auc"]))
    for row in tested.pivot("metric", index="fold", values="value").iter_rows(named=True):
        ones = row["rows"] * row["base_rate"]
        zeros = row["rows"] - ones
        deviation = math.sqrt((ones + zeros + 1) / (12 * ones * zeros))
        assert abs(row["auc"] - 0.5) < 4 * deviation
        assert abs(row["logistic_auc"] - 0.5) < 4 * deviation


def test_thread_count_changes_no_bit() -> None:
    made = samples()
    rows = labelled(made, 1500)
    training = training_set(made, rows)
    models = {bytes(fit_booster(training, SETTINGS, 3, threads).save_raw("ubj")) for threads in (1, 2, 3)}
    assert len(models) == 1


def test_there_is_no_lucky_seed() -> None:
    made = samples()
    assert run(made, seed=1).artifact == trained().artifact


def test_batch_and_single_row_scores_are_equal() -> None:
    made = samples()
    fitted = fit(made, labelled(made, 1000), Learner(SETTINGS, 3))
    batch = fitted.score(made.features, made.session)
    assert np.isnan(made.features).any()
    singles = [
        fitted.score(made.features[row : row + 1], made.session[row : row + 1])[0] for row in range(0, len(batch), 37)
    ]
    assert singles == batch[::37].tolist()


def test_weights_are_the_uniqueness_of_the_training_labels_alone() -> None:
    made = samples()
    rows = np.arange(50, 150)  # of the first symbol
    weights = made.uniqueness(rows)
    assert weights[10:-10] == pytest.approx(1 / 6)
    assert weights[0] == pytest.approx(sum(1 / alive for alive in range(1, 7)) / 6)
    assert made.uniqueness(np.arange(0, 150, 6)) == pytest.approx(1.0)


def test_base_rate_is_weighted() -> None:
    made = samples()
    rows = labelled(made, 200)
    fitted = fit(made, rows, Learner(SETTINGS, 3))
    weights = made.uniqueness(rows).astype(float)
    assert fitted.base_rate == pytest.approx((weights * made.label[rows]).sum() / weights.sum())


def test_logistic_baseline_solves_its_own_equations() -> None:
    """At the optimum of the penalised likelihood the weighted residuals' moments equal the coefficients over C."""
    made = samples()
    rows = labelled(made, 800)
    fitted = fit(made, rows, Learner(SETTINGS, 3)).logistic
    features = np.where(np.isnan(made.features[rows]), fitted.medians, made.features[rows])
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    model = fitted.pipeline[-1]
    probability = 1 / (1 + np.exp(-(scaled @ model.coef_[0] + model.intercept_[0])))
    residual = made.uniqueness(rows) * (made.label[rows] - probability)
    # The solver stops at a gradient of 1e-4 of the mean loss; there are about 200 units of weight.
    assert residual @ scaled == pytest.approx(SETTINGS.ridge * model.coef_[0], abs=0.03)
    assert fitted.score(made.features[rows]) == pytest.approx(probability, abs=1e-6)


def test_a_feature_that_is_never_there_does_no_harm() -> None:
    made = samples()
    empty = made.features.copy()
    empty[:, 0] = np.nan
    fitted = fit(replace(made, features=empty), labelled(made, 1000), Learner(SETTINGS, 3))
    assert np.isfinite(fitted.score(empty, made.session)).all()
    assert np.isfinite(fitted.baseline_scores(empty)["logistic"]).all()


def test_contributions_add_up_to_the_score() -> None:
    made = samples()
    model = fit(made, labelled(made, 1000), Learner(SETTINGS, 3)).model
    assert isinstance(model, Booster)
    booster = model.booster
    rows = made.features[:200]
    parts = booster.predict(xgboost.DMatrix(rows), pred_contribs=True)
    margin = booster.predict(xgboost.DMatrix(rows), output_margin=True)
    assert parts.sum(axis=1) == pytest.approx(margin, abs=1e-5)  # float32 sums
    assert mean_contributions(model, rows) == pytest.approx(np.abs(parts[:, :-1].astype(float)).mean(axis=0))
