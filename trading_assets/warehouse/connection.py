"""Opening the DuckDB file: under the lock, at the current schema version, closed whatever happens."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

import duckdb

from trading_assets.warehouse.commit_mark import (
    assert_nothing_lost,
    begin_count,
    clear_mark,
    commits_of,
    count_commit,
    log_of,
    mark_of,
    set_mark,
)
from trading_assets.warehouse.errors import LockedError, TooLongError, WarehouseError, block
from trading_assets.warehouse.instance import attached
from trading_assets.warehouse.lake.store import PartitionStore, lake_folder
from trading_assets.warehouse.lock import Patience, file_lock
from trading_assets.warehouse.migrations import create, is_current, migrate

_NEW = ".new"
#: Files that are open to write, by their connections: what is made beside its place is none of them.
_written_to: dict[int, Path] = {}


class _Held(threading.local):
    """Files that blocks of a thread hold open to read, once for each block."""

    def __init__(self) -> None:
        self.files: list[Path] = []

    def has(self, path: Path) -> bool:
        """Return whether a block of this thread holds the file."""
        return bool(self.files) and path.resolve() in self.files


_held = _Held()
_STORAGE_ERRORS = (duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException)


@contextmanager
def open_to_read(path: Path, wait_seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a read-only connection to an existing file, under the shared lock; an older file is migrated first.

    Within a block of `held_to_read` of the same thread the file is open and locked already.

    Raises
    ------
    WarehouseError
        Locked for too long, newer, unreadable, or a statement failed.
    """
    if _held.has(path):
        with _told(path, write=False), attached(path, write=False) as connection:
            yield connection
        return
    patience = Patience(wait_seconds)
    with _connected(path, write=False, patience=patience) as connection:
        is_moved = PartitionStore.is_moved(connection, path)
        if is_current(connection, path) and not is_moved:
            yield connection
            return
    try:
        with open_to_write(path, wait_seconds):
            pass
    except WarehouseError as error:
        if not is_moved or isinstance(error, LockedError):
            raise
        raise WarehouseError(_where_files_are(path, error)) from error
    with _connected(path, write=False, patience=patience) as connection:
        yield connection


