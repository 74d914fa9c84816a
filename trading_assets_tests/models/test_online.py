"""An online model in the walk forward: what scores a session, what is written of it, and one stream over all folds."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl

from trading_assets.config.models import FAMILIES, OnlineModel
from trading_assets.models.families.online import Online
from trading_assets.models.fits import FittedModels
from trading_assets.models.kept_folds import KeptFolds
from trading_assets.models.online import followed, learning_on, rows_to_learn
from trading_assets.models.online_tables import ONLINE_UPDATES
from trading_assets.models.run import ModelRun, out_of_sample_scores, run_model
from trading_assets.models.samples import RowNumbers, Samples
from trading_assets.models.splits import Fold, walk_forward
from trading_assets.models.tables import FITS, FOLDS, PREDICTIONS
from trading_assets.models.training import Learner, model_scores, training_rows, training_set
from trading_assets_tests.models.panels import NO_HOLDOUT, dates_of, run, samples

SETTINGS = OnlineModel(
    type="online",
    train_sessions=150,
    test_sessions=60,
    embargo_sessions=5,
    min_rows=100,
    initial_sessions=60,
    window_sessions=40,
)


@cache
def whole() -> ModelRun:
    return run(samples(), SETTINGS)


def scores(made: ModelRun) -> pl.DataFrame:
    return made.tables[PREDICTIONS].select("symbol", "session", "score").sort("symbol", "session")


def test_no_score_depends_on_a_label_that_was_not_over_before_its_session() -> None:
    """Labels that are over on a session or later are the opposite: of all sessions up to it the scores stay."""
    made = samples()
    session = dates_of(made)[240]
    day = (session - dt.date(1970, 1, 1)).days
    flipped = np.where(made.label_end >= day, 1 - made.label, made.label)
    found = scores(run(replace(made, label=flipped), SETTINGS))
    both = scores(whole()).join(found, on=["symbol", "session"], suffix="_then")
    same = both.filter(pl.col("score") == pl.col("score_then"))
    until = pl.col("session") <= session
    assert same.filter(until).height == both.filter(until).height > 300
    assert same.filter(~until).height < both.filter(~until).height


def test_a_score_follows_from_the_last_label_that_was_over() -> None:
    """Of the rows that end on the session before a score, one label is another: the score of that session moves."""
    made = samples()
    sessions = dates_of(made)
    day = (sessions[240] - dt.date(1970, 1, 1)).days
    last = np.where(made.label_end == day, 1 - made.label, made.label)
    both = scores(whole()).join(scores(run(replace(made, label=last), SETTINGS)), on=["symbol", "session"])
    moved = both.filter(pl.col("score") != pl.col("score_right"))
    assert moved["session"].min() == sessions[241]


def test_what_was_decided_is_written_of_each_session_of_each_fold() -> None:
    tables = whole().tables
    rows = tables[ONLINE_UPDATES]
    ONLINE_UPDATES.validate(rows)
    folds = tables[FOLDS]
    assert set(rows["fold"]) == set(folds["fold"])
    inside = rows.join(folds, on="fold")
    assert inside.filter(~pl.col("session").is_between(pl.col("test_start"), pl.col("test_end"))).is_empty()
    assert rows.filter(pl.col("known_on") >= pl.col("session")).is_empty()
    # Each session of the labels is decided on, in one fold or the other, once.
    assert rows["known_on"].is_unique().all()
    starts = folds["test_start"].min()
    tested = [day for day in dates_of(samples()) if isinstance(starts, dt.date) and day >= starts]
    assert rows["session"].to_list() == tested
    updated = rows.filter(decision="update")
    assert updated.height > 50
    passes = pl.col("trial") <= pl.col("before") + pl.col("tolerance")
    assert updated.filter(~passes).is_empty()
    assert updated.filter(pl.col("step") == 0).is_empty()
    assert rows.filter(pl.col("decision") == "refuse", pl.col("step") > 0).is_empty()


def follow(made: Samples, fold: Fold) -> Online:
    learner = Learner(SETTINGS, seed=3)
    scorable = made.scorable()
    fitted = learner.fit(training_set(made, training_rows(made, fold, scorable).rows))
    found, rows = followed(fitted, made, fold, scorable, learner)
    assert isinstance(found, Online) and rows is not None
    return found


def test_folds_that_begin_at_the_same_session_are_one_stream() -> None:
    """What a later fold learns anew is, to the bit, what the fold before had learnt when it ended."""
    made = samples()
    first, second, *_ = walk_forward(dates_of(made), SETTINGS)
    one, other = follow(made, first).state, follow(made, second).state
    shared = len(one.since)
    assert (other.since[:shared] == one.since).all() and (other.path[:shared] == one.path).all()
    assert len(other.since) > shared
    rows = rows_to_learn(made, second, made.scorable())
    assert made.label_end[rows].max() < (second.test_end - dt.date(1970, 1, 1)).days


def test_folds_that_are_kept_and_models_that_are_kept_leave_the_same() -> None:
    """A second run takes over all folds but the last; a third one fits nothing anew and follows all the same."""
    made = samples()
    folds = walk_forward(dates_of(made), SETTINGS)
    kept = KeptFolds()
    kept.of(made, folds, NO_HOLDOUT)
    fits = whole().fits
    rows = {**whole().tables, FITS: FITS.empty()}
    again = run_model(
        made,
        folds,
        SETTINGS,
        name="model",
        seed=3,
        holdout_start=NO_HOLDOUT,
        fits={each.made_of: each.content for each in fits.values()},
        kept=KeptFolds(kept.digests, rows),
    )
    assert again.untrained == {0, 1}
    for table in (PREDICTIONS, ONLINE_UPDATES):
        assert again.tables[table].equals(whole().tables[table])
    alone = out_of_sample_scores(made, folds, FittedModels(Learner(SETTINGS, 3)))
    assert scores(whole()).equals(alone.select("symbol", "session", "score").sort("symbol", "session"))


def test_a_model_of_another_family_stays_as_it_is() -> None:
    made = samples()
    fold = walk_forward(dates_of(made), SETTINGS)[0]
    learner = Learner(FAMILIES["logistic"].model_validate({"type": "logistic"}), 3)
    model = learner.fit(training_set(made, training_rows(made, fold, made.scorable()).rows))
    found, rows = followed(model, made, fold, made.scorable(), learner)
    assert found is model and rows is None


def scores_of_tested(made: Samples, train: RowNumbers, test: RowNumbers) -> np.ndarray:
    """Scores of tested rows by what was learnt on `train`, and then on through them."""
    learner = Learner(SETTINGS, seed=3)
    model, day = learning_on(learner.fit(training_set(made, train)), made, train, test, learner)
    return model_scores(model, made.features[test], day)


def middle(made: Samples) -> tuple[RowNumbers, RowNumbers]:
    """Rows that train, before and after sixty sessions, and the rows of these: no label is in both."""
    dates = np.unique(made.session)
    first, last = dates[120], dates[179]
    known = made.scorable() & ~np.isnan(made.label)
    test = np.flatnonzero(known & (made.session >= first) & (made.session <= last))
    apart = (made.label_end < first) | (made.session > made.label_end[test].max())
    return np.flatnonzero(known & apart), test


def test_cross_validation_learns_on_from_labels_that_were_over_alone() -> None:
    """Tested sessions lie between those that train: a label moves the scores after its end, and none up to it."""
    made = samples()
    train, test = middle(made)
    found = scores_of_tested(made, train, test)
    session = np.unique(made.session[test])[30]
    over = np.zeros(made.session.size, dtype=bool)
    over[test] = made.label_end[test] >= session
    other = scores_of_tested(replace(made, label=np.where(over, 1 - made.label, made.label)), train, test)
    until = made.session[test] <= session
    assert (found[until] == other[until]).all()
    assert (found[~until] != other[~until]).any()


def test_the_first_tested_session_is_scored_by_what_was_trained() -> None:
    made = samples()
    train, test = middle(made)
    first = made.session[test] == made.session[test].min()
    trained = Learner(SETTINGS, seed=3).fit(training_set(made, train))
    found = scores_of_tested(made, train, test)
    assert (found[first] == trained.score(made.features[test][first])).all()
    assert (found[~first] != trained.score(made.features[test][~first])).any()


def test_after_its_training_it_learns_on_as_in_a_fold() -> None:
    """Where nothing is purged between training and test the scores are those of the walk forward, to the bit."""
    made = samples()
    fold = walk_forward(dates_of(made), SETTINGS)[0]
    rows = rows_to_learn(made, fold, made.scorable())
    begins = (fold.test_start - dt.date(1970, 1, 1)).days
    over = made.over_by(fold.train_end)[rows]
    train, test = rows[over], rows[~over]
    learner = Learner(SETTINGS, seed=3)
    model, day = learning_on(learner.fit(training_set(made, train)), made, train, test, learner)
    expected = follow(made, fold)
    own = test[made.session[test] >= begins]
    assert own.size > 100
    found = model_scores(model, made.features[own], day[made.session[test] >= begins])
    assert (found == expected.score_by_session(made.features[own], made.session[own])).all()
