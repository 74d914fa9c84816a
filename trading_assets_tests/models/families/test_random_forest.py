from __future__ import annotations

import numpy as np
import pytest

from trading_assets.config.models import LabelKind
from trading_assets.models.families.random_forest import as_arrays, grown
from trading_assets_tests.models.families.planted import planted, settings_of, training


@pytest.mark.parametrize("kind", ["sign", "size"])
def test_scores_are_those_of_scikit_learn(kind: LabelKind) -> None:
    """Rows of the training, and others, some of which miss what no training row missed."""
    known, settings = training(kind), settings_of("random_forest", depth=6)
    forest = grown(known, settings, 3)  # type: ignore[arg-type]
    rows = np.concatenate([known.features, planted(kind).features, np.full((1, 3), np.nan, dtype=np.float32)])
    direct = forest.predict_proba(rows)[:, 1] if kind == "sign" else forest.predict(rows)
    assert as_arrays(forest.estimators_).score(rows) == pytest.approx(direct, rel=1e-12, abs=1e-15)


def test_a_tree_draws_no_more_rows_than_it_is_told() -> None:
    """Of 40 rows that a tree draws a leaf of 30 is all that there is; of all rows it is not."""
    known = training()
    sizes = [
        grown(known, settings_of("random_forest", rows=rows, min_leaf=30), 3).estimators_[0].tree_.node_count  # type: ignore[arg-type]
        for rows in (40, 1_000_000)
    ]
    assert sizes[0] == 1 < sizes[1]


def test_a_tree_without_a_split_is_one_leaf() -> None:
    known = training()
    forest = grown(known, settings_of("random_forest", min_leaf=10_000), 3)  # type: ignore[arg-type]
    score = as_arrays(forest.estimators_).score(known.features)
    assert np.unique(score).size == 1
    assert score[0] == pytest.approx(forest.predict_proba(known.features)[0, 1])
