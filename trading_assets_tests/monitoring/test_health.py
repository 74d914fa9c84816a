"""Each item of the health, well and not, by hand."""

from __future__ import annotations

import datetime as dt
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
    [alert_id] = failed.warehouse.read(ALERTS)["alert_id"]
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
