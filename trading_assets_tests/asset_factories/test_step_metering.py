"""A line a step, however it ends: what it took, wrote and waited for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from trading_assets.asset_factories.step_metering import FOLDER, metered, peak_mb
from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.config.lifecycle import Lifecycle
from trading_assets.config.storage import Storage
from trading_assets.metering import CACHE_HITS, count
from trading_assets.warehouse import Rows, Warehouse
from trading_assets_tests.warehouse.warehouse_fixtures import EQUITY, equity


def lines(warehouse: Path) -> list[dict[str, Any]]:
    folder = warehouse.parent / FOLDER
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def test_a_line_has_what_the_block_took(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    with metered(warehouse, "r", "features/daily", None) as meter:
        meter.heights = {"a": 3, "b": 4}
        count(CACHE_HITS, 2)
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass
    (line,) = lines(warehouse)
    assert (line["run_id"], line["step"], line["outcome"], line["rows"]) == ("r", "features/daily", "done", 7)
    assert line["cache_hits"] == 2 and line["vendor_requests"] == 0
    assert 0.04 <= line["cpu_seconds"] <= line["seconds"] + 0.05
    assert 10 < line["peak_mb"] <= peak_mb()


class AgainError(Exception):
    """Asks for another try."""


@pytest.mark.parametrize(("error", "outcome"), [(ValueError, "failed"), (AgainError, "again")])
def test_a_step_that_raises_is_noted_and_raises(tmp_path: Path, error: type[Exception], outcome: str) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    with pytest.raises(error), metered(warehouse, "r", "s", "momentum", (AgainError,)):
        raise error("no")
    (line,) = lines(warehouse)
    assert (line["outcome"], line["rows"], line["strategy"]) == (outcome, None, "momentum")


def test_a_folder_that_takes_no_file_fails_no_step(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file where the folder should be")
    done = False
    with metered(tmp_path / "warehouse.duckdb", "r", "s", None):
        done = True
    assert done and (tmp_path / FOLDER).read_text().startswith("a file")


def test_steps_that_end_at_once_each_have_a_whole_line(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"

    def steps(run: str) -> None:
        for number in range(50):
            with metered(warehouse, run, f"step/{number}", None):
                pass

    threads = [threading.Thread(target=steps, args=(f"run{each}",)) for each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(line["run_id"], line["step"]) for line in lines(warehouse)}) == 200


def test_steps_of_a_run_are_noted_the_failed_one_included(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")

    def written(step: Step) -> Mapping[str, Any]:
        """Two rows."""
        step.work.replace(Rows("strategy", "s"), {EQUITY: equity("s", [1.0, 2.0])})
        return {}

    def broken(step: Step) -> Mapping[str, Any]:
        """Nothing."""
        raise RuntimeError("no")

    assets = [table_asset(each, stage="backtests", tables=[EQUITY]) for each in (written, broken)]
    resources = {"configuration": SimpleNamespace(warehouse=Storage(), lifecycle=Lifecycle()), "warehouse": warehouse}
    assert not dg.materialize(assets, resources=resources, raise_on_error=False).success
    found = {line["step"]: (line["outcome"], line["rows"]) for line in lines(warehouse.path)}
    assert found == {"backtests/written": ("done", 2), "backtests/broken": ("failed", None)}
