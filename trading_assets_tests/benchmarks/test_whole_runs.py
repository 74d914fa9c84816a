"""The tables of whole runs are those that were measured, and a process is measured as it ran."""

from __future__ import annotations

import resource
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets_tests.benchmarks import whole_runs
from trading_assets_tests.benchmarks.whole_runs import Run, median_of, one_more_session
from trading_assets_tests.benchmarks.whole_runs_table import PAGE, growth_picture, rows, stored, written_page


def test_the_page_shows_what_was_measured() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written_page(page, stored()) == page


def test_a_row_says_how_many_times_faster() -> None:
    def side(seconds: float) -> dict[str, Any]:
        steps = {"monitoring/drift": seconds / 10}
        return {"seconds": seconds, "cpu_seconds": 2 * seconds, "megabytes": 1500.0, "steps": steps}

    found = rows({"pairs": {"first": {"before": side(150.0), "now": side(50.0)}}})
    assert found == [
        ("first run", "150.0 s, 300.0 CPU s, 1.50 GB", "50.0 s, 100.0 CPU s, 1.50 GB", "3.0x"),
        ("drift", "15.0 s", "5.0 s", "3.0x"),
    ]


def test_medians_are_of_each_measure_and_step() -> None:
    runs = [Run(3.0, 1.0, 10.0, {"monitoring/drift": 1.0}), Run(1.0, 5.0, 30.0, {}), Run(2.0, 9.0, 20.0, {})]
    expected = {"runs": 3, "seconds": 2.0, "cpu_seconds": 5.0, "megabytes": 20.0, "steps": {}}
    assert median_of(runs) == expected
    assert median_of(runs[:1])["steps"] == {"monitoring/drift": 1.0}


def test_the_last_session_is_taken_out_and_can_be_put_back(tmp_path: Path) -> None:
    bars = tmp_path / "bars"
    bars.mkdir()
    rows = pl.DataFrame({"symbol": ["A", "A", "B"], "date": [1, 2, 2]})
    rows.filter(symbol="A").write_parquet(bars / "a.parquet")
    rows.filter(symbol="B").write_parquet(bars / "b.parquet")
    assert one_more_session(bars, tmp_path / "kept").rows() == [("A", 2), ("B", 2)]
    assert pl.read_parquet(bars / "*.parquet").rows() == [("A", 1)]
    assert pl.read_parquet(tmp_path / "kept" / "*.parquet").equals(rows)


def test_a_process_is_measured_with_its_steps_and_one_that_fails_is_told(tmp_path: Path) -> None:
    """It needs 400 MB (the kernel also counts what the process that started it had); its log has half a second."""
    checkout, logs = tmp_path / "checkout", tmp_path / "home/history/runs"
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(sys.executable)
    logs.mkdir(parents=True)
    with closing(sqlite3.connect(logs / "1-2.db")) as connection, connection:
        connection.execute("CREATE TABLE event_logs (step_key, dagster_event_type, timestamp)")
        connection.executemany(
            "INSERT INTO event_logs VALUES ('monitoring__drift', ?, ?)",
            [("STEP_START", "2030-01-01 00:00:01.250"), ("STEP_SUCCESS", "2030-01-01 00:00:01.750")],
        )
    took = whole_runs.run(checkout, "-c", "held = b'x' * 400_000_000; sum(range(10**6))", home=tmp_path / "home")
    assert took.steps == {"monitoring/drift": pytest.approx(0.5, abs=2e-3)}
    assert 380 < took.megabytes <= max(600, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 + 50)
    assert took.cpu_seconds > 0
    with pytest.raises(RuntimeError, match="no such thing"):
        whole_runs.run(checkout, "-c", "raise SystemExit('no such thing')")


def test_the_picture_has_a_point_a_shape() -> None:
    shapes = [
        {"symbols": 50 * size, "years": size, "bars": 10**4 * size, "cpu_seconds": 10.0, "megabytes": 900.0 * size}
        for size in (1, 2)
    ]
    assert growth_picture({"growth": shapes}).startswith(b"\x89PNG")
    assert growth_picture({"growth": shapes}) != growth_picture({"growth": shapes[:1]})
