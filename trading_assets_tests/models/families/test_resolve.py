"""What every family keeps, whatever it is made of."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from trading_assets.config.models import FAMILIES, LabelKind
from trading_assets.models.families.interface import Constant
from trading_assets.models.families.resolve import load_shipped
from trading_assets_tests.models.families.planted import halves, learner, planted, settings_of, training

ALL = sorted(FAMILIES)


def label_of(family: str) -> LabelKind:
    return settings_of(family).label


@pytest.mark.parametrize("family", ALL)
def test_a_family_keeps_the_interface(family: str) -> None:
    """It finds what is planted; a row scores alone as in a batch; the same rows give the same bytes."""
    made, own = planted(label_of(family)), learner(family)
    model = own.fit(training(label_of(family)))
    score = model.score(made.features)
    tested = halves(made)[1]
    assert roc_auc_score(made.label[tested], score[tested]) > 0.75
    assert score.dtype == np.float64 and ((score >= 0) & (score <= 1)).all()
    assert np.isnan(made.features).any()
    assert [model.score(made.features[row : row + 1])[0] for row in range(0, len(score), 191)] == score[::191].tolist()
    assert np.array_equal(model.score(made.features[::-1]), score[::-1])
    content = model.save()
    assert own.fit(training(label_of(family))).save() == content
    assert np.array_equal(load_shipped(family, content).score(made.features), score)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).score(made.features), score)
    assert model.score(made.features[:0]).size == 0


@pytest.mark.parametrize("family", ALL)
def test_a_row_scores_the_same_to_the_bit_in_a_batch_of_any_size_and_layout(family: str) -> None:
    """Sizes around those at which libraries and loops change what they do at once."""
    made = planted(label_of(family))
    model = learner(family).fit(training(label_of(family)))
    score = model.score(made.features)
    for size in (2, 7, 31, 32, 33, 63, 65, 255, 257, 1025):
        for start in (0, 5):
            assert np.array_equal(model.score(made.features[start : start + size]), score[start : start + size])
    for same in (np.asfortranarray(made.features), np.pad(made.features, ((0, 0), (0, 2)))[:, :-2]):
        assert np.array_equal(model.score(same), score)


@pytest.mark.parametrize("family", ALL)
def test_features_that_tell_nothing_apart_are_no_crash(family: str) -> None:
    """Of one column alone there is a value, always the same; the others are never there."""
    kind = label_of(family)
    known = training(kind)
    empty = np.full_like(known.features, np.nan)
    empty[:, 0] = 1
    model = learner(family).fit(replace(known, features=empty))
    score = model.score(planted(kind).features)
    assert np.isfinite(score).all()
    own = learner(family).load(model.save())
    assert np.array_equal(own.score(planted(kind).features), score)
    if family != "xgboost":
        assert score[0] == pytest.approx(known.base_rate())


@pytest.mark.parametrize("family", ALL)
def test_a_column_that_is_never_there_is_no_crash(family: str) -> None:
    kind = label_of(family)
    known = training(kind)
    features = known.features.copy()
    features[:, known.names.index("other")] = np.nan
    model = learner(family).fit(replace(known, features=features))
    assert np.isfinite(model.score(planted(kind).features)).all()


@pytest.mark.parametrize("family", ["xgboost", "lightgbm", "catboost", "random_forest", "mlp"])
@pytest.mark.parametrize("kind", ["size", "rank"])
def test_families_of_both_kinds_learn_numbers_too(family: str, kind: LabelKind) -> None:
    made = planted(kind)
    model = learner(family, label=kind).fit(training(kind))
    tested = halves(made)[1]
    score = model.score(made.features[tested])
    assert roc_auc_score(made.label[tested], score) > 0.75
    assert np.array_equal(learner(family).load(model.save()).score(made.features[tested]), score)


def test_a_constant_is_saved_to_the_bit() -> None:
    rate = 0.1 + 0.2
    assert load_shipped("ridge", Constant(rate).save()) == Constant(rate)
