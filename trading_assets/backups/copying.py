"""Copy all that a configuration leaves behind, as it is at one moment, while runs go on.

Tables, registry and protocol are held together for as long as files are copied: whoever wants to write waits, as for a
long query. What is copied is what a run would have left that was killed at that moment, from which any run goes on.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import duckdb

from trading_assets import __version__
from trading_assets.backups.manifest import (
    HOME,
    PROTOCOL,
    CopyError,
    Manifest,
    sha256_of,
    sync_folder,
    write_manifest,
)
from trading_assets.config import Configuration
from trading_assets.models.registry import database_of
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.protocol import FILE, HEAD_FILE
from trading_assets.warehouse.commit_mark import log_of, mark_of
from trading_assets.warehouse.connection import open_to_read, open_to_write
from trading_assets.warehouse.content import Selected, content_of
from trading_assets.warehouse.errors import LockedError, block
from trading_assets.warehouse.lake.recent import PREFIX
from trading_assets.warehouse.lake.store import PartitionStore
from trading_assets.warehouse.lock import Patience, file_lock
from trading_assets.warehouse.slices import Whole
from trading_assets.warehouse.snapshot import SNAPSHOTS
from trading_assets.warehouse.storage import META

CONFIGURATION_FILE = "configuration.yaml"
#: Seconds that a copy waits for whoever writes.
WAIT_SECONDS = 120.0
#: Seconds that it waits for who writes to a database of SQLite, with locks of the others held.
DATABASE_SECONDS = 20.0
#: What is of one moment only: locks, the space of queries, what is being made.
_PASSING = (".lock", ".queue", ".tmp", ".new", ".unfinished", ".partial")
_SQLITE = ".db"
_BESIDE_SQLITE = ("-wal", "-shm", "-journal")
#: Tables in which the partition store says where rows are: another folder in each copy, other months after a move.
_OF_A_PLACE = ("meta.lake", "meta.lake_files", "meta.lake_tables")
_PIECE = 1 << 20
#: Times that a copy begins anew because a process was killed since it looked.
_TRIES = 5


def make_copy(configuration: Configuration, file: Path, target: Path, now: dt.datetime) -> Manifest:
    """Copy the home of a configuration, and the protocol of its data folder, to a folder that is not there yet.

    It is made beside its place, and moved there once its manifest is written: a copy that is there is whole.

    Parameters
    ----------
    configuration, file
        Configuration, and its YAML file, which is copied, too.
    target
        Folder to make; an empty one may be there.
    now
        Time of the copy, UTC.

    Raises
    ------
    CopyError
        The folder has something in it, or is within the data folder's home; there is nothing to copy.
    WarehouseError
        Something of it is damaged, or was in use for too long: the message names it.
    """
    target = target.resolve()  # `.` has no name
    _assert_free(configuration, target)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir(parents=True)
        manifest = _copied(configuration, file, partial, now)
        write_manifest(partial, manifest)
        partial.replace(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_folder(target.parent)
    return manifest


def table_hashes(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the hash of the rows of each table of an open warehouse, by its name; views follow from tables."""
    names = [
        f"{schema}.{name}"
        for schema, name in connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database() "
            "AND NOT internal ORDER BY ALL"
        ).fetchall()
    ]
    store = PartitionStore.opened(connection)
    in_store = () if store is None else store.tables
    inside = {f"{META}.{PREFIX}{name}" for name in in_store}  # rows of the tables that are hashed by their own names
    kept = {*names, *in_store} - {*_OF_A_PLACE, *inside}
    return {name: content_of(connection, Selected.of_table(name, Whole())) for name in sorted(kept)}


def files_of(home: Path) -> Iterator[Path]:
    """Yield the files of a home that belong into a copy, by their paths in it."""
    for path in sorted(home.rglob("*")):
        inside = path.relative_to(home)
        passes = any(part.endswith(_PASSING) or part.startswith(SNAPSHOTS) for part in inside.parts)
        of_sqlite = path.name.endswith(tuple(f"{_SQLITE}{each}" for each in _BESIDE_SQLITE))
        if path.is_file() and not path.is_symlink() and not passes and not of_sqlite:
            yield inside


def copy_file(source: Path, target: Path) -> str:
    """Copy a file with its times, put it on disk, and return the SHA-256 of what was read."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("xb") as copy:
        while piece := file.read(_PIECE):
            digest.update(piece)
            copy.write(piece)
        copy.flush()
        os.fsync(copy.fileno())
    shutil.copystat(source, target)
    return digest.hexdigest()


def copy_database(source: Path, target: Path) -> str:
    """Copy a SQLite database as of its last commit, whoever writes to it; return the SHA-256 of the copy.

    It is opened to write, as its users do: only so SQLite takes back what a killed process left half done.

    Raises
    ------
    CopyError
        It cannot be read.
    LockedError
        Who writes to it did not end in time.
    OSError
        The copy cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + DATABASE_SECONDS

    def waited(status: int, _left: int, _pages: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > ends:
            raise _in_use(source)  # `backup` asks again without end, whatever its timeout

    try:
        with (
            closing(
                sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True, timeout=DATABASE_SECONDS)
            ) as reader,
            closing(sqlite3.connect(target)) as writer,
        ):
            reader.backup(writer, progress=waited)
            ((found,),) = writer.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.DatabaseError as error:
        if _is_sound(source):
            raise OSError(errno.EIO, str(error), str(target)) from error
        found = str(error)
    if found != "ok":
        raise CopyError(
            block(
                "a database cannot be read, so nothing was copied",
                file=source,
                cause=found,
                what_to_do="restore the last copy (trading-assets restore DIR), or move the file aside",
            )
        )
    shutil.copymode(source, target)
    with target.open("rb") as copy:
        os.fsync(copy.fileno())
    return sha256_of(target)


