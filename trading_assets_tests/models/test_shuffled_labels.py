"""Who knows nothing scores nothing at the level that is stated, and a label that reaches the model is seen."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import kstest, norm
from sklearn.metrics import roc_auc_score

from trading_assets.config.models import FAMILIES, WalkForward
from trading_assets.models.families.interface import Fitted, TrainingSet
from trading_assets.models.samples import RowNumbers, Samples, build_samples, day
from trading_assets.models.shuffled_labels import (
    LEVEL,
    ShuffledScore,
    auc_within,
    finding_of,
    score_shuffled,
    with_shuffled_labels,
)
from trading_assets.models.splits import walk_forward
from trading_assets.models.training import Learner, training_rows
from trading_assets_tests.models.families.planted import settings_of
from trading_assets_tests.models.panels import SETTINGS, bars, benchmark, dates_of, features, samples

#: The import of CatBoost alone takes seconds; stacks and networks fit for as long.
SLOW = ("catboost", "mlp", "stacking", "random_forest")
ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), min_size=1, max_size=9)


@settings(max_examples=60)
@given(ROWS)
def test_pairs_in_order_are_those_of_scikit_learn_session_by_session(rows: list[tuple[int, int, bool]]) -> None:
    strata, score, label = (np.array(each) for each in zip(*rows, strict=True))
    pairs, auc, _ = auc_within(score.astype(float), label.astype(float), strata)
    in_order, count = 0.0, 0
    for each in np.unique(strata):
        own = strata == each
        ones = int(label[own].sum())
        both = ones * (int(own.sum()) - ones)
        count += both
        in_order += both * float(roc_auc_score(label[own], score[own])) if both else 0.0
    assert pairs == count
    assert np.isnan(auc) if not count else auc == pytest.approx(in_order / count)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=2, max_size=5))
def test_the_deviation_is_that_of_all_ways_to_shuffle(rows: list[tuple[int, bool]]) -> None:
    """One session: every permutation of its labels, with the scores as they are."""
    score, label = (np.array(each, dtype=float) for each in zip(*rows, strict=True))
    strata = np.zeros(score.size, dtype=np.int64)
    pairs, _, error = auc_within(score, label, strata)
    if not pairs:
        return
    every = [auc_within(score, np.array(each), strata)[1] for each in permutations(label)]  # equal ones as often
    assert np.mean(every) == pytest.approx(0.5)
    assert error == pytest.approx(np.std(every), abs=1e-12)


def parts_of(made: Samples, own: WalkForward) -> tuple[RowNumbers, RowNumbers]:
    """Rows that train and that are tested, of the second fold."""
    fold = walk_forward(dates_of(made), own)[1]
    scorable = made.scorable()
    tested = made.tested_by(fold) & scorable & ~np.isnan(made.label)
    return training_rows(made, fold, scorable).rows, np.flatnonzero(tested)


def scored(own: WalkForward, made: Samples, seed: int, *, leak: bool = False, most_rows: int = 10_000) -> ShuffledScore:
    train, test = parts_of(made, own)
    if leak:
        train = np.union1d(train, test)
    found = score_shuffled(made, train, test, Learner(own, seed), most_rows, np.random.default_rng(seed))
    assert found is not None
    return found


def z_of(found: ShuffledScore) -> float:
    return finding_of([(found.pairs, found.auc, found.error)]).z


def of_family(family: str) -> tuple[WalkForward, Samples]:
    values = settings_of(family).model_dump(exclude_unset=True)
    spans = {"train_sessions": 120, "test_sessions": 60, "embargo_sessions": 2}
    own = FAMILIES[family].model_validate({**values, **spans})
    panel = bars(symbols=6, sessions=260)
    return own, build_samples(panel, benchmark(panel), features(panel, 5, 1.0), 5, own.label)


@pytest.mark.slow
def test_nothing_is_as_often_extreme_as_it_should_be() -> None:
    """300 models that would find much in true labels: their distances are standard normal draws."""
    own, made = of_family("logistic")
    found = np.array([z_of(scored(own, made, seed)) for seed in range(300)])
    assert kstest(found, norm.cdf).pvalue > 0.01
    assert found.max() < norm.isf(LEVEL)


@pytest.mark.parametrize(
    "family", [pytest.param(each, marks=pytest.mark.slow) if each in SLOW else each for each in sorted(FAMILIES)]
)
def test_no_shipped_family_scores_where_there_is_nothing_to_find(family: str) -> None:
    own, made = of_family(family)
    found = [scored(own, made, seed) for seed in range(8)]
    together = finding_of([(each.pairs, each.auc, each.error) for each in found])
    assert not together.is_leak
    assert abs(together.z) < 3.5
    assert all(not finding_of([(each.pairs, each.auc, each.error)]).is_leak for each in found)


@pytest.mark.parametrize("family", ["xgboost", "random_forest", "lightgbm"])
def test_rows_that_train_and_are_tested_are_seen(family: str) -> None:
    own, made = of_family(family)
    own = own.model_copy(update={"min_leaf": 1, "min_child_weight": 0.0, "depth": 6, "leaves": 64})
    found = scored(own, made, 1, leak=True)
    assert finding_of([(found.pairs, found.auc, found.error)]).is_leak
    assert found.log_loss < found.base_log_loss


def test_few_rows_that_train_are_the_last_ones_so_that_a_leak_stays_in() -> None:
    own, made = of_family("xgboost")
    own = own.model_copy(update={"min_child_weight": 0.0, "depth": 6})
    found = scored(own, made, 1, leak=True, most_rows=400)
    assert 300 < found.train_rows <= 400
    assert finding_of([(found.pairs, found.auc, found.error)]).is_leak


class Keeps:
    """A family that keeps the labels of every row that it was ever shown, and tells them again."""

    def __init__(self, made: Samples) -> None:
        self.known = {row.tobytes(): 0.5 for row in made.features}

    def see(self, made: Samples, rows: RowNumbers) -> None:
        for row, label in zip(made.features[rows], made.label[rows], strict=True):
            self.known[row.tobytes()] = 0.25 + 0.5 * float(label)

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.array([self.known[row.tobytes()] for row in rows])


def test_a_family_that_keeps_labels_of_the_test_part_is_seen_and_one_that_keeps_others_is_not() -> None:
    made = samples()
    train, test = parts_of(made, SETTINGS)
    draws = np.random.default_rng(3)
    rows = np.union1d(train, test)
    shuffled = with_shuffled_labels(made, rows, made.session[rows].astype(np.int64), draws)
    for shown, is_leak in ((test[::4], True), (train, False)):
        family = Keeps(made)
        family.see(shuffled, shown)
        label = shuffled.label[test].astype(float)
        found = finding_of([auc_within(family.score(made.features[test]), label, made.session[test].astype(np.int64))])
        assert found.is_leak == is_leak


def test_labels_change_places_with_all_that_they_are_made_of_and_ends_stay() -> None:
    made = samples()
    made = replace(made, target=made.relative_return.astype(np.float32))
    rows = np.flatnonzero(~np.isnan(made.label))[100:900]
    found = with_shuffled_labels(made, rows, made.session[rows].astype(np.int64), np.random.default_rng(1))
    assert found.target is not None and made.target is not None
    assert np.array_equal(found.target, found.relative_return.astype(np.float32), equal_nan=True)
    sign = np.where(np.isnan(found.relative_return), np.nan, found.relative_return > 0)
    assert np.array_equal(found.label[rows], sign[rows])
    assert (found.label_end == made.label_end).all() and found.first is made.first
    others = np.setdiff1d(np.arange(made.label.size), rows)
    assert np.array_equal(found.label[others], made.label[others], equal_nan=True)
    for each in np.unique(made.session[rows])[:20]:
        day_rows = rows[made.session[rows] == each]
        assert sorted(found.relative_return[day_rows]) == sorted(made.relative_return[day_rows])
    assert (found.label[rows] != made.label[rows]).mean() > 0.2


def test_one_symbol_is_shuffled_in_time_and_nothing_to_learn_is_none() -> None:
    panel = bars(symbols=1, sessions=400)
    made = build_samples(panel, None, features(panel, 5, 2.0), 5)
    found = [scored(SETTINGS, made, seed) for seed in range(30)]
    assert all(each.pairs > 500 for each in found)
    assert not finding_of([(each.pairs, each.auc, each.error) for each in found]).is_leak
    train, test = parts_of(made, SETTINGS)
    draws = np.random.default_rng(0)
    assert score_shuffled(made, train[:50], test, Learner(SETTINGS, 1), 1_000, draws) is None
    assert score_shuffled(made, train, test[:0], Learner(SETTINGS, 1), 1_000, draws) is None


def test_the_same_seed_gives_the_same_score_and_true_labels_would_give_another() -> None:
    made = samples()
    assert scored(SETTINGS, made, 4) == scored(SETTINGS, made, 4)
    assert scored(SETTINGS, made, 4) != scored(SETTINGS, made, 5)


def test_folds_without_pairs_say_nothing() -> None:
    assert not finding_of([]).is_leak
    assert np.isnan(finding_of([(0, float("nan"), float("nan"))]).auc)
    assert finding_of([(0, float("nan"), float("nan")), (100, 0.9, 0.05)]).z == pytest.approx(8.0)


def test_rows_of_a_session_that_ends_training_are_whole_sessions() -> None:
    own, made = of_family("ridge")
    train, _ = parts_of(made, own)
    found = scored(own, made, 1, most_rows=250)
    sessions = np.unique(made.session[train])[-45:]
    counts = [int((made.session[train] == each).sum()) for each in sessions[::-1]]
    whole = np.cumsum(counts)
    assert found.train_rows == int(whole[whole <= 250][-1])
    assert day(dates_of(made)[0]) < sessions[0]


LEARNT: list[TrainingSet] = []


class Recording(Learner):
    """A learner that keeps what it was given to learn."""

    def fit(self, training: TrainingSet) -> Fitted:
        LEARNT.append(training)
        return super().fit(training)


def test_what_is_learnt_are_shuffled_labels_and_no_true_ones() -> None:
    made = samples()
    train, test = parts_of(made, SETTINGS)
    LEARNT.clear()
    assert score_shuffled(made, train, test, Recording(SETTINGS, 1), 10_000, np.random.default_rng(1)) is not None
    [learnt] = LEARNT
    assert np.array_equal(learnt.features, made.features[train], equal_nan=True)
    moved = (learnt.label != made.label[train]).mean()
    assert 0.3 < moved < 0.5  # of two random labels of a session with six symbols, a third or so is another
    for each in np.unique(learnt.session)[:30]:
        own = learnt.session == each
        assert learnt.label[own].sum() == made.label[train][own].sum()
