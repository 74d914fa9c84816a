"""The online family behind the interface of all families."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from trading_assets.models.families.interface import TrainingSet
from trading_assets.models.families.online import Online, fit, load
from trading_assets.models.training import model_scores
from trading_assets_tests.models.families.online_market import SETTINGS, SIGNAL, arrays_of


def training(count: int = 120) -> TrainingSet:
    features, label, session, label_end = arrays_of([SIGNAL] * count)
    weight = np.ones(len(label), dtype=np.float32)
    return TrainingSet(features, label, weight, session, label_end, names=("a", "b", "c"))


def fitted(count: int = 120) -> Online:
    made = fit(training(count), SETTINGS, 7)
    assert isinstance(made, Online)
    return made


def test_it_learns_what_a_logistic_regression_of_the_same_rows_learns() -> None:
    """Later rows of the same market: no worse than scikit-learn's fit of all rows by 0.02 of log loss."""
    features, label, _, _ = arrays_of([SIGNAL] * 60, seed=5)
    own = log_loss(label, fitted().score(features))
    other = LogisticRegression().fit(training().features, training().label)
    assert own < log_loss(label, other.predict_proba(features)[:, 1]) + 0.02 < 0.6


def test_a_row_scores_alone_as_in_a_batch_and_after_it_was_saved() -> None:
    made = fitted()
    features = np.random.default_rng(2).standard_normal((50, 3)).astype(np.float32)
    features[3, 1] = np.nan
    session = np.repeat(np.arange(100, 110, dtype=np.int32), 5)
    batch = made.score_by_session(features, session)
    for row in range(50):
        assert made.score_by_session(features[[row]], session[[row]])[0] == batch[row]
        assert made.score(features[[row]])[0] == made.score(features)[row]
    again = load(made.save())
    assert (again.score_by_session(features, session) == batch).all()
    assert again.save() == made.save()
    assert (model_scores(again, features, session) == batch).all()


def test_each_session_is_scored_by_what_was_in_force() -> None:
    """Of a session the weights after the last day of labels before it, looked for one by one."""
    made = fitted()
    row = np.ones((1, 3), dtype=np.float32)
    since = made.state.since.tolist()
    for session in (10, 61, 62, 69, 70, 100, 121, 500):
        before = [place for place, day in enumerate(since) if day < session]
        weights = made.state.path[max(before, default=0)]
        scaled = made.state.scaling.apply(row)[0]
        expected = 1 / (1 + np.exp(-(weights[0] + (scaled * weights[1:]).sum())))
        found = made.score_by_session(row, np.array([session], dtype=np.int32))[0]
        assert found == pytest.approx(expected, rel=1e-12)


def test_a_feature_adds_what_the_log_odds_lose_without_it() -> None:
    made, features = fitted(), np.random.default_rng(3).standard_normal((10, 3)).astype(np.float32)
    odds = np.log(made.score(features) / (1 - made.score(features)))
    assert made.contributions(features).sum(axis=1) + made.state.path[-1][0] == pytest.approx(odds, abs=1e-9)
    assert np.abs(made.contributions(features)).mean(axis=0).argmin() == 2  # the third tells nothing


def test_the_weights_that_uniqueness_gives_have_no_part_in_it() -> None:
    """They depend on labels that come later; a label's own length does not."""
    own = training()
    heavy = TrainingSet(own.features, own.label, 3 * own.weight, own.session, own.label_end, names=own.names)
    assert fit(heavy, SETTINGS, 7).save() == fit(own, SETTINGS, 7).save()
