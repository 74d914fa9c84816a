"""Spans of drift: what is read of a history is enough, and values are those of their rows."""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
import polars as pl
import pytest

from trading_assets.config.sections import Monitoring
from trading_assets.monitoring.drift import drift_table, usual_values
from trading_assets.monitoring.spans import Group, newest_since, spans_of

START = dt.date(2020, 1, 1)


def features(seed: int) -> tuple[pl.DataFrame, dt.date, Monitoring]:
    """Classes with holes of their own, the end of a reference, and a window that may be longer than what has come."""
    chance = random.Random(seed)
    rows = [
        (name, f"{name}{number}", START + dt.timedelta(days=day), chance.gauss(0, 1) if chance.random() > 0.1 else None)
        for name in ("equity", "crypto", None)
        for number in range(6)
        for day in range(150)
        if chance.random() > 0.2 and not (name == "equity" and day % 7 > 4)
    ]
    frame = pl.DataFrame(rows, schema=["asset_class", "symbol", "session", "f"], orient="row")
    end = START + dt.timedelta(days=chance.randrange(60, 140))
    return frame, end, Monitoring(window_sessions=chance.choice([10, 25, 60]))


@pytest.mark.parametrize("seed", range(12))
def test_rows_of_the_reference_and_since_the_newest_are_enough(seed: int) -> None:
    rows, end, settings = features(seed)
    since = newest_since(rows, end, settings)
    enough = rows.filter((pl.col("session") <= end) | (pl.col("session") >= since))
    assert enough.height < rows.height or settings.window_sessions > 10
    whole = drift_table(rows, ["f"], (START, end), settings)
    assert whole.height == 2
    assert drift_table(enough, ["f"], (START, end), settings).equals(whole)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_usual_of_the_same_reference_is_not_looked_for_again(seed: int) -> None:
    rows, end, settings = features(seed)
    before = rows.filter(pl.col("session") < rows["session"].max())
    known = usual_values(drift_table(before, ["f"], (START, end), settings))
    whole = drift_table(rows, ["f"], (START, end), settings)
    assert drift_table(rows, ["f"], (START, end), settings, known).equals(whole)
    # It is used, where the window has as many sessions as it is of.
    wrong = {key: each._replace(psi=9.0) for key, each in known.items()}
    told = drift_table(rows, ["f"], (START, end), settings, wrong)
    used = [(name, "f", sessions) in known for name, sessions in whole.select("asset_class", "window_sessions").rows()]
    assert [each == 9.0 for each in told["psi_usual"]] == used


def test_values_of_a_group_are_those_of_its_rows() -> None:
    session = np.repeat(np.arange(6), 2)
    spans = spans_of(session, 8, 1)
    column = pl.Series([float(value) if value != 3 else None for value in range(12)])
    for rows in (list(range(12)), [3, 1, 0, 2, 5, 4, 6, 7, 9, 8, 10, 11], [8, 1, 0, 2, 5, 4, 6, 7, 9, 3, 11, 10]):
        group = Group({}, spans, pl.Series(rows))
        reference, newest = group.values(column, in_order=True)
        expected = [np.nan if row == 3 else float(row) for row in rows]
        np.testing.assert_array_equal(reference, expected[:8])
        np.testing.assert_array_equal(newest, expected[10:])
        anyhow, _ = group.values(column, in_order=False)
        np.testing.assert_array_equal(np.sort(anyhow), np.sort(expected[:8]))
