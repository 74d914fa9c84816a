from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skfolio.model_selection import WalkForward

from trading_assets.config.models import Model
from trading_assets.config.sections import Splits
from trading_assets.models.splits import SplitsError, holdout_start, resolve_splits, walk_forward, warm_up
from trading_assets.models.tables import SPLITS
from trading_assets.models.training import training_rows
from trading_assets_tests.models.panels import dates_of, samples, weekdays

DATES = Splits.model_validate(
    {
        "train": ["2010-03-01", "2010-12-31"],
        "validation": ["2011-01-01", "2011-06-30"],
        "holdout": ["2011-07-01", "2012-01-01"],
    }
)


def test_dates_are_taken_as_given() -> None:
    frame = resolve_splits(DATES, weekdays(100), SPLITS.empty())
    SPLITS.validate(frame)
    assert frame["split"].to_list() == ["train", "validation", "holdout"]
    assert frame.row(0)[1:3] == (dt.date(2010, 3, 1), dt.date(2010, 12, 31))
    assert frame["proportion"].null_count() == 3
    assert holdout_start(frame) == dt.date(2011, 7, 1)
    assert warm_up(frame, weekdays(100)) == 40  # 8 weeks from 4 January


def test_proportions_cover_what_follows_the_warm_up() -> None:
    sessions = weekdays(250 + 800)
    frame = resolve_splits(Splits(), sessions, SPLITS.empty())
    SPLITS.validate(frame)
    spans = [(sessions.index(start), sessions.index(end)) for start, end in frame.select("start", "end").iter_rows()]
    assert spans == [(250, 749), (750, 849), (850, 1049)]


@given(train=st.integers(1, 98), validation=st.integers(0, 98), usable=st.integers(3, 700), first=st.integers(0, 60))
def test_proportions_partition_the_sessions(train: int, validation: int, usable: int, first: int) -> None:
    validation = min(validation, 99 - train)
    settings = Splits(
        train=train / 100,
        validation=validation / 100,
        holdout=(100 - train - validation) / 100,
        warm_up_sessions=first,
    )
    sessions = weekdays(first + usable)
    frame = resolve_splits(settings, sessions, SPLITS.empty())
    covered = [
        session
        for start, end in frame.select("start", "end").iter_rows()
        for session in sessions
        if start <= session <= end
    ]
    assert covered == sessions[first:]
    assert frame.height == (3 if validation else 2)


def test_resolved_proportions_are_kept_when_data_arrive() -> None:
    before = resolve_splits(Splits(), weekdays(600), SPLITS.empty())
    after = resolve_splits(Splits(), weekdays(900), before)
    assert after.equals(before)
    changed = Splits(train=0.5, validation=0.25, holdout=0.25)
    assert not resolve_splits(changed, weekdays(900), before).equals(before)
    assert not resolve_splits(Splits(warm_up_sessions=100), weekdays(900), before).equals(before)
    assert resolve_splits(DATES, weekdays(900), before)["proportion"].null_count() == 3


def test_too_few_sessions_to_split() -> None:
    with pytest.raises(SplitsError, match=r"252 sessions, of which 250 are warm-up"):
        resolve_splits(Splits(), weekdays(252), SPLITS.empty())


@pytest.mark.parametrize("expanding", [True, False])
@pytest.mark.parametrize(("horizon", "embargo"), [(5, 5), (1, 0), (10, 3)])
def test_folds_agree_with_skfolio_on_unique_dates(expanding: bool, horizon: int, embargo: int) -> None:
    made = samples(horizon=horizon)
    sessions = dates_of(made)
    settings = Model(
        horizon=horizon, train_sessions=150, test_sessions=50, embargo_sessions=embargo, expanding=expanding
    )
    # A label of session t is over at t + horizon + 1: that many sessions are purged, then the embargo.
    oracle = WalkForward(
        train_size=150 - horizon - 1 - embargo,
        test_size=50,
        expand_train=expanding,
        reduce_test=True,
        purged_size=horizon + 1 + embargo,
    )
    expected = list(oracle.split(np.zeros((len(sessions), 1))))
    folds = walk_forward(sessions, settings)
    assert len(folds) == len(expected) == 4
    scorable = np.ones(made.session.size, dtype=bool)
    every_label = made.label_end < np.iinfo(np.int32).max
    for fold, (train, test) in zip(folds, expected, strict=True):
        rows = training_rows(made, fold, scorable)
        assert np.all(every_label[rows.rows])
        trained = sorted(set(made.keys["session"].gather(rows.rows).to_list()))
        assert trained == [sessions[index] for index in train]
        assert (fold.test_start, fold.test_end) == (sessions[test[0]], sessions[test[-1]])


@pytest.mark.parametrize("embargo", [0, 5])
def test_no_training_label_reaches_a_test_fold(embargo: int) -> None:
    """Brute force, row by row, on a panel with a fifth of its bars missing: labels there run longer in days."""
    made = samples(missing=0.2)
    sessions = dates_of(made)
    settings = Model(train_sessions=100, test_sessions=40, embargo_sessions=embargo)
    keys = made.keys.rows(named=True)
    for fold in walk_forward(sessions, settings):
        boundary = sessions[sessions.index(fold.test_start) - embargo]
        chosen = set(training_rows(made, fold, made.scorable()).rows.tolist())
        for number, row in enumerate(keys):
            over = row["label_end"] is not None and row["label_end"] < boundary
            labelled = row["label"] is not None and made.scorable()[number]
            assert (number in chosen) == (over and labelled), row


def test_appending_sessions_changes_no_earlier_fold() -> None:
    settings = Model(train_sessions=100, test_sessions=40)
    few, more = walk_forward(weekdays(230), settings), walk_forward(weekdays(300), settings)
    assert few[:-1] == more[: len(few) - 1]
    last, same = few[-1], more[len(few) - 1]
    assert (last.train_end, last.test_start) == (same.train_end, same.test_start)
    assert walk_forward(weekdays(100), settings) == []


def test_without_a_holdout_nothing_is_hidden() -> None:
    frame = resolve_splits(Splits(train=0.8, validation=0.2, holdout=0.0), weekdays(600), SPLITS.empty())
    assert frame["split"].to_list() == ["train", "validation"]
    assert holdout_start(frame) == dt.date.max
    assert frame["end"].to_list()[-1] == weekdays(600)[-1]
    assert pl.Series(frame["start"]).is_sorted()
