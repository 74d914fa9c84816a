from __future__ import annotations

import datetime as dt
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.models.labels import average_uniqueness, forward_labels
from trading_assets_tests.models.panels import bars, benchmark


@pytest.mark.parametrize("horizon", [1, 5])
def test_labels_against_a_loop(horizon: int) -> None:
    panel = bars(symbols=3, sessions=60, missing=0.2)
    index = benchmark(panel).filter(pl.col("session") != pl.col("session").gather(10))
    level = dict(index.select("session", "adj_open").iter_rows())
    labels = forward_labels(panel, index, horizon).rows(named=True)
    expected: list[tuple[dt.date | None, float | None, int | None]] = []
    for (_,), own in panel.sort("symbol", "session").group_by("symbol", maintain_order=True):
        sessions, opens = own["session"].to_list(), own["adj_open"].to_list()
        for t in range(len(sessions)):
            if t + 1 + horizon >= len(sessions):
                expected.append((None, None, None))
                continue
            enter, leave = sessions[t + 1], sessions[t + 1 + horizon]
            if enter not in level or leave not in level:
                expected.append((leave, None, None))
                continue
            relative = opens[t + 1 + horizon] / opens[t + 1] - 1 - (level[leave] / level[enter] - 1)
            expected.append((leave, relative, int(relative > 0)))
    assert len(labels) == len(expected)
    for row, (end, relative, label) in zip(labels, expected, strict=True):
        assert (row["label_end"], row["label"]) == (end, label)
        assert row["relative_return"] == (None if relative is None else pytest.approx(relative, abs=1e-15))
    assert sum(label is None for _, _, label in expected) > 3 * (horizon + 1)


def test_without_a_benchmark_returns_are_measured_against_zero() -> None:
    panel = pl.DataFrame({"symbol": ["A"] * 4, "session": bars(1, 4)["session"], "adj_open": [9.0, 10.0, 11.0, 10.0]})
    labels = forward_labels(panel, None, 1)
    assert labels["relative_return"].to_list() == [pytest.approx(0.1), pytest.approx(-1 / 11), None, None]
    assert labels["label"].to_list() == [1, 0, None, None]


def test_the_benchmark_itself_has_no_label() -> None:
    panel = bars(symbols=2, sessions=20)
    labels = forward_labels(panel, panel.filter(pl.col("symbol") == "S1"), 2)
    assert labels.filter(pl.col("symbol") == "S1")["label"].null_count() == 20
    assert labels.filter(pl.col("symbol") == "S0")["label"].null_count() == 3


def test_order_of_rows_does_not_matter() -> None:
    panel = bars(symbols=4, sessions=30, missing=0.1)
    shuffled = panel.sample(fraction=1.0, shuffle=True, seed=5)
    assert forward_labels(panel, benchmark(panel), 3).equals(forward_labels(shuffled, benchmark(panel), 3))


def test_inner_labels_of_an_unbroken_run_weigh_one_sixth() -> None:
    weights = average_uniqueness(np.arange(1, 101), span=6)
    assert weights[5:-5] == pytest.approx(1 / 6, abs=1e-15)
    assert weights[0] > 1 / 6
    assert average_uniqueness(np.array([3]), span=6).tolist() == [1.0]
    assert average_uniqueness(np.array([], dtype=np.int64), span=6).size == 0


@given(first=st.sets(st.integers(0, 60), min_size=1, max_size=40), span=st.integers(1, 8))
def test_uniqueness_against_exact_fractions(first: set[int], span: int) -> None:
    starts = sorted(first)
    alive = {
        row: sum(start <= row < start + span for start in starts)
        for start in starts
        for row in range(start, start + span)
    }
    exact = [sum((Fraction(1, alive[start + step]) for step in range(span)), Fraction(0)) / span for start in starts]
    weights = average_uniqueness(np.array(starts), span)
    assert weights == pytest.approx([float(value) for value in exact], rel=1e-14)
    # Weights spread each session's one unit over its labels: they sum to the sessions covered, in labels.
    assert weights.sum() == pytest.approx(len(alive) / span)