def _assert_free(configuration: Configuration, target: Path) -> None:
    inside = target.resolve().is_relative_to(configuration.data.resolve())
    if inside:
        raise CopyError(
            block(
                "the copy would be within the data folder that it is of",
                folder=target,
                what_to_do="choose a folder elsewhere, best on another disk",
            )
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CopyError(
            block("there is something already", folder=target, what_to_do="choose a folder that is not there yet")
        )
    if not configuration.warehouse_path.exists():
        raise CopyError(
            block(
                "there is no warehouse to copy yet", file=configuration.warehouse_path, what_to_do="trading-assets run"
            )
        )


def _is_sound(database: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True, timeout=1)) as connection:
            ((found,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.DatabaseError:
        return False
    return bool(found == "ok")


def _in_use(source: Path) -> LockedError:
    return LockedError(
        block(
            f"a database is in use: gave up after waiting {DATABASE_SECONDS:g} s",
            file=source,
            what_to_do="close who writes to it (a shell, a notebook) and run this again",
        )
    )


def _unwritten(partial: Path, source: Path, error: OSError) -> CopyError:
    return CopyError(
        block(
            "the copy cannot be made; nothing of it is left",
            folder=partial.parent,
            of=source,
            cause=error.strerror,
            what_to_do="free some space there, allow to write there, or choose another folder",
        )
    )


@contextmanager
def _held(configuration: Configuration) -> Iterator[tuple[duckdb.DuckDBPyConnection, tuple[Record, ...]]]:
    """Hold warehouse, registry and protocol, once no log of a run that was killed is left beside them."""
    home, protocol = configuration.home, Protocol.of(configuration)
    for _ in range(_TRIES):
        for path in (configuration.warehouse_path, protocol.path):
            if log_of(path).exists():  # it belongs into the file
                with open_to_write(path, WAIT_SECONDS):
                    pass
        with ExitStack() as held:
            # In the order in which a step takes them.
            warehouse = held.enter_context(open_to_read(configuration.warehouse_path, WAIT_SECONDS))
            if database_of(home).exists():
                held.enter_context(file_lock(database_of(home), exclusive=False, patience=Patience(WAIT_SECONDS)))
            records = held.enter_context(protocol.held())
            if not any(log_of(path).exists() for path in (configuration.warehouse_path, protocol.path)):
                yield warehouse, records
                return
    raise CopyError(
        block(
            "processes are killed again and again while they write, so nothing was copied",
            file=configuration.warehouse_path,
            what_to_do="stop what runs, then run this again",
        )
    )


def _copied(configuration: Configuration, file: Path, partial: Path, now: dt.datetime) -> Manifest:
    home = configuration.home
    files = dict[str, str]()
    with _held(configuration) as (warehouse, records):
        PartitionStore.assert_sound(warehouse, configuration.warehouse_path, ())
        tables = table_hashes(warehouse)
        for inside in files_of(home):
            copy = copy_database if inside.suffix == _SQLITE else copy_file
            try:
                files[f"{HOME}/{inside}"] = copy(home / inside, partial / HOME / inside)
            except FileNotFoundError:  # a page that a run is writing anew
                continue
            except OSError as error:  # named here: the databases that are held open would take it for theirs
                raise _unwritten(partial, home / inside, error) from error
        if records:
            for name in (FILE, HEAD_FILE):
                try:
                    files[f"{PROTOCOL}/{name}"] = copy_file(configuration.data / name, partial / PROTOCOL / name)
                except OSError as error:
                    raise _unwritten(partial, configuration.data / name, error) from error
        files.pop(f"{HOME}/{mark_of(configuration.warehouse_path).name}", None)
    mark_of(partial / HOME / configuration.warehouse_path.name).unlink(missing_ok=True)
    files[CONFIGURATION_FILE] = copy_file(file, partial / CONFIGURATION_FILE)
    for folder in sorted({(partial / name).parent for name in files}):
        sync_folder(folder)
    return Manifest(
        configuration=configuration.name,
        config_hash=configuration.hash,
        made_at=now.isoformat(timespec="seconds"),
        product=__version__,
        duckdb=duckdb.__version__,
        records=len(records),
        row_hash=records[-1].row_hash if records else "",
        folder=str(records[0].payload["id"]) if records else "",
        files=files,
        tables=tables,
    )
