"""Ranks, medians and counts of groups against SciPy and NumPy."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trading_assets.features.compiled import groups


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, 1.5, -2.0, np.nan]), min_size=1, max_size=20), max_size=4))
def test_groups_are_ranked_and_counted_each_alone(drawn: list[list[float]]) -> None:
    values = np.array([value for group in drawn for value in group])
    bounds = np.concatenate([[0], np.cumsum([len(group) for group in drawn], dtype=np.int64)])
    ordered, ranks, middles, counts, totals = np.empty((5, values.size))
    groups.order(ordered, bounds, values)
    groups.rank(ranks, bounds, ordered, values)
    groups.median(middles, bounds, ordered, values)
    groups.count(counts, bounds, values)
    groups.total(totals, bounds, values)
    for first, last in itertools.pairwise(bounds):
        own = values[first:last]
        defined = own[~np.isnan(own)]
        expected = np.full(own.size, np.nan)
        expected[~np.isnan(own)] = stats.rankdata(defined)
        np.testing.assert_array_equal(ranks[first:last], expected)
        np.testing.assert_array_equal(middles[first:last], np.median(defined) if defined.size else np.nan)
        assert set(counts[first:last]) == {defined.size}
        assert set(totals[first:last]) == {defined.sum()}
