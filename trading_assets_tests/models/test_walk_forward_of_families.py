"""Every family in the walk forward: what it leaves, what it may know, and what it does where nothing can be learnt."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from trading_assets.config.models import FAMILIES, LabelKind, WalkForward
from trading_assets.models.evaluation import leaks
from trading_assets.models.run import ModelRun
from trading_assets.models.samples import Samples, build_samples
from trading_assets.models.tables import EXPLANATIONS, FOLDS, METRICS, OUTCOMES, PREDICTIONS
from trading_assets_tests.models.families.planted import settings_of
from trading_assets_tests.models.panels import bars, benchmark, dates_of, features, run
from trading_assets_tests.models.test_triple_barrier import with_ranges

ALL = sorted(FAMILIES)
#: The import of CatBoost alone takes seconds.
SLOW = pytest.mark.slow
SESSIONS = 260


def settings(family: str) -> WalkForward:
    own = settings_of(family).model_dump(exclude_unset=True)
    return FAMILIES[family].model_validate({**own, "train_sessions": 120, "test_sessions": 60, "embargo_sessions": 2})


def samples(label: LabelKind, sessions: int = SESSIONS, symbols: int = 6) -> Samples:
    """The same panel as it stood after some sessions: what comes later is neither in bars nor in features."""
    panel = bars(symbols=symbols, sessions=SESSIONS)
    known = panel.filter(pl.col("session") <= panel["session"].unique().sort()[sessions - 1])
    made = features(panel, 5, 1.0).join(known, on=["symbol", "session"], how="semi")
    return build_samples(known, benchmark(known), made, 5, label)


def scores(made: ModelRun, until: dt.date) -> pl.DataFrame:
    rows = made.tables[PREDICTIONS].filter(pl.col("session") <= until)
    return rows.select("symbol", "session", "fold", "score")


@pytest.mark.parametrize("family", [pytest.param(each, marks=SLOW) if each == "catboost" else each for each in ALL])
def test_a_family_leaves_sound_tables_and_no_score_that_later_data_change(family: str) -> None:
    own = settings(family)
    data = samples(own.label)
    whole = run(data, own)
    for table, frame in whole.tables.items():
        table.validate(frame)
    assert whole.tables[OUTCOMES]["status"].item() == "ok"
    assert leaks(whole.tables[FOLDS], whole.tables[PREDICTIONS]).is_empty()
    losses = dict(whole.tables[METRICS].group_by("metric").agg(pl.col("value").mean()).iter_rows())
    assert losses["log_loss"] < losses["naive_log_loss"] and losses["auc"] > 0.68
    assert whole.tables[EXPLANATIONS].sort("value", descending=True)["feature"][0] == "signal"
    assert whole.costs.seconds["model"] > 0 and whole.costs.peak_mb > 0
    until = dates_of(data)[205]
    assert scores(run(samples(own.label, 206), own), until).equals(scores(whole, until))


@pytest.mark.parametrize("family", ALL)
def test_where_nothing_can_be_learnt_there_is_an_outcome(family: str) -> None:
    own = settings(family)
    data = samples(own.label)
    nowhere = replace(data, features=np.full_like(data.features, np.nan))
    ones = replace(data, label=np.where(np.isnan(data.label), np.nan, 1).astype(np.float32))
    for made, reason in ((nowhere, "too_few_rows"), (ones, "single_class")):
        found = run(made, own)
        assert found.tables[OUTCOMES].select("status", "reason").row(0) == ("insufficient_data", reason)
        assert found.artifact is None and found.tables[PREDICTIONS].is_empty()


def test_one_symbol_has_no_ranks() -> None:
    found = run(samples("rank", symbols=1), settings("ranking"))
    assert found.tables[OUTCOMES]["reason"].item() == "too_few_rows"


def test_labels_of_barriers_are_purged_when_their_time_is_up() -> None:
    """Of the last sessions of training none is taken for having ended early."""
    panel = with_ranges(symbols=6, sessions=SESSIONS)
    data = build_samples(panel, None, features(panel, 5, 1.0), 15, "triple_barrier")
    own = settings("logistic").model_copy(update={"label": "triple_barrier", "horizon": 15})
    found = run(data, own).tables
    assert found[OUTCOMES]["status"].item() == "ok"
    assert leaks(found[FOLDS], found[PREDICTIONS]).is_empty()
    dates = dates_of(data)
    for row in found[FOLDS].iter_rows(named=True):
        before = data.keys.filter(pl.Series(data.scorable()), pl.col("session") < row["test_start"])
        over = before.filter(pl.col("label_end") <= row["train_end"], pl.col("label").is_not_null())
        assert row["train_rows"] == over.height
        late = over.filter(pl.col("session") > dates[dates.index(row["train_end"]) - 16])
        assert late.is_empty()
