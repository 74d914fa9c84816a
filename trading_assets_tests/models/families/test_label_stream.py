"""The order in which labels are over."""

from __future__ import annotations

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
