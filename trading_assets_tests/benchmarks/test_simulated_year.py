"""A simulated year: each fault comes once before one comes again, and its table counts what was lived."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets_tests.benchmarks.simulated_day import FIRST, market
from trading_assets_tests.benchmarks.simulated_year import FAULTS, Day, Year, faults_of, tables_of

SIZES = [(FIRST, {"warehouse": 2_500_000, "logs": 0})]


def lived(fault: str, alerts: dict[int, list[str]], *, by_itself: bool = True, seconds: float = 4.0) -> Day:
    return Day(FIRST, fault, alerts, by_itself, True, seconds)


def test_each_fault_comes_once_before_one_comes_again() -> None:
    found = faults_of(2 * len(FAULTS) + 3, seed=7)
    assert sorted(found[: len(FAULTS)]) == sorted(found[len(FAULTS) : 2 * len(FAULTS)]) == sorted(FAULTS)
    assert len(found) == 2 * len(FAULTS) + 3
    assert found == faults_of(2 * len(FAULTS) + 3, seed=7) != faults_of(2 * len(FAULTS) + 3, seed=8)


def test_the_table_says_what_was_raised_and_what_was_silent() -> None:
    days = [
        lived("", {5: [], 60: ["slow_run"]}),
        lived("vendor down", {5: [], 60: ["run_failed"]}, by_itself=False),
        lived("vendor down", {5: ["no look: the log is gone"], 60: []}),
        lived("clock back", {5: [], 60: []}, seconds=6.0),
    ]
    lines = tables_of(days, SIZES)
    assert "Results by themselves on 3 of 4 mornings, on 4 once a person had acted" in lines[0]
    assert lines[0].endswith("False alarms in the quiet part: 1.")
    assert lines[4:6] == [
        "| vendor down | 2 | 1 | `run_failed` | 60 | 1 |",
        "| clock back | 1 | 1 | nothing | - | 1, harmless |",
    ]
    assert lines[8:10] == ["|---|---|---|", f"| {FIRST} | 2.5 | 0.0 |"]
    assert lines[-1] == "A run took 4 s in the first half, 6 s in the last."


def test_the_market_has_every_session_of_the_year() -> None:
    bars = market(2)
    assert bars["symbol"].unique().sort().to_list() == ["IDX", "S00", "S01"]
    assert bars.filter(pl.col("session") == dt.date(2016, 10, 3)).height == 3
    assert bars.filter(pl.col("low") > pl.col("high")).is_empty()


@pytest.mark.slow
def test_some_days_of_the_year_are_lived(tmp_path: Path) -> None:
    """Two quiet days, and a fault that the seed puts first: results are there in the end, and sizes are known."""
    year = Year(tmp_path)
    year.live(3, 2, seed=7)
    assert [bool(day.fault) for day in year.days] == [False, False, True]
    assert all(day.in_the_end for day in year.days)
    assert all(day.by_itself for day in year.days if not day.fault)
    assert year.sizes[-1][1]["warehouse"] > 100_000
