"""The order in which labels are over."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from trading_assets.models.families.label_stream import FARTHEST, LabelStream, inputs_of
from trading_assets.models.families.linear import Scaling

PLAIN = Scaling(np.zeros(1), np.zeros(1), np.ones(1))


def stream() -> LabelStream:
    """Five rows, of sessions 1, 2, 3, 2, 3; the label of the second row takes until day 9, as after a hole."""
    features = np.array([[1.0], [2.0], [3.0], [4.0], [np.nan]], dtype=np.float32)
    label = np.array([1, 0, 1, 0, 1], dtype=np.float32)
    session, label_end = np.array([1, 2, 3, 2, 3], np.int32), np.array([4, 9, 6, 5, 6], np.int32)
    return LabelStream.of(features, label, session, label_end)


def test_days_are_those_on_which_labels_are_over() -> None:
    own = stream()
    assert own.days.tolist() == [4, 5, 6, 9]
    assert own.session.tolist() == [1, 2, 3, 3, 2]
    assert own.label.tolist() == [1, 0, 1, 1, 0]
    assert (own.until(2), own.of_day(2)) == (slice(0, 2), slice(2, 4))


def test_rows_are_those_of_some_days_with_ones_before_them() -> None:
    found = stream().rows(1, 3, PLAIN)
    assert found.inputs.tolist() == [[1, 4], [1, 3], [1, 0]]
    assert found.label.tolist() == [0, 1, 1]


@pytest.mark.parametrize(("before", "labels"), [(4, []), (5, [1]), (6, [1, 0]), (7, [1, 0, 1, 1]), (10, [1, 0, 1, 1])])
def test_rows_whose_label_is_over_too_late_are_left_out(before: int, labels: list[int]) -> None:
    found = stream().rows(0, 3, PLAIN, before=before)
    assert found.label.tolist() == labels
    assert found.inputs.shape == (len(labels), 2)


def test_what_was_forgotten_is_made_again_to_the_bit() -> None:
    own = stream()
    before = own.rows(0, 4, PLAIN).inputs
    own.forget(3)
    assert (own.rows(0, 4, PLAIN).inputs == before).all()


def test_inputs_are_cut() -> None:
    far = inputs_of(PLAIN, np.array([[50.0], [-50.0]], dtype=np.float32))
    assert far.tolist() == [[1, FARTHEST], [1, -FARTHEST]]


def test_a_feature_is_scaled_on_the_first_day_with_enough_values_that_tell_something() -> None:
    """Beside one of all days: one that begins on day 4, one that is 7 until day 6, one that says nothing ever."""
    days, symbols = 12, 3
    random, session = np.random.default_rng(2), np.repeat(np.arange(days), symbols).astype(np.int32)
    drawn = random.normal(100.0, 3.0, (days * symbols, 4)).astype(np.float32)
    drawn[session < 4, 1], drawn[session < 6, 2], drawn[:, 3] = np.nan, 7.0, np.nan
    made = LabelStream.of(drawn, np.zeros(len(drawn), np.float32), session, session)
    begins = {number: made.begin(number, 3).tolist() for number in range(1, days + 1)}
    none = [False] * 4
    expected = {3: [True, *none[:3]], 7: [False, True, False, False], 9: [False, False, True, False]}
    assert begins == {number: expected.get(number, none) for number in range(1, days + 1)}
    for number in (6, 7, 12):
        found, known = made.scaling(number, 3), drawn[session < number]
        for column in range(4):
            own = known[:, column].astype(np.float64)
            own = own[~np.isnan(own)]
            if number < (3, 7, 9, 99)[column]:
                assert (found.location[column], found.scale[column]) == (0, np.inf)
                assert (inputs_of(found, drawn)[:, 1 + column] == 0).all()
            else:
                assert found.medians[column] == np.median(own)
                assert found.location[column] == pytest.approx(own.mean(), rel=1e-12)
                assert found.scale[column] == pytest.approx(own.std(), rel=1e-12)


def test_the_scaling_of_some_days_knows_nothing_of_later_ones() -> None:
    random = np.random.default_rng(4)
    session = np.repeat(np.arange(30), 2).astype(np.int32)
    drawn = np.where(random.random((60, 3)) < 0.7, np.nan, random.standard_normal((60, 3))).astype(np.float32)
    label, known = np.zeros(60, np.float32), session < 15
    whole = LabelStream.of(drawn, label, session, session)
    early = LabelStream.of(drawn[known], label[known], session[known], session[known])
    for number in range(1, 16):
        assert (whole.begin(number, 4) == early.begin(number, 4)).all()
        for one, other in zip(astuple(whole.scaling(number, 4)), astuple(early.scaling(number, 4)), strict=True):
            assert (one == other).all()


def test_labels_that_took_longer_than_others_are_late() -> None:
    """Labels of sessions 0 to 5 are over two sessions later; that of session 1 of the second symbol takes four."""
    session = np.repeat(np.arange(6), 2).astype(np.int32)
    end = session + 2
    end[3] = 5
    made = LabelStream.of(np.zeros((12, 1), np.float32), np.zeros(12, np.float32), session, end.astype(np.int32))
    late = made.is_late(slice(0, 12), 2)
    assert made.session[late].tolist() == [1] and late.sum() == 1
    assert made.is_late(slice(4, 12), 2).tolist() == late[4:].tolist()
