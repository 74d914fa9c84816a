"""Seconds are those of the work, and the peak is that of the block and not of the life of the process."""

from __future__ import annotations

import datetime as dt
import time

import numpy as np
import pytest

from trading_assets.garbage import resident
from trading_assets.models.costs import TrainingCosts, cost_rows, together
from trading_assets.models.evaluation_tables import COSTS, PARTS

NOW = dt.datetime(2026, 11, 30, 12)


def test_a_part_has_the_time_of_its_thread_and_waiting_costs_nothing() -> None:
    costs = TrainingCosts()
    with costs.on("model"):
        time.sleep(0.05)
    assert costs.seconds["model"] < 0.03
    with costs.on("model", elsewhere=True):
        time.sleep(0.05)
    assert 0.05 <= costs.seconds["model"] < 1.0


def test_what_fails_has_its_time_too() -> None:
    costs = TrainingCosts()
    with pytest.raises(ValueError, match="no"), costs.on("logistic", elsewhere=True):
        time.sleep(0.01)
        raise ValueError("no")
    assert costs.seconds["logistic"] >= 0.01


def test_the_peak_is_that_of_the_block() -> None:
    """200 MB that are gone again when the block ends are seen; those before it are not."""
    first, second = TrainingCosts(), TrainingCosts()
    with first.memory():
        held = np.ones(200 * 2**20 // 8)
        time.sleep(0.06)
        del held
    with second.memory():
        time.sleep(0.03)
    assert first.peak_mb > second.peak_mb + 150
    assert second.peak_mb == pytest.approx(resident() / 2**20, abs=50)


def test_folds_add_up_and_the_largest_peak_counts() -> None:
    found = together(
        [TrainingCosts({"model": 1.0, "logistic": 0.5}, 10.0, 1, 700), TrainingCosts({"model": 2.0}, 30.0)]
    )
    assert found.seconds == {**dict.fromkeys(PARTS, 0.0), "model": 3.0, "logistic": 0.5}
    assert (found.peak_mb, found.fitted, found.rows) == (30.0, 1, 700)
    assert together([]).peak_mb == 0.0


def test_rows_are_those_of_the_table_and_a_run_that_trained_nothing_has_no_peak() -> None:
    rows = cost_rows("m", "run", TrainingCosts({"model": 2.0}, 300.0, 3, 900), NOW)
    COSTS.validate(rows)
    assert rows.select("part", "seconds", "peak_mb").rows()[0] == ("model", 2.0, 300.0)
    assert rows["part"].to_list() == list(PARTS)
    assert rows["peak_mb"].null_count() == len(PARTS) - 1
    kept = cost_rows("m", "run", TrainingCosts(), NOW)
    assert kept["peak_mb"].null_count() == len(PARTS)
