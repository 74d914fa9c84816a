from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from trading_assets.models.families.interface import TrainingSet
from trading_assets.models.families.ranking import fit_ranking, grades
from trading_assets_tests.models.families.planted import settings_of, training


def test_an_order_within_sessions_is_learnt_whatever_their_level() -> None:
    """Returns of a session share a level a hundred times as large as what tells its symbols apart."""
    rng = np.random.default_rng(1)
    session = np.repeat(np.arange(100, dtype=np.int32), 20)[rng.permutation(2_000)]
    features = rng.standard_normal((2_000, 2)).astype(np.float32)
    target = (features[:, 0] + 100 * rng.standard_normal(100)[session]).astype(np.float32)
    label = (target > 0).astype(np.float32)
    known = TrainingSet(features, label, np.ones(2_000, np.float32), session, session + 1, target, ("a", "b"))
    model = fit_ranking(known, settings_of("ranking"), 3)  # type: ignore[arg-type]
    fresh = rng.standard_normal((500, 2)).astype(np.float32)
    assert spearmanr(model.score(fresh), fresh[:, 0]).statistic > 0.95
    assert np.array_equal(np.unique(session), np.arange(100))


def test_order_of_rows_changes_no_bit() -> None:
    known = training("rank")
    shuffled = known.take(np.argsort(known.session, kind="stable"))
    settings = settings_of("ranking")
    assert fit_ranking(known, settings, 3).save() == fit_ranking(shuffled, settings, 3).save()  # type: ignore[arg-type]


def test_grades_are_shares_of_a_session() -> None:
    values = np.arange(10, dtype=np.float32)
    assert grades(values, np.array([0]), 5).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert grades(np.zeros(4, dtype=np.float32), np.array([0]), 4).tolist() == [1, 1, 1, 1]
