"""What a run leaves is kept: once as long as it is the same, whoever keeps at the same time."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import time
from pathlib import Path

import pytest

from trading_assets.backtests.archive.frames import FOLDER
from trading_assets.backtests.archive.kept import OPEN, kept_of
from trading_assets.backtests.archive.record import configuration_text
from trading_assets.backtests.tables import EQUITY, RUN_ARCHIVE
from trading_assets.config.loading import load_configuration
from trading_assets.reports.comparison.keeping import BARS_BY_MONTH, NOTES
from trading_assets.warehouse import Warehouse
from trading_assets_tests.reports.comparison.kept_runs import NOON, begun, kept, write_bars, write_results

HOUR = dt.timedelta(hours=1)


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "data" / "small" / FOLDER).rglob("*.parquet")}


def test_a_run_that_changes_nothing_stores_nothing_and_one_that_changes_a_curve_stores_that(tmp_path: Path) -> None:
    configuration = begun(tmp_path)
    warehouse = Warehouse(configuration.warehouse_path)
    kept(configuration, "r1")
    first = files(tmp_path)
    kept(configuration, "r2", NOON + HOUR)
    assert files(tmp_path) == first
    write_results(warehouse, "known", shift=0.0001)
    write_bars(warehouse, 11.0)
    kept(configuration, "r3", NOON + 2 * HOUR)
    rows = {row["run_id"]: row for row in warehouse.read(RUN_ARCHIVE).filter(strategy="known").iter_rows(named=True)}
    assert [row["sharpe"] for row in rows.values()] == [1.0, 1.0, 1.0001]
    tables = [kept_of(row["tables"]) for row in rows.values()]
    assert tables[0] == tables[1]
    assert tables[1][EQUITY.name].files != tables[2][EQUITY.name].files
    assert tables[1][BARS_BY_MONTH].files != tables[2][BARS_BY_MONTH].files
    # equity, metrics, trades of one strategy, and the bars; decisions and verdicts are the same
    assert len(files(tmp_path) - first) == 4
    assert {path for row in tables for each in row.values() for path in each.files.values()} <= files(tmp_path)


def test_a_row_says_what_the_run_was_made_of(tmp_path: Path) -> None:
    configuration = begun(tmp_path)
    kept(configuration, "r1")
    warehouse = Warehouse(configuration.warehouse_path)
    row = warehouse.read(RUN_ARCHIVE).filter(strategy="unknown").row(0, named=True)
    assert (row["status"], row["symbols"], row["archived_at"]) == ("ok", ["AAA"], NOON)
    assert (row["config_hash"], row["strategy_hash"]) == (configuration.hash, configuration.hash_for("unknown"))
    assert (row["development_end"], row["holdout_start"]) == (dt.date(2016, 12, 15), dt.date(2016, 12, 16))
    text = configuration_text(warehouse, row["config"])
    assert text["values"]["strategies.unknown.stop_atr"] == "2.0"  # type: ignore[index]
    assert OPEN in kept_of(row["tables"])[NOTES].files


def test_what_is_kept_of_an_unregistered_strategy_knows_no_bar_of_the_holdout(tmp_path: Path) -> None:
    found = []
    for number, close in enumerate((10.0, 11.0)):
        (tmp_path / str(number)).mkdir()
        configuration = begun(tmp_path / str(number))
        write_bars(Warehouse(configuration.warehouse_path), 10.0, in_holdout=close)
        kept(configuration, "r1")
        found.append(Warehouse(configuration.warehouse_path).read(RUN_ARCHIVE).filter(strategy="unknown"))
    assert found[0].equals(found[1])


def _keep_in_a_process(folder: str, number: int) -> None:
    configuration = load_configuration(Path(folder) / "config.yaml", Path(folder) / "data")
    kept(configuration, f"run{number:02d}", NOON + dt.timedelta(minutes=number))


@pytest.mark.slow
def test_twenty_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    configuration = begun(tmp_path)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    processes = [context.Process(target=_keep_in_a_process, args=(str(tmp_path), number)) for number in range(20)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0] * 20
    rows = Warehouse(configuration.warehouse_path).read(RUN_ARCHIVE)
    assert rows["run_id"].unique().sort().to_list() == [f"run{number:02d}" for number in range(20)]
    assert rows.height == 40
    named = {name for text in rows["tables"] for each in kept_of(text).values() for name in each.files.values()}
    assert named == files(tmp_path)


@pytest.mark.slow
def test_a_rerun_that_changes_nothing_takes_little(tmp_path: Path) -> None:
    configuration = begun(tmp_path)
    kept(configuration, "r0")
    took = []
    for number in range(1, 4):
        start = time.process_time()
        kept(configuration, f"r{number}", NOON + number * HOUR)
        took.append(time.process_time() - start)
    assert min(took) < 0.2