@contextmanager
def held_to_read(path: Path, wait_seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield what `open_to_read` does; whatever this thread reads of the file within the block joins it.

    To open a file takes longer than most reads, and a second lock would wait for a writer that waits for the first one.

    Raises
    ------
    WarehouseError
        See `open_to_read`.
    """
    with open_to_read(path, wait_seconds) as connection:
        # Blocks of generators end in any order, one that nobody goes on with in any thread.
        files, held = _held.files, path.resolve()
        files.append(held)
        try:
            yield connection
        finally:
            files.remove(held)


@contextmanager
def open_to_write(path: Path, wait_seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection under the exclusive lock; the file is created or migrated if need be.

    Raises
    ------
    WarehouseError
        Locked for too long, newer, not writable, or a statement failed.
    """
    if _held.has(path):
        raise LockedError(
            block("to write would wait for ever: this thread holds the warehouse open to read", file=path)
        )
    with _connected(path, write=True, patience=Patience(wait_seconds)) as connection:
        if not is_current(connection, path):
            with transaction(connection):
                migrate(connection, path)
        if PartitionStore.is_moved(connection, path):
            store = PartitionStore.opened(connection)
            with transaction(connection):
                PartitionStore.begun(connection, lake_folder(path), is_on=store is not None and store.is_on)
        yield connection


@contextmanager
def transaction(
    connection: duckdb.DuckDBPyConnection, commit_within: AbstractContextManager[object] | None = None
) -> Iterator[None]:
    """Write all or nothing: commit at the end (inside `commit_within`), roll back on any exception."""
    path = _written_to.get(id(connection))
    is_counted = path is None or commits_of(connection) is not None  # asked before: that it is not ends a transaction
    connection.execute("BEGIN").fetchall()
    try:
        yield
        if not is_counted:
            begin_count(connection)
        number = count_commit(connection) if path is not None else 0
        with commit_within or nullcontext():
            connection.execute("COMMIT").fetchall()
            if path is not None:
                set_mark(path, number)
    except BaseException:
        with suppress(duckdb.Error):  # a failed commit has rolled back already; the first error is the one to tell
            connection.execute("ROLLBACK").fetchall()
        raise


@contextmanager
def stopped_after(connection: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
    """Stop what a connection does once it takes longer: who reads holds up whoever writes.

    Raises
    ------
    TooLongError
        It took longer than `seconds`; None: it may take any time.
    """
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.InterruptException:
        raise TooLongError(
            block(
                f"the query was stopped after {seconds:g} s: runs cannot write while it reads",
                what_to_do="ask for less, or wait longer (`--timeout`)",
            )
        ) from None
    finally:
        timer.cancel()


@contextmanager
def _told(path: Path, *, write: bool) -> Iterator[None]:
    """Tell what fails in the block as a fault of the warehouse."""
    try:
        yield
    except duckdb.Error as error:
        raise WarehouseError(_explain(error, path, write)) from error
    except OSError as error:
        raise WarehouseError(_explain_storage(str(error), path, write)) from error


@contextmanager
def _connected(path: Path, *, write: bool, patience: Patience) -> Iterator[duckdb.DuckDBPyConnection]:
    with _told(path, write=write):
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with file_lock(path, exclusive=write, patience=patience):
                if write and not path.exists():
                    _create(path)
                with ExitStack() as opened:
                    try:
                        if mark_of(path).exists():
                            with attached(path, write=False) as left:  # as it is: to write puts the log into the file
                                assert_nothing_lost(left, path)
                        connection = opened.enter_context(attached(path, write=write))
                    except duckdb.Error as error:
                        holder = _foreign_holder(error)
                        if holder is None:
                            raise
                    else:
                        if not write:
                            yield connection
                            return
                        _written_to[id(connection)] = path
                        try:
                            yield connection
                        finally:
                            del _written_to[id(connection)]
                            opened.close()  # whatever failed after a commit: the file has the commit now
                            clear_mark(path)
                        return
            # Waited for without our lock: a reader may get through where a writer cannot.
            patience.pause(path, partial(str, holder))


def _create(path: Path) -> None:
    """Create the file beside its place, then move it there: a kill leaves no half-made database."""
    new = path.with_name(f"{path.name}{_NEW}")
    for leftover in (new, log_of(new), log_of(path), mark_of(path)):
        leftover.unlink(missing_ok=True)
    with attached(path, write=True, beside=_NEW) as connection, transaction(connection):
        create(connection)
    new.replace(path)


def _foreign_holder(error: duckdb.Error) -> str | None:
    """Who else has the file open, not using our lock; None if that is not what `error` says."""
    held = re.search(r"Conflicting lock is held(?: in (?P<program>.+?))? \(PID (?P<pid>\d+)\)", str(error))
    if held:
        return f"process {held['pid']} ({held['program'] or 'unknown program'})"
    if "Could not set lock" in str(error):
        return "another process"
    if "Unique file handle conflict" in str(error):
        return f"process {os.getpid()} (this one: a connection opened outside of the warehouse)"
    return None


def _where_files_are(path: Path, cause: WarehouseError) -> str:
    return block(
        "the data folder was moved, and the views of the warehouse name files where they were",
        file=path,
        cause=str(cause).splitlines()[0],
        what_to_do="open it once where it may be written, as by trading-assets sql; then it can be read anywhere",
    )


def _explain(error: duckdb.Error, path: Path, write: bool) -> str:
    if "WAL file" in str(error):
        return block(
            "the write-ahead log of the warehouse is damaged: commits that are in it alone cannot be read",
            file=log_of(path),
            cause=str(error).splitlines()[0],
            what_to_do="restore a copy (trading-assets restore DIR); to go on with what the file has, move the log and "
            f"{mark_of(path).name} aside: the next run computes the rest",
        )
    if ".parquet" in str(error):
        return block(
            "a file of the warehouse cannot be read",
            file=path,
            cause=error,
            what_to_do=f"keep {lake_folder(path).name} beside the database when you copy or move it; "
            "what is lost comes from a backup, or is made again by trading-assets run --recompute",
        )
    if isinstance(error, _STORAGE_ERRORS):
        return _explain_storage(str(error), path, write)
    return block("the warehouse refused a statement", file=path, cause=error)


def _explain_storage(cause: str, path: Path, write: bool) -> str:
    return block(
        f"cannot {'write to' if write else 'read'} the warehouse; what it held is unchanged",
        file=path,
        cause=cause,
        what_to_do="check free space, permissions and that the file is a DuckDB database; then run this again",
    )
