from __future__ import annotations

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest

from trading_assets.models.evaluation import compare, early_promotions, leaks, score_metrics
from trading_assets.models.tables import FOLDS, METRICS, PREDICTIONS
from trading_assets_tests.models.panels import trained, weekdays


def test_metrics_against_their_definitions() -> None:
    rng = np.random.default_rng(2)
    score, label, earned = rng.random(80), (rng.random(80) > 0.4).astype(float), rng.standard_normal(80)
    metrics = score_metrics(score, label, earned)
    ones, zeros = score[label == 1], score[label == 0]
    pairs = [1.0 if one > zero else 0.5 if one == zero else 0.0 for one in ones for zero in zeros]
    losses = [-math.log(p if y else 1 - p) for p, y in zip(score, label, strict=True)]
    ranks = [np.argsort(np.argsort(values)).astype(float) for values in (score, earned)]
    assert metrics["auc"] == pytest.approx(sum(pairs) / len(pairs))
    assert metrics["log_loss"] == pytest.approx(sum(losses) / 80)
    assert metrics["brier"] == pytest.approx(sum((score - label) ** 2) / 80)
    assert metrics["accuracy"] == pytest.approx(sum((score > 0.5) == label) / 80)
    assert metrics["information_coefficient"] == pytest.approx(np.corrcoef(ranks[0], ranks[1])[0, 1])


def test_undefined_metrics_are_null() -> None:
    one_class = score_metrics(np.array([0.4, 0.6]), np.ones(2), np.array([0.1, 0.2]))
    assert one_class["auc"] is None
    assert one_class["log_loss"] is not None
    constant = score_metrics(np.full(4, 0.5), np.array([0, 1, 0, 1.0]), np.arange(4.0))
    assert constant["information_coefficient"] is None
    assert constant["auc"] == 0.5
    assert set(score_metrics(np.empty(0), np.empty(0), np.empty(0)).values()) == {None}


def test_beating_the_baselines() -> None:
    assert not compare(trained().tables[METRICS]).beats_baselines  # the planted truth is linear, the trees are few
    frame = pl.DataFrame(
        {
            "fold": [0, 1] * 3,
            "metric": ["log_loss"] * 2 + ["logistic_log_loss"] * 2 + ["naive_log_loss"] * 2,
            "value": [0.6, 0.7, 0.7, 0.7, 0.69, 0.69],
        }
    )
    comparison = compare(frame)
    assert comparison.beats_baselines
    assert comparison.model == pytest.approx(0.65)
    assert comparison.folds == 2
    worse = frame.with_columns(pl.when(pl.col("metric") == "log_loss").then(0.695).otherwise("value").alias("value"))
    assert not compare(worse).beats_baselines
    assert not compare(METRICS.empty()).beats_baselines


@pytest.mark.parametrize(
    ("table", "column", "value", "problem"),
    [
        ("folds", "last_label_end", "test_start", "a training label ends in the test fold"),
        ("folds", "last_label_end", "after_train_end", "a training label ends in the embargo"),
        ("folds", "train_end", "test_start", "training may see the test fold"),
        ("folds", "test_end", "far", "test folds overlap"),
        ("folds", "status", "insufficient_data", "scored by a fold that was not trained"),
        ("predictions", "session", "far", "scored outside the test fold"),
        ("predictions", "label_end", "session", "the label ends before its decision fills"),
    ],
)
def test_leaks_are_found(table: str, column: str, value: str, problem: str) -> None:
    made = trained().tables
    frames = {"folds": made[FOLDS], "predictions": made[PREDICTIONS]}
    assert leaks(**frames).is_empty()
    values = {
        "far": pl.lit(dt.date(2030, 1, 1)),
        "insufficient_data": pl.lit("insufficient_data"),
        "after_train_end": pl.col("train_end") + dt.timedelta(days=1),
    }
    broken = values.get(value, pl.col(value) if value in frames[table].columns else pl.lit(None))
    first = pl.int_range(pl.len()) == 1
    frames[table] = frames[table].with_columns(pl.when(first).then(broken).otherwise(column).alias(column))
    assert problem in leaks(**frames)["problem"].to_list()


def test_a_decision_on_more_sessions_than_were_over_is_early() -> None:
    """Scored from session 10 on, decided at 30, labels of 5 sessions: 10 to 23 are over, whose labels end by 29."""
    days = pl.Series(weekdays(60))
    rows = pl.DataFrame(
        {
            "candidate": ["keen"] * 4,
            "session": [days[30]] * 4,
            "sessions": [None, 14, 15, 14],
            "last_label_end": [None, days[29], days[29], days[30]],
        }
    ).with_row_index("row")
    found = early_promotions(rows, {"keen": days[10:]}, days, 5)
    assert found["row"].to_list() == [2, 3]
    assert early_promotions(rows, {"keen": days[11:]}, days, 5)["row"].to_list() == [1, 2, 3]
