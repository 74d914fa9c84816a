"""Lines of steps become rows, each once, whoever is killed in between."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.asset_factories.step_metering import FOLDER, metered, note
from trading_assets.monitoring.run_metrics import collect, metrics_of, totals_by_run, waiting
from trading_assets.monitoring.tables import ALERTS, RUN_METRICS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.conftest import Experiment


def line(run: str = "r", step: str = "features/daily", **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(RUN_METRICS.columns, 0)
    row |= {"run_id": run, "step": step, "strategy": None, "outcome": "done", "rows": None}
    return {**row, "started_at": "2026-01-02T03:04:05.000006", "seconds": 1.5, **changes}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    found = Warehouse(tmp_path / "warehouse.duckdb")
    found.append(ALERTS, ALERTS.empty())
    return found


def test_what_steps_noted_is_on_record_once(warehouse: Warehouse) -> None:
    for number in range(3):
        with metered(warehouse.path, "r", f"step/{number}", None):
            pass
    assert waiting(warehouse.path) == 1
    assert collect(warehouse.path).height == 3
    assert waiting(warehouse.path) == 0
    assert collect(warehouse.path).is_empty()
    assert warehouse.read(RUN_METRICS)["step"].to_list() == ["step/0", "step/1", "step/2"]


def test_lines_of_one_who_was_killed_after_writing_are_not_written_twice(warehouse: Warehouse) -> None:
    """The file is taken and its rows are on record, but the file is still there."""
    note(warehouse.path, line())
    folder = warehouse.path.parent / FOLDER
    shutil.copy(folder / "r.jsonl", folder / "r.99-0.taken")
    assert collect(warehouse.path).height == 1
    note(warehouse.path, line())
    collect(warehouse.path)
    assert warehouse.read(RUN_METRICS).height == 1


def test_bytes_that_are_no_text_cost_their_line_alone(warehouse: Warehouse) -> None:
    note(warehouse.path, line())
    with (warehouse.path.parent / FOLDER / "r.jsonl").open("ab") as file:
        file.write(b'{"run_id": "\xff"\n')
    assert collect(warehouse.path).height == 1 and waiting(warehouse.path) == 0


def test_cut_and_foreign_lines_are_left_out(warehouse: Warehouse) -> None:
    whole = json.dumps(line())
    found = metrics_of(iter([whole[:40], "[]", "null", '{"run_id": "r"}', whole, json.dumps(line(step="b", rows=7))]))
    assert found.select("step", "rows").rows() == [("features/daily", None), ("b", 7)]
    RUN_METRICS.validate(found)


def test_a_warehouse_that_cannot_be_written_keeps_the_lines_for_later(warehouse: Warehouse) -> None:
    note(warehouse.path, line())
    aside = warehouse.path.with_suffix(".aside")
    warehouse.path.rename(aside)
    warehouse.path.write_bytes(b"no database")
    assert collect(warehouse.path).is_empty() and waiting(warehouse.path) == 1
    aside.rename(warehouse.path)
    assert collect(warehouse.path).height == 1


def test_a_run_before_the_first_table_makes_no_warehouse(tmp_path: Path) -> None:
    note(tmp_path / "warehouse.duckdb", line())
    assert collect(tmp_path / "warehouse.duckdb").is_empty()
    assert not (tmp_path / "warehouse.duckdb").exists() and waiting(tmp_path / "warehouse.duckdb") == 1


def test_totals_of_a_run_by_hand() -> None:
    """Two steps: from 0 s for 2 s, and from 5 s for 1.5 s: 6.5 s from the first to the end of the last."""
    rows = metrics_of(
        iter(
            json.dumps(each)
            for each in (
                line(started_at="2026-01-02T00:00:00", seconds=2.0, cpu_seconds=1.0, peak_mb=300.0, rows=10),
                line(step="b", started_at="2026-01-02T00:00:05", seconds=1.5, cpu_seconds=0.5, peak_mb=200.0),
                line("later", step="b", started_at="2026-01-03T00:00:05", outcome="failed", lock_waits=3),
            )
        )
    )
    first, second = totals_by_run(rows).rows(named=True)
    assert (first["run_id"], first["seconds"], first["cpu_seconds"], first["peak_mb"]) == ("r", 6.5, 1.5, 300.0)
    assert (first["steps"], first["rows"], first["failed"]) == (2, 10, 0)
    assert (second["run_id"], second["failed"], second["lock_waits"]) == ("later", 1, 3)


@pytest.mark.slow
def test_a_run_puts_a_row_a_step_on_record(tiny: Experiment) -> None:
    found = tiny.warehouse.read(RUN_METRICS)
    assert {"market_data/raw_bars", "features/daily", "backtests/ml", "reports/index"} <= set(found["step"])
    assert set(found["outcome"]) == {"done"} and found["run_id"].n_unique() == 1
    assert found.filter(pl.col("step") == "backtests/ml")["strategy"].to_list() == ["ml"]
    assert not list((tiny.configuration.home / FOLDER).glob("*.jsonl"))
