from __future__ import annotations

import numpy as np
import pytest

from trading_assets.models.families.interface import TrainingSet
from trading_assets.models.families.stacking import Stack, fit, inner_folds, out_of_fold
from trading_assets_tests.models.families.planted import settings_of, training


def test_no_label_that_learns_overlaps_one_that_is_tested() -> None:
    """By a loop over pairs; each row is tested once."""
    known = training().take(np.arange(0, len(training().label), 11))
    tests = np.zeros(len(known.label), dtype=int)
    for learnt, tested in inner_folds(known, 4):
        tests += tested
        assert learnt.any() and not (learnt & tested).any()
        for row in np.flatnonzero(learnt):
            overlap = (known.session[tested] <= known.label_end[row]) & (known.label_end[tested] >= known.session[row])
            assert not overlap.any()
    assert (tests == 1).all()


def test_scores_are_of_models_that_did_not_see_the_row() -> None:
    """Labels that are drawn can be remembered by deep trees, and not foretold."""
    known = training()
    drawn = np.random.default_rng(5).integers(0, 2, len(known.label)).astype(np.float32)
    members = [{"trees": 50, "depth": 10, "min_child_weight": 0.0, "learning_rate": 0.5}, {"type": "logistic"}]
    settings = settings_of("stacking", members=members)
    made = TrainingSet(known.features, drawn, known.weight, known.session, known.label_end, None, known.names)
    scores, seen = out_of_fold(made, settings, 3)  # type: ignore[arg-type]
    assert seen.all()
    assert np.mean((scores[:, 0] > 0.5) == drawn) == pytest.approx(0.5, abs=0.06)
    model = fit(made, settings, 3)  # type: ignore[arg-type]
    assert isinstance(model, Stack)
    assert np.mean((model.members[0].score(made.features) > 0.5) == drawn) > 0.9
    assert np.abs(model.weights).max() < 0.3


def test_who_knows_more_weighs_more() -> None:
    blind = {"type": "elastic_net", "penalty": 1_000.0}
    model = fit(training(), settings_of("stacking", members=[{"type": "logistic"}, blind]), 3)  # type: ignore[arg-type]
    assert isinstance(model, Stack)
    assert model.weights[0] > 10 * abs(model.weights[1])
