"""Elastic weight consolidation against a numerical minimiser, scikit-learn and sums that are written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from trading_assets.models.families.elastic_weights import Memory, Penalties, Rows, fitted, newton_step, ridge_of


def rows(count: int = 200, seed: int = 0) -> Rows:
    random = np.random.default_rng(seed)
    inputs = np.concatenate([np.ones((count, 1)), random.standard_normal((count, 3))], axis=1)
    label = (random.random(count) < expit(inputs @ np.array([0.2, 1.0, -0.5, 0.0]))).astype(np.float64)
    return Rows(inputs, label)


def memory(seed: int = 1) -> Memory:
    """Two days that are remembered, the older one by nine tenths."""
    start = Memory(np.array([0.1, -0.4, 0.3, 0.2]), np.zeros((4, 4)), np.zeros(4), 0)
    return start.consolidated(rows(30, seed), 0.9, 0.5).consolidated(rows(40, seed + 1), 0.9, 0.5)


def test_losses_are_those_of_scikit_learn() -> None:
    own, weights = rows(), np.array([0.1, 2.0, -1.0, 0.5])
    assert own.losses(weights).mean() == pytest.approx(log_loss(own.label, expit(own.inputs @ weights)), rel=1e-12)


def test_the_first_fit_is_that_of_scikit_learn() -> None:
    """With a ridge penalty that is nothing beside the rows, and of each row half: C is 1 / (2 x penalty)."""
    own, penalties = rows(), Penalties(0.5, 1.0, 0.5)
    found = fitted(own, penalties)
    ridge = np.sqrt(ridge_of(found, penalties) / 0.5)  # scikit-learn has one penalty: of inputs that are scaled
    model = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-12, solver="newton-cholesky")
    model.fit(own.inputs / ridge, own.label)
    assert found == pytest.approx(model.coef_[0] / ridge, abs=1e-6)


def test_a_fit_of_one_class_has_an_end() -> None:
    own = Rows(rows().inputs, np.ones(200))
    assert np.isfinite(fitted(own, Penalties(1.0, 1.0, 1.0))).all()


def test_a_step_is_newtons_of_the_loss_that_the_docstring_has() -> None:
    own, held, penalties, start = rows(), memory(), Penalties(2.0, 0.3, 0.25), np.array([0.5, 0.1, -0.2, 0.7])

    def loss(w: np.ndarray) -> float:
        pull = w @ held.fisher @ w - 2 * w @ held.pull
        return float(0.25 * own.losses(w).sum() + 0.15 * pull + (ridge_of(w, penalties) * w * w).sum() / 2)

    def gradient(w: np.ndarray) -> np.ndarray:
        return np.asarray(approx_fprime(w, loss, 1e-6))

    curvature = np.array([(gradient(start + 1e-3 * e) - gradient(start - 1e-3 * e)) / 2e-3 for e in np.eye(4)])
    expected = start - np.linalg.solve(curvature, gradient(start))
    assert newton_step(start, own, held, penalties) == pytest.approx(expected, abs=1e-3)
    weights = start
    for _ in range(20):
        weights = newton_step(weights, own, held, penalties)
    assert weights == pytest.approx(minimize(loss, start, tol=1e-10).x, abs=1e-4)


@given(st.integers(0, 1000), st.floats(0.1, 1.0))
def test_what_is_remembered_is_the_sum_of_the_pulls_of_all_days(seed: int, decay: float) -> None:
    """(w - w_1)' F_1 (w - w_1) decay + (w - w_2)' F_2 (w - w_2), but for what does not depend on w."""
    random = np.random.default_rng(seed)
    first, second = random.standard_normal((2, 4))
    days = [rows(20, seed), rows(20, seed + 1)]
    one = Memory(first, np.zeros((4, 4)), np.zeros(4), 0).consolidated(days[0], decay, 0.5)
    both = Memory(second, one.fisher, one.pull, one.merged).consolidated(days[1], decay, 0.5)

    def written_out(w: np.ndarray) -> float:
        parts = []
        for own, at in zip(days, (first, second), strict=True):
            p = expit(own.inputs @ at)
            fisher = sum(0.5 * a * (1 - a) * np.outer(x, x) for a, x in zip(p, own.inputs, strict=True))
            parts.append((w - at) @ fisher @ (w - at))
        return float(decay * parts[0] + parts[1])

    def summed(w: np.ndarray) -> float:
        return float(w @ both.fisher @ w - 2 * w @ both.pull)

    at, other = random.standard_normal((2, 4))
    assert summed(at) - summed(other) == pytest.approx(written_out(at) - written_out(other), rel=1e-7, abs=1e-7)
    assert both.merged == 2


def test_with_no_rows_a_step_goes_to_what_is_remembered() -> None:
    """One day alone pulls to the weights of its time, if the ridge is nothing."""
    own = Memory(np.array([0.1, -0.4, 0.3, 0.2]), np.zeros((4, 4)), np.zeros(4), 0).consolidated(rows(), 1.0, 1.0)
    found = newton_step(np.ones(4), Rows(np.empty((0, 4)), np.empty(0)), own, Penalties(1e-9, 0.5, 1.0))
    assert found == pytest.approx(own.weights, abs=1e-6)
