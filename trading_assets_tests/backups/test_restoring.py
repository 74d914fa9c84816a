"""A restore is whole or not at all, keeps what is newer on record, and leaves what was there aside."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from trading_assets.backtests.tables import EQUITY
from trading_assets.backups import ledger, restoring
from trading_assets.backups.copying import make_copy
from trading_assets.backups.manifest import CopyError
from trading_assets.backups.restoring import FOLDER, restore_copy
from trading_assets.backups.verification import differences_to_copy, faults_of_home
from trading_assets.protocol import Protocol
from trading_assets.protocol.protocol import FILE, HEAD_FILE
from trading_assets.warehouse import WarehouseError
from trading_assets_tests.backups.worlds import NOON, World, make_world
from trading_assets_tests.conftest import TINY, called
from trading_assets_tests.robustness.pipeline import Experiment

#: Writes pages of a transaction to the book, and is killed in it.
KILLED = textwrap.dedent(
    """
    import os, signal, sqlite3, sys
    book = sqlite3.connect(sys.argv[1], isolation_level=None)
    book.execute("PRAGMA cache_size = 5")
    book.execute("BEGIN")
    rows = "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n"
    book.execute(f"INSERT INTO fills {rows}")
    os.kill(os.getpid(), signal.SIGKILL)
    """
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def test_damaged_home_is_restored_and_what_was_there_is_kept(world: World) -> None:
    world.back_up()
    world.configuration.warehouse_path.write_bytes(b"x" * 5000)
    done = restore_copy(world.configuration, world.copy, NOON)
    assert world.equity() == 1.0
    assert faults_of_home(world.configuration) == []
    assert done.before is not None
    assert (done.before / "home" / "warehouse.duckdb").read_bytes() == b"x" * 5000
    assert world.kinds()[-1] == "restore"
    world.set_equity(5.0)
    assert world.equity() == 5.0


def test_missing_data_folder_is_made(world: World) -> None:
    world.back_up()
    shutil.rmtree(world.configuration.data)
    done = restore_copy(world.configuration, world.copy, NOON)
    assert (world.equity(), world.fills(), done.before) == (1.0, [1], None)
    assert world.protocol.read()[-1].payload["lost"] is None
    assert not (world.configuration.data / FOLDER).exists()


def test_what_is_newer_on_record_stays(world: World) -> None:
    """Tables go back to the copy; records, the broker's book and files of the audit trail do not."""
    world.back_up()
    world.set_equity(2.0)
    world.record("look", "trend")
    world.fill(2)
    trail = world.configuration.home / "audit_trail" / "trading" / "audit_trail" / "2026-11-abc.parquet"
    trail.parent.mkdir(parents=True)
    trail.write_bytes(b"entries")
    done = restore_copy(world.configuration, world.copy, NOON)
    assert (world.equity(), world.fills()) == (1.0, [1, 2])
    assert world.kinds() == ["folder", "import", "trials", "look", "restore"]
    assert trail.read_bytes() == b"entries"
    assert set(done.kept) == {"audit_trail/trading/audit_trail/2026-11-abc.parquet", "brokers/account.db"}


def test_interrupt_after_the_swap_leaves_the_restore_on_record(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.back_up()
    world.set_equity(2.0)
    real = restoring._swap

    def and_interrupted(*folders: Path) -> bool:
        real(*folders)
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, "_swap", and_interrupted)
    with pytest.raises(KeyboardInterrupt):
        restore_copy(world.configuration, world.copy, NOON)
    assert (world.equity(), world.kinds()[-1]) == (1.0, "restore")


def test_book_of_a_killed_process_is_kept_as_of_its_last_commit(world: World) -> None:
    """SQLite takes the half of a transaction back from the journal, if it may write."""
    world.back_up()
    world.fill(2)
    subprocess.run([sys.executable, "-c", KILLED, str(world.book)], check=False)
    assert world.book.with_name(f"{world.book.name}-journal").stat().st_size > 0
    assert faults_of_home(world.configuration) == []
    make_copy(world.configuration, TINY, world.folder / "another", NOON)
    done = restore_copy(world.configuration, world.copy, NOON)
    assert (done.kept, done.replaced, world.fills()) == (("brokers/account.db",), (), [1, 2])


def test_book_that_has_nothing_gives_way_and_one_that_lacks_rows_is_named(world: World) -> None:
    world.back_up()
    with closing(sqlite3.connect(world.book)) as connection, connection:
        connection.execute("UPDATE fills SET number = 7")
    assert restore_copy(world.configuration, world.copy, NOON).kept == (
        "brokers/account.db (without 1 rows as the copy has them)",
    )
    assert world.fills() == [7]
    world.book.write_bytes(b"")
    done = restore_copy(world.configuration, world.copy, NOON)
    assert (done.kept, done.replaced, world.fills()) == ((), ("brokers/account.db (it has no rows)",), [1])
    world.book.write_bytes(b"x" * 5000)
    (named,) = restore_copy(world.configuration, world.copy, NOON).replaced
    assert named.startswith("brokers/account.db (")
    assert world.fills() == [1]


