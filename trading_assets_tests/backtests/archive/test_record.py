"""Rows of the archive: names that people give, and what goes in time."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.backtests.archive.frames import FrameStore
from trading_assets.backtests.archive.kept import OPEN, KeptRows, kept_text
from trading_assets.backtests.archive.record import add_run, configuration_text, find_run, retire, runs_in_order
from trading_assets.backtests.tables import RUN_ARCHIVE, RUN_CONFIGURATIONS
from trading_assets.config import ConfigurationError
from trading_assets.config.runs import Runs
from trading_assets.warehouse import Warehouse
from trading_assets.warehouse.errors import WarehouseError
from trading_assets_tests.reports.comparison.kept_runs import NOON, rows_of

RUNS = pl.DataFrame(
    {
        "run_id": ["abc1", "abd2", "abd2", "f3"],
        "archived_at": [NOON, NOON + dt.timedelta(hours=5), NOON + dt.timedelta(hours=5), NOON + dt.timedelta(days=1)],
    }
)


@pytest.mark.parametrize(
    ("name", "run"),
    [("latest", "f3"), ("previous", "abd2"), ("abc", "abc1"), ("f3", "f3"), ("2026-11-03", "abd2")],
)
def test_a_run_is_found_by_what_people_call_it(name: str, run: str) -> None:
    assert find_run(RUNS, name) == run


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ab", "2 runs begin with 'ab'"),
        ("x", "no kept run 'x'"),
        ("2026-11-09", "no run was kept on 2026-11-09"),
        ("", "no kept run"),
    ],
)
def test_a_name_that_is_none_or_of_several_is_refused(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        find_run(RUNS, name)


def test_a_first_run_has_none_before_it_and_an_empty_archive_says_so() -> None:
    with pytest.raises(ConfigurationError, match="there is no previous run"):
        find_run(RUNS.head(1), "previous")
    with pytest.raises(ConfigurationError, match="no run has been kept"):
        find_run(RUNS.clear(), "latest")
    assert runs_in_order(RUNS)["run_id"].to_list() == ["abc1", "abd2", "f3"]


def test_old_runs_go_with_their_files_and_the_newest_two_stay(tmp_path: Path) -> None:
    """Of five runs a day apart two are older than two days, then of three the oldest is one too many for two."""
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    store = FrameStore(warehouse.path)
    names = []
    with store.held():
        common = store.put("backtests.equity", pl.DataFrame({"value": [0]}))
        for day in range(5):
            names.append(store.put("backtests.trades", pl.DataFrame({"value": [day]})))
            files = {
                "backtests.trades": KeptRows(1, {OPEN: names[-1]}, 1),
                "backtests.equity": KeptRows(1, {OPEN: common}, 1),
            }
            row = {"run_id": f"r{day}", "strategy": "a", "archived_at": NOON + dt.timedelta(days=day), "status": "ok"}
            row |= {"symbols": [], "tables": kept_text(files), "config": "c"}
            add_run(warehouse, rows_of(RUN_ARCHIVE, row), {"c": '{"values": {}}'})
        now = NOON + dt.timedelta(days=4)
        assert retire(warehouse, store, Runs(keep_results_days=2), now) == ["r0", "r1"]
        assert retire(warehouse, store, Runs(keep_results_days=2), now) == []
        assert retire(warehouse, store, Runs(keep_results_runs=2), now) == ["r2"]
        assert retire(warehouse, store, Runs(keep_results_days=1), now + dt.timedelta(days=900)) == []
    assert warehouse.read(RUN_ARCHIVE)["run_id"].to_list() == ["r3", "r4"]
    assert store.get("backtests.equity", common).height == store.get("backtests.trades", names[4]).height == 1
    with pytest.raises(WarehouseError, match="missing"):
        store.get("backtests.trades", names[0])


def test_the_text_of_a_configuration_is_kept_once(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    row = {"strategy": "a", "status": "ok", "symbols": [], "config": "c", "tables": "{}", "archived_at": NOON}
    for run in ("r1", "r2"):
        add_run(warehouse, rows_of(RUN_ARCHIVE, {**row, "run_id": run}), {"c": '{"values": {"seed": "7"}}'})
    assert warehouse.read(RUN_CONFIGURATIONS).height == 1
    assert configuration_text(warehouse, "c") == {"values": {"seed": "7"}}
    with pytest.raises(ConfigurationError, match="no configuration d"):
        configuration_text(warehouse, "d")
