"""Each item of the health, well and not, by hand."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl

from trading_assets.monitoring.health import (
    ERROR,
    OK,
    WARNING,
    DaemonFact,
    HealthItem,
    asset_ages,
    health_of,
    is_well,
)
from trading_assets.monitoring.look import acknowledge, look_and_tell
from trading_assets.monitoring.rules.situation import RunFact, Situation
from trading_assets.monitoring.tables import ALERTS, RUN_METRICS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.monitoring.rules.situations import NOW, situation
from trading_assets_tests.monitoring.rules.test_of_data import with_instruments

ALIVE = DaemonFact({"SENSOR": NOW - dt.timedelta(seconds=20)})
DONE = RunFact("0123456789", "daily_update", "SUCCESS", ended_at=NOW - dt.timedelta(hours=3))


def after_a_run(folder: Path, age: dt.timedelta = dt.timedelta(hours=3)) -> Situation:
    """One step on record, the bars of Friday, on a Monday."""
    now = situation(folder, runs=[DONE], keys={"alerts": {"rules": {"disk": {"threshold": 0}}}})
    row = {"run_id": "0", "step": "features/daily", "outcome": "done", "started_at": NOW - age}
    numbers = {name: 0 for name in RUN_METRICS.columns if name not in row and name != "strategy"}
    now.warehouse.append(RUN_METRICS, RUN_METRICS.conform(pl.DataFrame([row | numbers])))
    return with_instruments(now, XNYS=dt.date(2026, 11, 27))


def found(items: list[HealthItem]) -> dict[str, str]:
    return {each.item: each.state for each in items}


def test_all_is_well_after_a_run(tmp_path: Path) -> None:
    items = health_of(after_a_run(tmp_path), ["features/daily"], ALIVE)
    assert set(found(items).values()) == {OK} and is_well(items)
    assert set(found(items)) >= {
        "warehouse",
        "lock",
        "last run",
        "bars XNYS",
        "assets fresh",
        "alerts",
        "daemon",
        "disk",
    }


def test_before_the_first_run_nothing_is_wrong(tmp_path: Path) -> None:
    items = health_of(situation(tmp_path), ["features/daily"], DaemonFact({}))
    assert is_well(items)
    states = found(items)
    assert (states["warehouse"], states["daemon"], states["last run"]) == (WARNING, WARNING, WARNING)
    assert not (tmp_path / "watched").exists()


def test_a_failed_run_old_assets_and_a_silent_daemon_are_wrong(tmp_path: Path) -> None:
    now = after_a_run(tmp_path, dt.timedelta(days=7))
    failed = replace(now, runs=[replace(DONE, state="FAILURE")])
    items = health_of(
        failed, ["features/daily", "models/a"], DaemonFact({"SENSOR": NOW - dt.timedelta(hours=1)}, ["x"])
    )
    states = found(items)
    wrong = {item for item, state in states.items() if state == ERROR}
    assert wrong == {"last run", "assets", "daemon"} and not is_well(items)
    assert (states["assets not made"], states["schedules"]) == (WARNING, WARNING)
    ages = asset_ages(now, ["features/daily", "models/a"])
    assert ages.rows() == [
        ("features/daily", NOW - dt.timedelta(days=7), dt.timedelta(days=7)),
        ("models/a", None, None),
    ]


def test_an_error_that_somebody_works_on_is_not_wrong_any_more(tmp_path: Path) -> None:
    failed = replace(after_a_run(tmp_path), runs=[replace(DONE, state="FAILURE"), DONE])
    look_and_tell(failed)
    assert found(health_of(failed, [], ALIVE))["alert run_failed"] == ERROR
    [alert_id] = failed.warehouse.read(ALERTS)["alert_id"].unique()
    acknowledge(failed.configuration, alert_id, by="ann", reason="on it", now=NOW)
    assert found(health_of(failed, [], ALIVE))["alert run_failed"] == WARNING


def test_missing_sessions_and_a_damaged_file_are_named(tmp_path: Path) -> None:
    now = with_instruments(after_a_run(tmp_path), XNYS=dt.date(2026, 11, 20))
    items = {each.item: each for each in health_of(now, [], ALIVE)}
    assert items["bars XNYS"].state == ERROR and "4 sessions are missing" in items["bars XNYS"].detail
    now.warehouse.path.write_bytes(b"no database")
    damaged = {each.item: each for each in health_of(now, [], ALIVE)}
    assert damaged["warehouse"].state == ERROR and str(now.warehouse.path) in damaged["warehouse"].detail
    assert "ledger" in damaged and "disk" in damaged


def test_figures_of_a_killed_run_are_told(tmp_path: Path) -> None:
    now = after_a_run(tmp_path)
    folder = now.warehouse.path.parent / "metrics"
    folder.mkdir()
    (folder / "killed.jsonl").write_text("{}\n")
    assert found(health_of(now, [], ALIVE))["metrics"] == WARNING
    going = replace(now, runs=[RunFact("1", "daily_update", "STARTED"), DONE])
    assert "metrics" not in found(health_of(going, [], ALIVE))


def test_a_failed_job_is_wrong_whatever_other_jobs_have_done_since(tmp_path: Path) -> None:
    sheets = RunFact("9876543210", "trading_before_open", "SUCCESS", ended_at=NOW)
    now = replace(after_a_run(tmp_path), runs=[sheets, replace(DONE, state="FAILURE"), DONE])
    [last] = [each for each in health_of(now, [], ALIVE) if each.item == "last run"]
    assert (last.state, last.detail[:28]) == (ERROR, "daily_update 01234567: failu")


def test_a_warehouse_that_is_lost_is_wrong_though_an_alert_has_made_another(tmp_path: Path) -> None:
    now = situation(tmp_path, runs=[DONE])
    assert found(health_of(now, [], ALIVE))["warehouse"] == ERROR
    now.warehouse.append(ALERTS, ALERTS.empty())
    lost = {each.item: each for each in health_of(now, [], ALIVE)}["warehouse"]
    assert lost.state == ERROR and "has nothing that they left" in lost.detail
    failed = situation(tmp_path / "first", runs=[replace(DONE, state="FAILURE")])
    states = found(health_of(failed, [], ALIVE))
    assert (states["warehouse"], states["last run"]) == (WARNING, ERROR), "a first run that failed lost nothing"


def test_each_part_of_the_daemon_has_to_be_alive(tmp_path: Path) -> None:
    now, parts = after_a_run(tmp_path), ("SENSOR", "SCHEDULER")
    long_ago, just_now = NOW - dt.timedelta(days=90), NOW - dt.timedelta(seconds=20)
    old_part = DaemonFact({"SENSOR": long_ago, "SCHEDULER": just_now}, required=parts)
    [daemon] = [each for each in health_of(now, [], old_part) if each.item == "daemon"]
    assert daemon.state == ERROR and daemon.detail.startswith("SENSOR: no sign since 2026-09-01 12:00 UTC")
    begins = DaemonFact({"SCHEDULER": just_now}, required=parts)
    assert found(health_of(now, [], begins))["daemon"] == WARNING
    whole = DaemonFact({"SENSOR": just_now, "SCHEDULER": just_now, "ONCE": long_ago}, required=parts)
    assert found(health_of(now, [], whole))["daemon"] == OK, "a part that is not asked for any more is no part"


def test_a_machine_that_cron_runs_is_well_though_a_daemon_was_there_once(tmp_path: Path) -> None:
    """The daemon gave its last sign in spring; what begins its runs since is something else, until it stops."""
    spring, then = DaemonFact({"SENSOR": dt.datetime(2026, 3, 1)}), NOW - dt.timedelta(hours=3)
    now = replace(after_a_run(tmp_path), runs=[replace(DONE, started_at=then)])
    assert found(health_of(now, [], spring))["daemon"] == WARNING
    stopped = replace(now, runs=[replace(DONE, started_at=NOW - dt.timedelta(days=9))])
    assert found(health_of(stopped, [], spring))["daemon"] == ERROR
    before = replace(now, runs=[replace(DONE, started_at=dt.datetime(2026, 2, 1))])
    assert found(health_of(before, [], spring))["daemon"] == ERROR


def test_a_warehouse_that_a_run_writes_to_is_not_wrong_and_its_holder_is_named(tmp_path: Path) -> None:
    now = after_a_run(tmp_path)
    hold = (
        f"import duckdb, sys; held = duckdb.connect({str(now.warehouse.path)!r}); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None and other.stdout is not None
        other.stdout.readline()
        patient = replace(now, warehouse=Warehouse(now.warehouse.path, wait_seconds=0.1))
        items = health_of(patient, ["features/daily"], ALIVE)
        other.stdin.close()
    [held] = [each for each in items if each.item == "warehouse"]
    assert held.state == WARNING and str(other.pid) in held.detail and is_well(items)
