"""The house list of edge cases, by name."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from trading_assets.config.models import FAMILIES
from trading_assets.models.promotion import CHALLENGER, Record, SessionLoss, decide
from trading_assets.models.run import ModelRun
from trading_assets.models.samples import Samples, build_samples, day
from trading_assets.models.splits import walk_forward
from trading_assets.models.tables import EXPLANATIONS, FOLDS, METRICS, OUTCOMES, PREDICTIONS
from trading_assets.models.training import Learner, training_rows, training_set
from trading_assets_tests.models.panels import (
    SETTINGS,
    bars,
    benchmark,
    dates_of,
    features,
    fit,
    labelled,
    run,
    samples,
    trained,
)


def cut(sessions: int) -> Samples:
    """The plain panel as it stood after some sessions: what comes later is neither in bars nor in features."""
    panel = bars()
    known = panel.filter(pl.col("session") <= panel["session"].unique().sort()[sessions - 1])
    made = features(panel, 5, 1.0).join(known, on=["symbol", "session"], how="semi")
    return build_samples(known, benchmark(known), made, 5)


def scores(made: ModelRun, until: dt.date) -> pl.DataFrame:
    return made.tables[PREDICTIONS].filter(pl.col("session") <= until).select("fold", "symbol", "session", "score")


@pytest.mark.parametrize("sessions", [210, 211, 275, 329])
def test_prefix_invariance(sessions: int) -> None:
    """Scores up to t are the same, bit for bit, whether or not data after t exist."""
    data = cut(sessions)
    until = dates_of(data)[-1]
    early = scores(run(data), until)
    assert early["session"].max() == until
    assert early.equals(scores(trained(), until))


def test_prefix_invariance_of_changed_data() -> None:
    """Data after t may be anything: wild features and other prices leave scores up to t alone."""
    data = samples()
    until = dates_of(data)[240]
    panel = bars()
    later = pl.col("session") > until
    wild_prices = panel.with_columns(
        pl.when(later).then(pl.col("adj_open") ** 1.5).otherwise("adj_open").alias("adj_open")
    )
    made = features(panel, 5, 1.0)
    wild = made.with_columns(pl.when(later).then(-50 * pl.col("signal")).otherwise("signal").alias("signal"))
    changed = run(build_samples(wild_prices, benchmark(panel), wild, 5))
    assert scores(changed, until).equals(scores(trained(), until))
    assert not scores(changed, dt.date.max).equals(scores(trained(), dt.date.max))


def test_append_invariance() -> None:
    """New sessions add rows; earlier scores, folds and labels that were known stay."""
    data = cut(300)
    before, after = run(data).tables, trained().tables
    until = dates_of(data)[-1]
    earlier = after[PREDICTIONS].filter(pl.col("session") <= until)
    assert (
        before[PREDICTIONS].drop("version", "label", "label_end").equals(earlier.drop("version", "label", "label_end"))
    )
    known = before[PREDICTIONS].filter(pl.col("label").is_not_null())
    assert known.drop("version").equals(earlier.join(known, on=["symbol", "session"], how="semi").drop("version"))
    grown = ["version", "test_rows", "test_end", "unscored_rows"]  # the last fold goes on
    assert before[FOLDS].drop(grown).equals(after[FOLDS].drop(grown))


def test_scaler_on_train_only() -> None:
    """Changing test rows does not change what was fitted: medians, scaler, coefficients, trees."""
    data = samples()
    fold = walk_forward(dates_of(data), SETTINGS)[1]
    changed = data.features.copy()
    changed[data.session >= day(fold.test_start)] *= 1000
    one, other = (
        fit(made, training_rows(made, fold, made.scorable()).rows, Learner(SETTINGS, 3))
        for made in (data, replace(data, features=changed))
    )
    assert one.logistic.medians.tolist() == other.logistic.medians.tolist()
    for attribute in ("mean_", "scale_"):
        states = [getattr(made.logistic.pipeline[0], attribute).tolist() for made in (one, other)]
        assert states[0] == states[1]
    assert one.logistic.pipeline[-1].coef_.tolist() == other.logistic.pipeline[-1].coef_.tolist()
    assert one.model.save() == other.model.save()


def test_label_overlap() -> None:
    """Labels that reach into the embargo or the test fold are purged, and counted."""
    data = samples()
    sessions = dates_of(data)
    folds = trained().tables[FOLDS]
    for row in folds.iter_rows(named=True):
        start = sessions.index(row["test_start"])
        # embargo 5: the last label trained on ends 6 sessions before the fold, its decision 6 sessions earlier
        assert row["last_label_end"] == row["train_end"] == sessions[start - 6]
        late = data.keys.filter(pl.col("session").is_between(sessions[start - 11], sessions[start - 1]))
        scored = late.join(data.keys.filter(pl.Series(data.scorable())), on=["symbol", "session"], how="semi")
        assert row["purged_rows"] == scored.height


def test_nan_in_features() -> None:
    """A row with some nulls is scored; one with none but nulls is not, is counted, and trains nothing."""
    data = samples()
    sessions = dates_of(data)
    empty = data.features.copy()
    gone = (data.session == day(sessions[200])) | (data.session == day(sessions[20]))
    empty[gone] = np.nan
    made = run(replace(data, features=empty)).tables
    assert made[PREDICTIONS].filter(pl.col("session") == sessions[200]).is_empty()
    natural = int((~data.scorable() & (data.session >= day(sessions[150]))).sum())
    overlap = int((~data.scorable() & (data.session == day(sessions[200]))).sum())
    assert made[FOLDS]["unscored_rows"].sum() == natural + 6 - overlap
    assert made[OUTCOMES]["unscored_rows"].item() == natural + 6 - overlap
    first = trained().tables[FOLDS]["train_rows"][0]
    trainable = int((data.scorable() & (data.session == day(sessions[20]))).sum())
    assert made[FOLDS]["train_rows"][0] == first - trainable
    partial = np.isnan(data.features).any(axis=1) & data.scorable()
    keys = data.keys.filter(pl.Series(partial), pl.col("session") >= sessions[150])
    assert trained().tables[PREDICTIONS].join(keys, on=["symbol", "session"], how="semi").height == keys.height


def assert_no_outcome(made: ModelRun, reason: str) -> None:
    for table, frame in made.tables.items():
        table.validate(frame)
    assert made.tables[OUTCOMES].select("status", "reason", "scored_folds").row(0) == ("insufficient_data", reason, 0)
    assert all(made.tables[table].is_empty() for table in (PREDICTIONS, METRICS, EXPLANATIONS))
    assert made.artifact is None


def test_single_class() -> None:
    """Nothing to learn: recorded, no scores, no error."""
    data = samples()
    ones = np.where(np.isnan(data.label), np.nan, 1).astype(np.float32)
    made = run(replace(data, label=ones))
    assert_no_outcome(made, "single_class")
    assert made.tables[FOLDS]["status"].to_list() == ["insufficient_data"] * 3


def test_too_few_rows() -> None:
    made = run(samples(), SETTINGS.model_copy(update={"min_rows": 100_000}))
    assert_no_outcome(made, "too_few_rows")


def test_too_few_rows_in_one_fold() -> None:
    """A fold without enough rows is left out; the others go on."""
    rows = trained().tables[FOLDS]["train_rows"]
    made = run(samples(), SETTINGS.model_copy(update={"min_rows": rows[1]}))
    assert made.tables[FOLDS].select("status", "reason").rows() == [
        ("insufficient_data", "too_few_rows"),
        ("ok", None),
        ("ok", None),
    ]
    assert made.tables[OUTCOMES]["scored_folds"].item() == 2
    predictions = made.tables[PREDICTIONS]
    plain = trained().tables[PREDICTIONS].filter(pl.col("fold") > 0)
    assert predictions.drop("version").equals(plain.drop("version"))


def test_too_few_rows_for_any_fold() -> None:
    made = run(samples(), SETTINGS.model_copy(update={"train_sessions": 2_000}))
    assert_no_outcome(made, "no_folds")


def test_too_few_rows_without_data() -> None:
    panel = bars().clear()
    data = build_samples(panel, benchmark(bars()), features(bars(), 5, 1.0).clear(), 5)
    assert_no_outcome(run(data), "no_folds")


def test_challenger_worse() -> None:
    """A model that is not better than the champion stays a challenger, and the reason is recorded."""
    days = [dt.date(2010, 1, 4) + dt.timedelta(days=day) for day in range(200)]
    losses = {day: (0.65 + 0.01 * (place % 3), 0.66 + 0.01 * (place % 2)) for place, day in enumerate(days)}
    champion = Record("returns", 1, "one", {day: SessionLoss(both[0], "all") for day, both in losses.items()})
    worse = Record("returns", 1, "another", {day: SessionLoss(both[1], "all") for day, both in losses.items()})
    made = decide(worse, champion)
    assert made.decision == CHALLENGER
    assert made.reason.startswith("not better than chance makes of equals: log loss higher by 0.00")


@pytest.mark.parametrize("empty", [1, 2])
@pytest.mark.parametrize("more", [{}, {"calibrate": True}, {"type": "logistic"}, {"type": "online", "horizon": 5}])
def test_a_fold_of_which_nothing_can_be_scored_is_trained_and_has_no_rows(more: dict[str, object], empty: int) -> None:
    """No feature in all of its sessions, as before a feed begins; the last one is the one that is registered."""
    data, own = samples(), SETTINGS.model_copy(update={"calibrate": bool(more.get("calibrate"))})
    if "type" in more:
        walk = {name: getattr(SETTINGS, name) for name in ("train_sessions", "test_sessions", "min_rows")}
        own = FAMILIES[str(more["type"])].model_validate({**walk, **more})  # type: ignore[assignment]
    fold = walk_forward(dates_of(data), own)[empty]
    features = data.features.copy()
    features[(data.session >= day(fold.test_start)) & (data.session <= day(fold.test_end))] = np.nan
    found = run(replace(data, features=features), own)
    row = found.tables[FOLDS].filter(fold=empty).row(0, named=True)
    assert (row["status"], row["test_rows"]) == ("ok", 0)
    assert row["unscored_rows"] > 0
    assert found.artifact is not None
    assert found.tables[PREDICTIONS].filter(fold=empty).is_empty()
    assert found.tables[PREDICTIONS].filter(pl.col("fold") != empty).height > 0
    assert found.tables[METRICS].filter(pl.col("fold") == empty, pl.col("value").is_not_null())["metric"].to_list() == [
        "rows"
    ]


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan])
def test_rows_without_a_weight_are_told_in_words_whatever_the_family(weight: float) -> None:
    data = samples()
    learnt = training_set(data, labelled(data, 400))
    weightless = replace(learnt, weight=np.full_like(learnt.weight, weight))
    for name in ("xgboost", "logistic", "ridge"):
        own = FAMILIES[name].model_validate({"type": name})
        with pytest.raises(ValueError, match="the 400 rows that train a model have no weights to learn by"):
            Learner(own, 3).fit(weightless)