def test_record_of_another_configuration_that_is_made_meanwhile_is_not_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The protocol is the beginning of the copy's when it is looked at, and another one when it would be replaced."""
    data = world.configuration.data
    shutil.copytree(data, world.folder / "earlier")
    world.record("look", "trend")
    world.back_up()
    for name in (FILE, HEAD_FILE):
        shutil.copy(world.folder / "earlier" / name, data / name)
    real = ledger.prepared

    def while_another_looks(*arguments: Any) -> None:
        Protocol(data, "other").append("look", "of_another", {}, now=NOON)
        real(*arguments)

    monkeypatch.setattr(ledger, "prepared", while_another_looks)
    with pytest.raises(CopyError, match="another protocol than the copy"):
        restore_copy(world.configuration, world.copy, NOON)
    assert world.protocol.read()[-1].subject == "of_another"


@pytest.mark.parametrize("what", ["copy", "manifest", "name"])
def test_copy_that_is_damaged_or_of_another_changes_nothing(world: World, what: str) -> None:
    world.back_up()
    world.set_equity(2.0)
    configuration = world.configuration
    if what == "copy":
        (world.copy / "home" / "warehouse.duckdb").write_bytes(b"x")
    elif what == "manifest":
        (world.copy / "manifest.json").unlink()
    else:
        configuration = configuration.model_copy(update={"name": "another"})
    with pytest.raises(CopyError):
        restore_copy(configuration, world.copy, NOON)
    assert (world.equity(), world.kinds()) == (2.0, ["folder", "import", "trials"])
    assert sorted(path.name for path in configuration.data.iterdir() if "." not in path.name) == ["tiny"]


@pytest.mark.parametrize("fails_at", range(1, 12))
def test_full_disk_at_any_file_leaves_the_home_as_it_was(
    world: World, fails_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system refuses the n-th sync of the restore: the home is the old one or, once it is swapped, the new one."""
    world.back_up()
    world.set_equity(2.0)
    real, count = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        count[0] += 1
        if count[0] == fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    try:
        restore_copy(world.configuration, world.copy, NOON)
    except (OSError, WarehouseError):
        assert count[0] == fails_at
    monkeypatch.undo()
    assert world.equity() in (1.0, 2.0)
    assert faults_of_home(world.configuration) == []
    assert world.kinds()[:3] == ["folder", "import", "trials"]


def test_file_system_that_cannot_exchange_folders_renames_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.back_up()
    world.set_equity(2.0)
    monkeypatch.setattr(restoring, "_EXCHANGE", 1 << 20)  # no flag that the kernel knows: it refuses the call
    restore_copy(world.configuration, world.copy, NOON)
    assert world.equity() == 1.0


def test_commands_exit_by_what_they_find(world: World) -> None:
    data, copy = world.configuration.data, str(world.copy)
    assert called(TINY, data, "backup", copy).returncode == 0
    assert called(TINY, data, "verify", copy).returncode == 0
    again = called(TINY, data, "backup", copy)
    assert (again.returncode, "there is something already" in again.stderr) == (1, True)
    world.configuration.warehouse_path.write_bytes(b"x" * 5000)
    found = called(TINY, data, "verify")
    assert (found.returncode, "damaged: warehouse.duckdb: " in found.stderr) == (1, True)
    restored = called(TINY, data, "restore", copy)
    assert (restored.returncode, "from damaged to verified: 0." in restored.stdout) == (0, True)
    assert called(TINY, data, "verify", copy).returncode == 0
    assert called(TINY, data, "verify", "--copy-only").returncode == 2
    assert called(TINY, data, "verify", "--copy-only", copy).returncode == 0


@pytest.mark.slow
def test_drill_from_a_damaged_whole_run_to_a_verified_one(experiment: Experiment, tmp_path: Path) -> None:
    """A whole run is copied, its warehouse and its protocol are damaged, restored, verified: nothing is lost."""
    configuration, copy = experiment.configuration, tmp_path / "copy"
    manifest = make_copy(configuration, experiment.folder / "config.yaml", copy, NOON)
    before = experiment.warehouse.fingerprint(EQUITY)
    for path in (configuration.warehouse_path, configuration.data / "protocol.duckdb"):
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 3)
            file.write(b"\xff" * 200_000)
    assert faults_of_home(configuration) != []
    done = restore_copy(configuration, copy, NOON)
    assert (done.choice.lost, faults_of_home(configuration)) == (0, [])
    assert differences_to_copy(configuration, copy, manifest) == []
    assert experiment.warehouse.fingerprint(EQUITY) == before
