"""Regimes are fitted on the past, and go on from the fit before unless they explain far less than others."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from trading_assets.config.sections import Regimes
from trading_assets.models.regime_fit import ANEW, STEADY, evidence, fit
from trading_assets.models.regime_numbers import RECENT, labels


def test_a_market_of_one_kind_leaves_the_other_regimes_empty() -> None:
    """Independent observations of one normal distribution."""
    past = np.random.default_rng(5).standard_normal((600, 2)) * [0.02, 0.3] + [0.0, -4.5]
    model = fit(past, Regimes(number=3), seed=1)
    assert model.weights.max() > 0.8
    assert model.weights.sum() == pytest.approx(1)


def test_transitions_are_counted_with_their_prior() -> None:
    """Two kinds of observations far apart, in a known order: 0 0 1 1 1 0 0 0 ..., and 1 is the wilder one."""
    order = np.array([0, 0, 1, 1, 1, 0, 0, 0, 0, 1] * 6)
    past = np.random.default_rng(6).normal(0, 0.1, (60, 2))
    past[:, 1] += 5 * order - 4
    model = fit(past, Regimes(number=2, transition_prior=0.5), seed=1)
    counts = np.zeros((2, 2))
    for before, after in pairwise(order):
        counts[before, after] += 1
    expected = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    assert model.transition == pytest.approx(expected)
    assert model.means[0, 1] < model.means[1, 1]


def clusters(rows: int, seed: int, *centres: tuple[float, float]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 0.3, (rows, 2)) + centre for centre in centres])


def test_a_refit_keeps_the_order_of_the_fit_before() -> None:
    """The calmest becomes the wildest: its observations move, and its place does not."""
    settings = Regimes(number=2)
    past = clusters(200, 1, (1.0, -5.0), (-1.0, -3.0))
    first = fit(past, settings, seed=1)
    assert (first.location + first.scale * first.means)[:, 0] == pytest.approx([1.0, -1.0], abs=0.1)
    more = np.concatenate([past, clusters(2_000, 2, (1.0, -2.0))])
    again = fit(more, settings, seed=1, before=first)
    assert (again.location + again.scale * again.means)[0, 0] == pytest.approx(1.0, abs=0.1)


def test_a_refit_of_the_same_past_is_the_same_fit() -> None:
    settings = Regimes(number=2)
    past = clusters(300, 3, (0.0, -5.0), (0.5, -3.0))
    first = fit(past, settings, seed=1)
    again = fit(past, settings, seed=1, before=first)
    for name in ("means", "factors", "weights", "transition"):
        assert getattr(again, name) == pytest.approx(getattr(first, name), abs=2e-3), name


def test_regimes_begin_anew_where_others_explain_the_past_far_better() -> None:
    """One kind of sessions for a year leaves the other regimes empty; then there are three."""
    settings = Regimes(number=3)
    calm = clusters(260, 4, (0.0, -5.0))
    first = fit(calm, settings, seed=1)
    assert first.weights.max() > 0.8
    again = fit(np.concatenate([calm, clusters(260, 5, (3.0, -1.0), (-3.0, -1.0))]), settings, seed=1, before=first)
    assert sorted(again.weights.round(1).tolist()) == [0.3, 0.3, 0.3]


def test_a_refit_calls_the_last_year_as_before_unless_it_explains_the_past_far_better() -> None:
    """Two kinds that lie on each other: fits part them in another way each time, and the past knows no better."""
    settings = Regimes(number=2)
    rng = np.random.default_rng(8)
    past = rng.normal(0, 1, (1_400, 2)) * [0.03, 0.3] + [0.0, -4.5]
    before = fit(past[:500], settings, seed=1)
    for end in range(626, 1_400, 126):
        now = fit(past[:end], settings, seed=1, before=before)
        recent = past[end - RECENT : end]
        alike = float((labels(before, recent) == labels(now, recent)).mean())
        gain = evidence(now, past[:end]) - evidence(before, past[:end])
        assert alike >= STEADY - 0.02 or gain > ANEW  # the transitions are counted anew afterwards
        before = now
