"""The rise of the loss is that of all switches, what a session shares has none, and nothing depends on the order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from trading_assets.config.evaluation import Evaluation
from trading_assets.models.families.odds import log_losses
from trading_assets.models.permutation_importance import Importance, permutation_importance

Floats = NDArray[np.float64]


def expit(odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-odds))


class Linear:
    """A model of odds that are a sum; it counts the rows that it is asked about."""

    def __init__(self, *weights: float) -> None:
        self.weights, self.asked = np.array(weights), 0

    def __call__(self, features: NDArray[np.float32], session: NDArray[np.int32]) -> Floats:
        assert len(session) == len(features)
        self.asked += len(features)
        return expit((np.nan_to_num(features.astype(np.float64)) * self.weights).sum(axis=1))


def panel(sessions: int, symbols: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int32], Floats]:
    """Three features: one that tells the label, one of the session, one of nothing."""
    rng = np.random.default_rng(seed)
    session = np.repeat(np.arange(sessions, dtype=np.int32), symbols)
    own, nothing = rng.standard_normal((2, session.size))
    features = np.column_stack([own, rng.standard_normal(sessions)[session], nothing]).astype(np.float32)
    return features, session, (rng.random(session.size) < expit(1.5 * own)).astype(np.float64)


def importance(
    score: Linear, made: tuple[NDArray[np.float32], NDArray[np.int32], Floats], seed: int = 0, **settings: int
) -> Importance:
    return permutation_importance(score, *made, Evaluation(**settings), np.random.default_rng(seed))


def test_the_mean_over_draws_is_the_mean_over_all_switches_by_brute_force() -> None:
    """Two sessions of three symbols: each row takes the value of each of the two others once."""
    features, session, label = panel(2, 3, seed=4)
    score = Linear(1.5, 0.5, 0.2)
    found = importance(score, (features, session, label), importance_repeats=100)
    before = log_losses(score(features, session), label).mean()
    switched = []
    for one, other in permutations(range(6), 2):
        if session[one] == session[other]:
            row = features[one : one + 1].copy()
            row[0, 0] = features[other, 0]
            switched.append(log_losses(score(row, session[one : one + 1]), label[one : one + 1]).item())
    assert found.increase[0] == pytest.approx(np.mean(switched) - before, abs=4 * found.error[0])
    assert found.rows == 6


def test_a_feature_that_a_session_shares_has_no_importance_and_one_that_is_unused_has_zero() -> None:
    found = importance(Linear(1.5, 3.0, 0.0), panel(40, 8, seed=1))
    assert found.increase[0] > 0.2
    assert found.error[0] < 0.05
    assert np.isnan(found.increase[1]) and np.isnan(found.error[1])
    assert (found.increase[2], found.error[2]) == (0.0, 0.0)


def test_a_missing_value_is_a_value_that_changes_places() -> None:
    features, session, label = panel(20, 2, seed=2)
    features[:, 2] = np.where(np.arange(40) % 2, np.nan, 1.0)
    found = importance(Linear(1.0, 0.0, 2.0), (features, session, label))
    assert abs(found.increase[2]) > 0.01
    features[:, 2] = np.nan
    assert np.isnan(importance(Linear(1.0, 0.0, 2.0), (features, session, label)).increase[2])


def test_the_error_is_that_of_the_draws() -> None:
    """Of 300 means of 5 draws the deviation is what each of them says of itself, on average."""
    made = panel(10, 4, seed=3)
    found = [importance(Linear(1.5, 0.0, 0.0), made, seed, importance_repeats=5) for seed in range(300)]
    spread = np.std([each.increase[0] for each in found], ddof=1)
    assert np.sqrt(np.mean([each.error[0] ** 2 for each in found])) == pytest.approx(spread, rel=0.12)


def test_another_feature_changes_nothing_of_the_others() -> None:
    features, session, label = panel(10, 4, seed=3)
    fewer = importance(Linear(1.5), (features[:, :1], session, label))
    more = importance(Linear(1.5, 0.0, 0.0), (features, session, label))
    assert fewer.increase[0] == more.increase[0]


def test_no_more_rows_are_asked_than_the_settings_say() -> None:
    """50 rows of 400, three features of which one cannot be permuted: 50 rows once, and 2 x 4 times."""
    score = Linear(1.5, 0.0, 0.0)
    found = importance(score, panel(40, 10, seed=5), importance_rows=50, importance_repeats=4)
    assert found.rows <= 50
    assert score.asked == found.rows * (1 + 2 * 4)
    assert found.increase[0] > 0


def test_whole_sessions_are_drawn_so_that_each_row_has_company() -> None:
    """Of two symbols in 2,000 sessions hardly two rows of 60 that were drawn one by one would be of one session."""
    found = importance(Linear(1.0, 1.0, 0.0), panel(2_000, 2, seed=6), importance_rows=60)
    assert found.rows == 60


def test_in_parts_as_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    made = panel(20, 6, seed=6)
    whole = importance(Linear(1.5, 0.0, 0.3), made)
    monkeypatch.setattr("trading_assets.models.permutation_importance._MOST_AT_A_TIME", 130)
    parts = importance(Linear(1.5, 0.0, 0.3), made)
    assert np.array_equal(whole.increase, parts.increase, equal_nan=True)


def test_one_symbol_changes_places_in_time_and_one_row_not_at_all() -> None:
    features, session, label = panel(60, 1, seed=7)
    found = importance(Linear(1.5, 0.0, 0.0), (features, session, label))
    assert found.increase[0] > 0 and found.rows == 60
    alone = importance(Linear(1.5, 0.0, 0.0), (features[:1], session[:1], label[:1]))
    assert alone.rows == 0 and np.isnan(alone.increase).all()
