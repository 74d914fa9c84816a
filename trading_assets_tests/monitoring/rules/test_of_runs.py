"""Rules about runs: one that fires and one that does not, each."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from trading_assets.definitions import defs
from trading_assets.monitoring.rules.of_runs import (
    RESULTS,
    check_failed,
    check_warned,
    run_failed,
    run_unseen,
    slow_run,
)
from trading_assets.monitoring.rules.situation import CheckFact, RunFact
from trading_assets.monitoring.tables import RUN_METRICS
from trading_assets_tests.monitoring.rules.situations import NOW, situation


def test_the_last_run_of_a_job_decides(tmp_path: Path) -> None:
    failed = RunFact("b", "daily_update", "FAILURE", ended_at=dt.datetime(2026, 11, 30, 0, 20))
    runs = [RunFact("c", "daily_update", "STARTED"), failed, RunFact("a", "retrain", "SUCCESS")]
    [found] = run_failed(situation(tmp_path, runs=runs), 0)
    assert (found.subject, found.run_id) == ("daily_update", "b")
    assert found.message == "the last run of daily_update failed at 2026-11-30 00:20 UTC"
    assert list(run_failed(situation(tmp_path, runs=[RunFact("c", "daily_update", "SUCCESS"), failed]), 0)) == []
    assert list(run_failed(situation(tmp_path, runs=[RunFact("x", "retrain", "CANCELED")]), 0)) == []


def test_a_run_that_cannot_be_seen_is_told_once_others_have_waited_behind_it(tmp_path: Path) -> None:
    """At noon of 30 November: one waits since 10:59, another since half past eleven."""
    unseen = RunFact("far", "everything", "STARTED", started_at=dt.datetime(2026, 11, 30, 9))
    waits = [
        RunFact("b", "daily_update", "QUEUED", asked_at=dt.datetime(2026, 11, 30, 11, 30)),
        RunFact("a", "daily_update", "QUEUED", asked_at=dt.datetime(2026, 11, 30, 10, 59)),
    ]
    [found] = run_unseen(situation(tmp_path, runs=waits, unseen=[unseen]), 60)
    assert (found.subject, found.run_id) == ("far", "far")
    assert found.message == (
        "run far of everything is under way since 2026-11-30 09:00 UTC, and its process cannot be seen from here: "
        "2 runs wait behind it, the first since 2026-11-30 10:59 UTC"
    )
    assert list(run_unseen(situation(tmp_path, runs=waits[:1], unseen=[unseen]), 60)) == [], "nobody waits for long"
    assert list(run_unseen(situation(tmp_path, runs=waits), 60)) == [], "they wait for runs that are alive"


def test_checks_by_severity_and_not_those_of_another_rule(tmp_path: Path) -> None:
    checks = [
        CheckFact("features/daily no_gaps", is_error=True, detail="3 gaps"),
        CheckFact("market_data/bars coverage", is_error=False, detail=""),
        CheckFact("monitoring/drift no_feature_drift", is_error=False, detail=""),
        CheckFact("robustness/verdict/a verdict_is_go", is_error=False, detail=""),
    ]
    now = situation(tmp_path, checks=checks)
    assert [each.message for each in check_failed(now, 0)] == ["check features/daily no_gaps did not pass: 3 gaps"]
    assert [each.subject for each in check_warned(now, 0)] == ["market_data/bars coverage"]
    well = situation(tmp_path)
    assert [*check_failed(well, 0), *check_warned(well, 0)] == []


def test_a_step_that_takes_four_times_as_long_is_slow(tmp_path: Path) -> None:
    now = situation(tmp_path)
    assert list(slow_run(now, 2.0)) == []
    rows = pl.DataFrame(
        {
            "run_id": [f"r{number}" for number in range(7)],
            "step": "features/daily",
            "outcome": "done",
            "started_at": [NOW - dt.timedelta(days=7 - number) for number in range(7)],
            "seconds": [10.0] * 6 + [40.0],
            "rows": 100,
        }
    )
    numbers = {name: pl.lit(0) for name in RUN_METRICS.columns if name not in rows.columns and name != "strategy"}
    now.warehouse.append(RUN_METRICS, RUN_METRICS.conform(rows.with_columns(**numbers)))
    [found] = slow_run(now, 2.0)
    assert found.message == "features/daily took 40.0 s where 10.0 s is usual" and found.run_id == "r6"
    assert list(slow_run(now, 5.0)) == []


def test_results_of_research_are_checks_that_there_are() -> None:
    """A check that is renamed must not begin to call people."""
    names = {check.name for check in defs.resolve_asset_graph().asset_check_keys}
    assert set(RESULTS) - names == set()
