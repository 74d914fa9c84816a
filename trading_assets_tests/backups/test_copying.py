"""A copy is of one moment, whole or not there."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import AbstractContextManager, closing
from pathlib import Path

import duckdb
import pytest

from trading_assets.backups import copying
from trading_assets.backups.copying import files_of, make_copy, table_hashes
from trading_assets.backups.manifest import CopyError, read_manifest, sha256_of
from trading_assets.protocol import Protocol
from trading_assets.warehouse import LockedError, Warehouse
from trading_assets.warehouse.commit_mark import log_of
from trading_assets.warehouse.connection import open_to_read
from trading_assets_tests.backups.worlds import NOON, World, make_world
from trading_assets_tests.conftest import TINY
from trading_assets_tests.warehouse.warehouse_fixtures import EQUITY

#: Commits a record to the protocol and is killed before the file is closed.
KILLED = textwrap.dedent(
    """
    import datetime as dt, os, signal, sys
    from pathlib import Path
    from trading_assets.protocol import Protocol
    from trading_assets.warehouse import connection

    made = connection.set_mark
    def and_die(path, number):
        made(path, number)
        os.kill(os.getpid(), signal.SIGKILL)

    connection.set_mark = and_die
    Protocol(Path(sys.argv[1]), "tiny").append("look", "trend", {}, now=dt.datetime(2026, 11, 30, 12))
    """
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def test_copy_holds_files_tables_and_records_by_their_hashes(world: World) -> None:
    manifest = world.back_up()
    assert read_manifest(world.copy) == manifest
    assert {name: sha256_of(world.copy / name) for name in manifest.files} == manifest.files
    assert set(manifest.files) == {
        "configuration.yaml",
        "home/brokers/account.db",
        "home/reports/index.html",
        "home/warehouse.duckdb",
        "protocol/protocol.duckdb",
        "protocol/protocol.head",
    }
    assert (manifest.records, manifest.row_hash) == (3, world.protocol.read()[-1].row_hash)
    assert manifest.tables["backtests.equity"].split(":")[0] == "1"
    assert Warehouse(world.copy / "home" / "warehouse.duckdb").read(EQUITY)["equity"].to_list() == [1.0]


def test_copies_while_another_writes_are_each_of_one_commit(world: World) -> None:
    """The writer commits 1, 2, 3, ...: what the copy's table says by its hash is what its file has."""
    stop = threading.Event()

    def write() -> None:
        value = 1.0
        while not stop.is_set():
            value += 1
            world.set_equity(value)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [make_copy(world.configuration, TINY, world.folder / f"copy_{number}", NOON) for number in range(3)]
    finally:
        stop.set()
        writer.join()
    for number, manifest in enumerate(made):
        home = world.folder / f"copy_{number}" / "home"
        assert not (home / "warehouse.duckdb.wal").exists()
        shutil.copy(home / "warehouse.duckdb", world.folder / "opened.duckdb")
        with Warehouse(world.folder / "opened.duckdb").opened() as connection:
            assert table_hashes(connection) == manifest.tables
        (world.folder / "opened.duckdb").unlink()


def test_damaged_source_is_refused_by_name_and_leaves_nothing(world: World) -> None:
    world.book.write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    with pytest.raises(CopyError, match="a database cannot be read") as caught:
        world.back_up()
    assert str(world.book) in str(caught.value)
    assert [path.name for path in world.folder.iterdir()] == ["data"]


@pytest.mark.parametrize("place", ["data/copy", "data/tiny/copy", "full"])
def test_place_that_is_none_is_refused(world: World, place: str) -> None:
    (world.folder / "full").mkdir()
    (world.folder / "full" / "file").touch()
    with pytest.raises(CopyError, match="what to do"):
        make_copy(world.configuration, TINY, world.folder / place, NOON)


def test_locks_and_what_is_being_made_are_no_part(tmp_path: Path) -> None:
    for name in (
        "a.csv",
        "a.lock",
        "a.queue",
        "b.duckdb.tmp/x",
        "c.partial",
        "d.db",
        "d.db-wal",
        "e/f.parquet",
        ".snapshot-a/w.duckdb",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [str(path) for path in files_of(tmp_path)] == ["a.csv", "d.db", "e/f.parquet"]


@pytest.mark.parametrize("fails_at", [1, 3, 4, 5])
def test_full_disk_is_told_of_the_copy_and_leaves_nothing(
    world: World, fails_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of the home are copied first, then the two of the protocol."""
    real, count = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        count[0] += 1
        if count[0] == fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(CopyError, match="the copy cannot be made") as caught:
        world.back_up()
    assert "cause: No space left on device" in str(caught.value)
    assert [path.name for path in world.folder.iterdir()] == ["data"]


def test_database_that_stays_locked_is_given_up_by_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own backup asks a locked database without end."""
    monkeypatch.setattr(copying, "DATABASE_SECONDS", 0.3)
    with closing(sqlite3.connect(world.book, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LockedError, match="a database is in use") as caught:
            world.back_up()
    assert str(world.book) in str(caught.value)
    assert [path.name for path in world.folder.iterdir()] == ["data"]
    world.back_up()


def test_copy_may_be_made_in_the_folder_where_one_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.copy.mkdir()
    monkeypatch.chdir(world.copy)
    make_copy(world.configuration, TINY, Path(), NOON)
    assert read_manifest(world.copy).records == 3


def test_log_that_a_killed_process_leaves_meanwhile_is_put_into_the_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process commits a record and is killed after the copy has looked for logs."""
    real, killed = open_to_read, list[int]()

    def and_another_is_killed(path: Path, seconds: float) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        if not killed:
            killed.append(
                subprocess.run([sys.executable, "-c", KILLED, str(world.configuration.data)], check=False).returncode
            )
            assert log_of(world.protocol.path).exists()
        return real(path, seconds)

    monkeypatch.setattr(copying, "open_to_read", and_another_is_killed)
    assert world.back_up().records == 4
    assert killed == [-9]
    assert len(Protocol(world.copy / "protocol", "tiny").read()) == 4


def test_book_that_others_may_not_read_is_so_in_the_copy(world: World) -> None:
    world.book.chmod(0o600)
    world.back_up()
    assert (world.copy / "home" / "brokers" / "account.db").stat().st_mode & 0o777 == 0o600


def test_copy_of_a_book_that_finds_no_space_is_told_of_the_copy(world: World) -> None:
    with closing(sqlite3.connect(world.book)) as connection, connection:
        connection.execute("CREATE TABLE large AS SELECT zeroblob(1000000) AS bytes")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match=r"full|I/O"):
            copying.copy_database(world.book, world.folder / "copy.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
