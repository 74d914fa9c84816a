"""Splits are skfolio's on unique dates, nothing that trains overlaps what is tested, and paths have every row once."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from skfolio.model_selection import CombinatorialPurgedCV

from trading_assets.config.cross_validation import CrossValidation
from trading_assets.models.combinatorial import (
    cross_validate,
    number_of_paths,
    path_of_each,
    sharpe_of_holdings,
    splits,
)
from trading_assets.models.training import Learner
from trading_assets_tests.models.panels import SETTINGS, samples


def settings(groups: int, tested: int, embargo: int = 0) -> CrossValidation:
    return CrossValidation(groups=groups, tested=tested, embargo_sessions=embargo)


def days(count: int, horizon: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    session = np.arange(count, dtype=np.int32)
    return session, session + np.int32(horizon), np.ones(count, dtype=bool)


def test_the_published_example() -> None:
    """skfolio's: 12 observations, 3 folds, 2 of them tested, purge 1."""
    found = [each.train.tolist() for each in splits(*days(12, 1), settings(3, 2))]
    assert found == [[9, 10, 11], [5, 6], [0, 1, 2]]


@pytest.mark.parametrize(("groups", "tested"), [(3, 2), (5, 2), (6, 3)])
@pytest.mark.parametrize(("horizon", "embargo"), [(1, 0), (3, 0), (2, 4)])
def test_splits_and_paths_agree_with_skfolio_on_unique_dates(
    groups: int, tested: int, horizon: int, embargo: int
) -> None:
    theirs = CombinatorialPurgedCV(n_folds=groups, n_test_folds=tested, purged_size=horizon, embargo_size=embargo)
    count = groups * 20  # of as many sessions each: skfolio puts what is left over elsewhere
    own = list(splits(*days(count, horizon), settings(groups, tested, embargo)))
    expected = list(theirs.split(np.zeros((count, 1))))
    assert len(own) == len(expected) == comb(groups, tested)
    for ours, (train, test) in zip(own, expected, strict=True):
        assert ours.train.tolist() == train.tolist()
        assert [rows.tolist() for rows in ours.tested.values()] == [rows.tolist() for rows in test]
    assert number_of_paths(settings(groups, tested)) == theirs.n_test_paths


@settings_of_hypothesis(max_examples=40)
@given(
    st.integers(3, 6),
    st.integers(1, 2),
    st.integers(0, 4),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 6)), min_size=30, max_size=80),
)
def test_no_label_that_trains_is_alive_with_one_that_is_tested(
    groups: int, tested: int, embargo: int, rows: list[tuple[int, int]]
) -> None:
    """By brute force, on panels with several rows a session, whose labels end as they like."""
    session = np.array([each[0] for each in rows], dtype=np.int32)
    label_end = session + np.array([each[1] for each in rows], dtype=np.int32)
    sessions = np.unique(session)
    for split in splits(session, label_end, np.ones(len(rows), dtype=bool), settings(groups, tested, embargo)):
        test = np.concatenate([*split.tested.values()])
        assert not set(split.train) & set(test)
        blocks = [set(session[own]) for own in split.tested.values()]
        for row in range(len(rows)):
            clear = all(
                label_end[row] < min(session[own])
                or (
                    np.count_nonzero((sessions > label_end[own].max()) & (sessions < session[row])) >= embargo
                    and session[row] > label_end[own].max()
                )
                for own in split.tested.values()
            )
            assert (row in set(split.train)) == clear
        assert not blocks[0] & blocks[-1] or len(blocks) == 1


@pytest.mark.parametrize(("groups", "tested"), [(3, 2), (6, 2), (6, 3), (5, 4)])
def test_every_path_has_every_group_once(groups: int, tested: int) -> None:
    chosen = list(combinations(range(groups), tested))
    paths = path_of_each(chosen)
    assert len(paths) == comb(groups, tested) * tested
    by_path: dict[int, list[int]] = {}
    for (_, group), path in paths.items():
        by_path.setdefault(path, []).append(group)
    assert len(by_path) == number_of_paths(settings(groups, tested))
    assert all(sorted(each) == list(range(groups)) for each in by_path.values())


def test_a_signal_is_found_on_every_path_and_none_is_not() -> None:
    learner = Learner(SETTINGS, 3)
    found, trained = cross_validate(samples(), learner, settings(4, 2, 5))
    assert trained == 6 and len(found) == 3
    assert all((each["auc"] or 0) > 0.7 for each in found)
    assert all((each["log_loss"] or 9) < (each["naive_log_loss"] or 0) for each in found)
    assert all((each["sharpe_per_holding"] or 0) > 0.5 for each in found)
    nothing, _ = cross_validate(samples(strength=0.0), learner, settings(4, 2, 5))
    assert all(abs((each["auc"] or 0) - 0.5) < 0.06 for each in nothing)
    assert all((each["log_loss"] or 0) > (each["naive_log_loss"] or 9) for each in nothing)


def test_what_cannot_be_trained_is_no_path() -> None:
    learner = Learner(SETTINGS.model_copy(update={"min_rows": 10**9}), 3)
    assert cross_validate(samples(), learner, settings(4, 2)) == ([], 0)


def test_holdings_do_not_overlap() -> None:
    """Every third session of a horizon of two: returns 0.01, 0.03, 0.02, of mean 0.02 and deviation 0.01."""
    session = np.arange(9, dtype=np.int32)
    earned = np.array([0.01, 9, 9, 0.03, 9, 9, 0.02, 9, 9])
    assert sharpe_of_holdings(session, np.full(9, 0.6), earned, 2) == pytest.approx(2.0)
    assert sharpe_of_holdings(session, np.full(9, 0.5), earned, 2) is None
    assert sharpe_of_holdings(session[:3], np.full(3, 0.6), earned[:3], 2) is None
