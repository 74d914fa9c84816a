"""Compiled passes over ordered samples, against NumPy, scipy and counting one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trading_assets.monitoring.ordered_samples import area_between, gap_to_the_rest, rank_distinct, ranks_of_windows

LEVELS = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=60)


def ranked(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in order, ranks of rows, and where each distinct value begins."""
    order = np.argsort(values)
    rank, starts = np.empty(len(values), np.int32), np.empty(len(values) + 1, np.int64)
    distinct = rank_distinct(values, order, rank, starts)
    return order, rank, starts[: distinct + 1]


@given(LEVELS)
def test_ranks_are_those_of_the_distinct_values(levels: list[float]) -> None:
    values = np.array(levels)
    _, rank, starts = ranked(values)
    distinct, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    assert rank.tolist() == inverse.tolist()
    assert starts.tolist() == [0, *np.cumsum(counts).tolist()]
    assert len(distinct) == len(starts) - 1


@given(LEVELS, st.integers(1, 20), st.integers(1, 20))
def test_ranks_of_windows_are_those_of_their_rows_in_order(levels: list[float], length: int, step: int) -> None:
    values = np.array(levels)
    order, rank, _ = ranked(values)
    windows = [slice(begin, begin + length) for begin in range(0, len(values) - length + 1, step)]
    rows = np.arange(len(values))
    first = np.searchsorted([each.stop for each in windows], rows, "right").astype(np.int32)
    after = np.searchsorted([each.start for each in windows], rows, "right").astype(np.int32)
    begins = np.arange(len(windows)) * length
    found = np.full(len(windows) * length, -1, np.int32)
    counts = ranks_of_windows(order, rank, first, after, begins, found)
    assert counts.tolist() == [length] * len(windows)
    assert found.tolist() == [each for window in windows for each in np.sort(rank[window]).tolist()]


@given(LEVELS, st.data())
def test_the_gap_is_that_of_a_window_and_the_rest(levels: list[float], data: st.DataObject) -> None:
    values = np.array(levels)
    size = data.draw(st.integers(1, len(values) - 1))
    _, rank, starts = ranked(values)
    found = gap_to_the_rest(np.sort(rank[:size]), starts, len(values))
    assert found == pytest.approx(stats.ks_2samp(values[:size], values[size:]).statistic, abs=1e-15)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_the_area_is_scipys(one: list[float], other: list[float]) -> None:
    found = area_between(np.array(sorted(one), np.float64), np.array(sorted(other), np.float64))
    assert found == pytest.approx(stats.wasserstein_distance(one, other), rel=1e-9, abs=1e-9)


def test_the_area_of_many_small_steps_loses_nothing() -> None:
    """Eighths beside themselves, each moved by one: an eighth, to the bit."""
    values = (1e8 + np.arange(1_000_000) * 0.125).astype(np.float64)  # exact in binary
    assert area_between(values, (values + 0.125).astype(np.float64)) == 0.125
