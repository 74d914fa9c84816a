"""One publication after the other: what is the latest value, since when, and how it compares."""

from __future__ import annotations

import numpy as np

from trading_assets.features.compiled.publications import FEWEST, WINDOW, states


def after_each(places: list[int], values: list[float], known: list[int], bounds: list[int]) -> tuple[list[float], ...]:
    out, since = np.empty((len(values), 3)), np.empty(len(values), np.int64)
    starts, numbers, first = (np.array(each, np.int64) for each in (bounds, places, known))
    states(out, since, starts, numbers, np.array(values), first)
    return (*(out[:, each].tolist() for each in range(3)), since.tolist())


def test_an_older_observation_that_is_revised_is_not_the_latest() -> None:
    value, _, _, since = after_each([0, 1, 0, 1, 1], [1.0, 2.0, 1.5, 2.0, 2.5], [3, 5, 6, 8, 9], [0, 5])
    assert value == [1.0, 2.0, 2.0, 2.0, 2.5]
    assert since == [3, 5, 5, 5, 9]  # a publication that repeats the value is no news


def test_series_know_nothing_of_each_other() -> None:
    value, _, _, since = after_each([0, 0], [1.0, 2.0], [3, 4], [0, 1, 2])
    assert (value, since) == ([1.0, 2.0], [3, 4])


def test_few_observations_are_compared_with_nothing() -> None:
    """Eight before it for a z-score, eight changes before it for a surprise."""
    count = FEWEST + 2
    _, surprise, zscore, _ = after_each(
        list(range(count)), [float(each % 3) for each in range(count)], list(range(count)), [0, count]
    )
    assert np.isnan(zscore).tolist() == [True] * FEWEST + [False, False]
    assert np.isnan(surprise).tolist() == [True] * (FEWEST + 1) + [False]


def test_the_window_ends() -> None:
    """Values before the last `WINDOW` have no part: against NumPy."""
    values = np.random.default_rng(2).normal(size=WINDOW + 15)
    _, surprise, zscore, _ = after_each(
        list(range(values.size)), values.tolist(), list(range(values.size)), [0, values.size]
    )
    before, changes = values[-WINDOW - 1 : -1], np.diff(values[:-1])[-WINDOW:]
    assert np.isclose(zscore[-1], (values[-1] - before.mean()) / before.std(ddof=1), rtol=1e-12)
    assert np.isclose(surprise[-1], (values[-1] - values[-2]) / changes.std(ddof=1), rtol=1e-12)
