"""Ranks of the queue against SciPy, and their order against Python's own sort."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from trading_assets.backtests.engine.entry_ranking import average_ranks, sort_places

VALUES = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 0.5, 2.0, math.nan]) | st.floats(-3, 3), min_size=1, max_size=40)


@settings(max_examples=100)
@given(VALUES)
def test_ranks_are_scipys_over_their_number_and_unknown_ones_are_last(values: list[float]) -> None:
    """Average ranks among what is known, shifted above the unknown, which have 0."""
    array = np.array(values)
    ranks, keys, order = np.empty(array.size), np.empty(array.size), np.empty(array.size, dtype=np.int64)
    average_ranks(array, ranks, order, keys)
    unknown = np.isnan(array)
    expected = np.zeros(array.size)
    expected[~unknown] = (rankdata(array[~unknown]) + unknown.sum()) / array.size
    np.testing.assert_allclose(ranks, expected, rtol=1e-12)


@settings(max_examples=100)
@given(VALUES, st.sampled_from([1.0, -1.0]))
def test_places_are_in_order_and_equal_values_keep_theirs(values: list[float], sign: float) -> None:
    keys, order = np.empty(len(values)), np.empty(len(values), dtype=np.int64)
    known = sort_places(np.array(values), sign, order, keys)

    def key(place: int) -> tuple[bool, float]:
        unknown = math.isnan(values[place])
        return unknown, 0.0 if unknown else sign * values[place]

    expected = sorted(range(len(values)), key=key)
    assert order.tolist() == expected
    assert keys[:known].tolist() == [sign * values[place] for place in expected if not math.isnan(values[place])]
