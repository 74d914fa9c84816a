"""Tables go into the store and come back as they were, whole or not at all, wherever the folder is."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from trading_assets.warehouse import Rows, Sessions, StaleInputError, Warehouse, WarehouseError, Whole
from trading_assets.warehouse.connection import open_to_read
from trading_assets.warehouse.lake.store import PartitionStore
from trading_assets.warehouse.lake.switch import settle
from trading_assets_tests.warehouse.lake import lake_fixtures
from trading_assets_tests.warehouse.lake.lake_fixtures import (
    BARS,
    BY_MONTH,
    DAILY,
    files_of,
    live_files,
    of_round,
    seen,
    with_lake,
    without_lake,
)
from trading_assets_tests.warehouse.warehouse_fixtures import (
    LEDGER,
    bars,
    day,
    next_look,
    obey_permissions,
    outcome_of,
    start,
)


def _filled(folder: Path) -> Warehouse:
    warehouse = without_lake(folder)
    rows = of_round(1)
    # As by symbol, then by month: rows stand in no order of the key.
    warehouse.replace(Whole(), {table: each.reverse() for table, each in rows.items()})
    warehouse.replace(Sessions(day(31), day(59)), {BARS: bars("A", range(31, 60), 9.0, ["late"])})
    warehouse.append_chained(LEDGER, next_look)
    return warehouse


def test_there_and_back_is_the_same_table_and_no_input_of_a_step_changes(tmp_path: Path) -> None:
    warehouse = _filled(tmp_path)
    before = {table: seen(warehouse, table) for table in BY_MONTH}
    work = warehouse.unit_of_work()
    work.read(BARS)
    for lake in (True, True, False, True, False):
        settle(warehouse.path, 20, [*BY_MONTH, LEDGER], lake=lake)
        assert {table: seen(warehouse, table) for table in before} == before
        assert bool(files_of(warehouse)) == lake
        assert {path.name for path in files_of(warehouse)} == live_files(warehouse).keys()
    work.replace(Rows("symbol", "B"), {DAILY: of_round(2)[DAILY].filter(symbol="B")})  # not stale


def test_another_run_s_write_is_noticed_wherever_the_table_is(tmp_path: Path) -> None:
    warehouse = _filled(tmp_path)
    settle(warehouse.path, 20, BY_MONTH, lake=True)
    work = warehouse.unit_of_work()
    work.read(BARS)
    warehouse.replace(Sessions(day(0), day(30)), {BARS: bars("A", range(3))})
    with pytest.raises(StaleInputError):
        work.replace(Whole(), of_round(2))


def test_a_configuration_without_a_lake_makes_none(tmp_path: Path) -> None:
    settle(tmp_path / "warehouse.duckdb", 20, BY_MONTH, lake=False)
    assert list(tmp_path.iterdir()) == []
    warehouse = _filled(tmp_path)
    settle(warehouse.path, 20, BY_MONTH, lake=False)
    assert warehouse.query("SELECT * FROM information_schema.tables WHERE table_name LIKE 'lake%'").is_empty()


def test_a_folder_that_is_moved_is_read_where_it_is(tmp_path: Path) -> None:
    """Views name files by their whole paths, so that any DuckDB finds them; the first to open it puts them right."""
    warehouse = _filled(tmp_path / "old")
    settle(warehouse.path, 20, BY_MONTH, lake=True)
    before = seen(warehouse, BARS)
    (tmp_path / "old").rename(tmp_path / "new's")
    moved = Warehouse(tmp_path / "new's" / "warehouse.duckdb")
    assert seen(moved, BARS) == before
    with duckdb.connect(str(moved.path), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM market_data.bars").fetchall() == [(len(before["rows"]),)]  # type: ignore[arg-type]


def test_a_copy_of_the_folder_is_a_backup(tmp_path: Path) -> None:
    warehouse = _filled(tmp_path / "now")
    settle(warehouse.path, 20, BY_MONTH, lake=True)
    before = seen(warehouse, BARS)
    shutil.copytree(tmp_path / "now", tmp_path / "backup", copy_function=shutil.copyfile)  # with other times
    warehouse.replace(Whole(), of_round(3))
    shutil.rmtree(tmp_path / "now")
    backup = Warehouse(tmp_path / "backup" / "warehouse.duckdb")
    assert seen(backup, BARS) == before
    settle(backup.path, 20, BY_MONTH, lake=True)  # as a step does that goes on there
    root = tmp_path / "backup" / "lake"
    with open_to_read(backup.path, 20) as connection:
        store = PartitionStore.opened(connection)
        assert store is not None
        assert all(file.path(root).stat().st_mtime_ns == file.modified_ns for file in store.files())
    assert seen(backup, BARS) == before


def test_a_database_without_its_files_says_what_is_missing(tmp_path: Path) -> None:
    warehouse = _filled(tmp_path / "now")
    settle(warehouse.path, 20, BY_MONTH, lake=True)
    (tmp_path / "other").mkdir()
    shutil.copy(warehouse.path, tmp_path / "other")
    with pytest.raises(WarehouseError, match="keep lake beside the database"):
        Warehouse(tmp_path / "other" / "warehouse.duckdb").read(BARS)


def test_a_lost_month_can_be_made_again(tmp_path: Path) -> None:
    warehouse = _filled(tmp_path)
    settle(warehouse.path, 20, BY_MONTH, lake=True)
    before = seen(warehouse, DAILY)
    for path in files_of(warehouse):
        if path.parts[:2] == ("features", "daily"):
            (tmp_path / "lake" / path).unlink()
    with pytest.raises(WarehouseError, match="is missing"):
        warehouse.read(DAILY)
    warehouse.replace(Sessions(day(0), day(120)), {DAILY: of_round(1)[DAILY]})
    assert seen(warehouse, DAILY)["rows"] == before["rows"]


def _killed_on_the_way(work: Callable[..., None], path: Path, ready: Path, draw: random.Random) -> None:
    process = start(work, path, ready)
    while not ready.exists():
        assert process.is_alive(), "it ended by an error"
        time.sleep(0.01)
    time.sleep(draw.uniform(0.0, 0.15))
    process.kill()
    process.join()
    ready.unlink()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_a_killed_writer_leaves_the_old_or_the_new(tmp_path: Path, seed: int) -> None:
    warehouse = with_lake(tmp_path)
    warehouse.replace(Whole(), of_round(0) | {BARS: bars("A", range(0))})
    draw = random.Random(seed)
    for _ in range(2):
        _killed_on_the_way(lake_fixtures.write_months_for_ever, warehouse.path, tmp_path / "ready", draw)
        bars_now, features = warehouse.read(BARS), warehouse.read(DAILY)
        assert bars_now.height == features.height == 200
        assert bars_now["close"].n_unique() == 1
        assert features["level"].unique().to_list() == bars_now["close"].unique().to_list()
        settle(warehouse.path, 20, BY_MONTH, lake=True)
        assert {path.name for path in files_of(warehouse)} == live_files(warehouse).keys(), "the rest is swept"


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_a_killed_switch_leaves_each_table_whole(tmp_path: Path, seed: int) -> None:
    warehouse = _filled(tmp_path)
    before = {table: seen(warehouse, table) for table in BY_MONTH}
    draw = random.Random(seed)
    for _ in range(2):
        _killed_on_the_way(lake_fixtures.switch_for_ever, warehouse.path, tmp_path / "ready", draw)
        assert {table: seen(warehouse, table) for table in BY_MONTH} == before
    settle(warehouse.path, 20, BY_MONTH, lake=False)
    assert {table: seen(warehouse, table) for table in BY_MONTH} == before
    assert not files_of(warehouse)


def _read_for_a_while(path: Path, times: int) -> str:
    warehouse = Warehouse(path)
    for _ in range(times):
        with warehouse.held_open() as held:
            closes, levels = held.read(BARS)["close"], held.read(DAILY)["level"]
        assert closes.n_unique() == 1
        assert closes.equals(levels, check_names=False)
        assert warehouse.query("SELECT count(DISTINCT close) AS n FROM market_data.bars").item() == 1
    return "one round each time"


def test_readers_see_one_state_while_a_writer_commits(tmp_path: Path) -> None:
    warehouse = with_lake(tmp_path)
    warehouse.replace(Whole(), of_round(0.5))  # type: ignore[arg-type]
    writer = start(lake_fixtures.write_months_for_ever, warehouse.path, tmp_path / "ready")
    try:
        assert outcome_of(_read_for_a_while, warehouse.path, 8) == "one round each time"
        assert writer.is_alive()
    finally:
        writer.kill()
        writer.join()


def _write_where_no_file_may_grow(path: Path, limit: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    Warehouse(path).replace(Whole(), {BARS: bars("A", range(100), 7.0, ["x" * 40_000])})


def test_a_full_disk_is_one_message_and_leaves_the_old_rows_and_no_file(tmp_path: Path) -> None:
    warehouse = with_lake(tmp_path)
    warehouse.replace(Whole(), of_round(1))
    before, files = seen(warehouse, BARS), files_of(warehouse)
    told = outcome_of(_write_where_no_file_may_grow, warehouse.path, 4_096)
    assert told.startswith("WarehouseError: cannot write to the warehouse; what it held is unchanged")
    assert seen(warehouse, BARS) == before
    assert files_of(warehouse) == files


def _read_without_permission(path: Path) -> int:
    obey_permissions()
    return Warehouse(path).read(BARS).height


def test_a_folder_that_nobody_may_write_to_is_read(tmp_path: Path) -> None:
    warehouse = with_lake(tmp_path / "home")
    warehouse.replace(Whole(), of_round(1))
    folders = [path for path in (tmp_path / "home").rglob("*") if path.is_dir()]
    for path in (*folders, tmp_path / "home"):
        path.chmod(0o500)
    try:
        assert outcome_of(_read_without_permission, warehouse.path) == "200"
    finally:
        for path in (tmp_path / "home", *folders):
            path.chmod(0o700)


def test_a_moved_folder_that_nobody_may_write_to_says_what_to_do(tmp_path: Path) -> None:
    warehouse = with_lake(tmp_path / "old")
    warehouse.replace(Whole(), of_round(1))
    (tmp_path / "old").rename(tmp_path / "new")
    moved = tmp_path / "new" / "warehouse.duckdb"
    (tmp_path / "new").chmod(0o500)
    moved.chmod(0o400)
    try:
        told = outcome_of(_read_without_permission, moved)
    finally:
        (tmp_path / "new").chmod(0o700)
        moved.chmod(0o600)
    assert told.startswith("WarehouseError: the data folder was moved")
    assert "open it once where it may be written" in told
    assert outcome_of(_read_without_permission, moved) == "200"


def test_ledgers_are_never_in_it(tmp_path: Path) -> None:
    warehouse = _filled(tmp_path)
    settle(warehouse.path, 20, [*BY_MONTH, LEDGER], lake=True)
    warehouse.append_chained(LEDGER, next_look)
    kinds = dict(warehouse.query("SELECT table_name, table_type FROM information_schema.tables").rows())
    assert kinds["holdout_ledger"] == "BASE TABLE"
    assert kinds["bars"] == "VIEW"
    with pytest.raises(WarehouseError, match="append only"):
        warehouse.replace(Whole(), {LEDGER: LEDGER.empty()})
