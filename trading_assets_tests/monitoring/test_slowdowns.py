"""A step is slow against what it used to take at the same size, and not because the data grew."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.monitoring.slowdowns import FEWEST, Slowness, slowdowns
from trading_assets.monitoring.tables import RUN_METRICS

LIMITS = Slowness(ratio=2.0, seconds=5.0)


def history(seconds: Sequence[float], rows: Sequence[int | None], outcome: str = "done") -> pl.DataFrame:
    """One step, a run a day named by its number."""
    return pl.DataFrame(
        {
            "run_id": [str(number) for number in range(len(seconds))],
            "step": "features/daily",
            "outcome": outcome,
            "started_at": [dt.datetime(2026, 1, 1) + dt.timedelta(days=each) for each in range(len(seconds))],
            "seconds": [float(each) for each in seconds],
            "rows": pl.Series(rows, dtype=pl.Int64),
        }
    )


def test_three_times_the_median_is_slow() -> None:
    """Median of 10, 11, 12, 10, 11 is 11; 33 is three times that."""
    found = slowdowns(history([10, 11, 12, 10, 11, 33], [100] * 6), "5", LIMITS)
    assert found.rows() == [("features/daily", 33.0, 11.0, 3.0, 5)]


def test_twice_the_rows_are_no_slowdown() -> None:
    assert slowdowns(history([10] * 6 + [33], [100] * 6 + [210]), "6", LIMITS).is_empty()


def test_data_that_grow_slowly_make_no_slow_run() -> None:
    """Rows and seconds grow by 2 % a run: after 120 runs a step takes ten times as long, and no run was slow."""
    size = [1.02**number for number in range(120)]
    rows = history([10 * each for each in size], [int(1000 * each) for each in size])
    assert [run for run in rows["run_id"] if slowdowns(rows, run, LIMITS).height] == []


def test_too_few_earlier_runs_a_short_step_and_other_outcomes_say_nothing() -> None:
    assert slowdowns(history([10] * (FEWEST - 1) + [90], [1] * FEWEST), str(FEWEST - 1), LIMITS).is_empty()
    assert slowdowns(history([0.1] * 9 + [4.0], [1] * 10), "9", LIMITS).is_empty()
    quick = history([0.2] * 9, [1] * 9, "unchanged")
    computed = history([0.0] * 9 + [30.0], [1] * 10).tail(1)
    assert slowdowns(pl.concat([quick, computed]), "9", LIMITS).is_empty()


def test_later_runs_are_not_what_a_run_is_compared_with() -> None:
    assert slowdowns(history([30] + [10] * 9, [1] * 10), "0", LIMITS).is_empty()


@given(st.lists(st.floats(1, 1000), min_size=6, max_size=40), st.floats(1, 1.9))
def test_no_run_within_the_ratio_is_slow(seconds: list[float], ratio: float) -> None:
    median = sorted(seconds[-30:])[len(seconds[-30:]) // 2] if len(seconds[-30:]) % 2 else None
    if median is None:
        return
    rows = history([*seconds, median * ratio], [50] * (len(seconds) + 1))
    assert slowdowns(rows, str(len(seconds)), LIMITS).is_empty()


def test_rows_of_the_table_are_what_it_reads() -> None:
    assert set(history([1], [1]).columns) <= set(RUN_METRICS.columns)
