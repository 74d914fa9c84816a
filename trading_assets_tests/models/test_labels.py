from __future__ import annotations

import datetime as dt
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.models.labels import average_uniqueness, cross_sectional_ranks, forward_labels
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


@given(lengths=st.dictionaries(st.integers(0, 40), st.integers(1, 8), min_size=1, max_size=30))
def test_uniqueness_of_labels_of_different_lengths_against_exact_fractions(lengths: dict[int, int]) -> None:
    starts = sorted(lengths)
    spans = np.array([lengths[start] for start in starts])
    alive: dict[int, int] = {}
    for start in starts:
        for row in range(start, start + lengths[start]):
            alive[row] = alive.get(row, 0) + 1
    exact = [
        sum((Fraction(1, alive[row]) for row in range(start, start + lengths[start])), Fraction(0)) / lengths[start]
        for start in starts
    ]
    weights = average_uniqueness(np.array(starts), spans)
    assert weights == pytest.approx([float(value) for value in exact], rel=1e-14)


def test_spans_that_are_all_the_same_weigh_to_the_bit_as_one_span() -> None:
    first = np.array([1, 2, 3, 7, 8, 20])
    assert np.array_equal(average_uniqueness(first, np.full(6, 4)), average_uniqueness(first, 4))


def test_ranks_against_a_loop() -> None:
    panel = bars(symbols=7, sessions=40, missing=0.1)
    labels = forward_labels(panel, benchmark(panel), 3)
    calendar = panel["session"].unique().sort().to_list()
    rows = cross_sectional_ranks(labels, panel["session"], 3).to_dicts()
    regular: dict[dt.date, list[float]] = {}
    for row in rows:
        place = calendar.index(row["session"]) + 4
        end = calendar[place] if place < len(calendar) else None
        if end is not None and row["label_end"] == end:
            regular.setdefault(row["session"], []).append(row["relative_return"])
            assert row["rank"] is None or 0 < row["rank"] < 1
        else:
            assert row["rank"] is None and row["label"] is None
    ranked = [row for row in rows if row["rank"] is not None]
    assert len(ranked) > 100 and any(len(each) < 7 for each in regular.values())
    for row in ranked:
        others = regular[row["session"]]
        place = (sum(each < row["relative_return"] for each in others) + 0.5) / len(others)
        assert row["rank"] == pytest.approx(place)
        assert row["label"] == int(row["rank"] > 0.5)


@pytest.mark.parametrize("last", [15, 22, 30])
def test_a_rank_that_is_known_changes_with_nothing_that_comes(last: int) -> None:
    """As it stood at a close: a label that is over by then has the rank that it has in the whole history."""
    panel = bars(symbols=7, sessions=40, missing=0.1)
    until = panel["session"].unique().sort()[last]
    then = panel.filter(pl.col("session") <= until)

    def ranks(frame: pl.DataFrame) -> pl.DataFrame:
        made = cross_sectional_ranks(forward_labels(frame, None, 3), frame["session"], 3)
        return made.filter(pl.col("label_end") <= until).select("symbol", "session", "rank", "label")

    assert ranks(then).equals(ranks(panel))
    assert ranks(then)["rank"].count() > 20
