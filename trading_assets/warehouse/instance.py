"""DuckDB instances that outlive their use of a file: starting one takes seven times as long as opening the file.

An instance is in memory and holds nothing. A file is attached to it for as long as somebody in this process uses it,
under the lock of `warehouse.lock`, and detached before that lock is given back: between two uses other processes find
the file closed, and what they write is read at the next use.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from trading_assets.warehouse.lake.store import lake_folder
from trading_assets.warehouse.quoting import literal, quote

#: What a query may hold before it goes on in the folder `_SPILLED`; by default four fifths of the machine's memory.
_MEMORY = "256MB"
# One thread: parallel float sums differ in the last bits from run to run. One group of rows, not five, is collected
# before it is written. The rest keeps a query inside the database: no files but its own, no network, no Python
# variables.
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "python_enable_replacements": False,
    "memory_limit": _MEMORY,
    "write_buffer_row_group_count": 1,
}
#: Says what is said already; DuckDB's allocator then keeps nothing back, else as much as was ever in use.
_GIVE_BACK = f"SET memory_limit = '{_MEMORY}'"
#: The database beside which one is made, and the files that DuckDB puts beside a database.
_OWN_FILES = tuple(
    f"{new}{ending}" for new in ("", ".new") for ending in ("", ".wal", ".wal.checkpoint", ".wal.recovery")
)
#: The folder of what does not fit into memory; only the end of the instance removes it.
_SPILLED = ".tmp"
#: Idle instances that are kept; a run uses one or two files, and each instance takes some memory.
KEPT = 4
#: Names of databases that each instance has.
_TAKEN = frozenset({"memory", "system", "temp"})

_instances: dict[str, _Instance] = {}
_lock = threading.Lock()


class _Instance:
    """A DuckDB instance that may open one file with its partition store, and nothing else."""

    def __init__(self, path: str) -> None:
        self.root = duckdb.connect(":memory:", config={**_SETTINGS, "temp_directory": f"{path}{_SPILLED}"})
        allowed = ", ".join(literal(path + ending) for ending in _OWN_FILES)
        self.root.execute(f"SET allowed_paths = [{allowed}]").fetchall()
        self.root.execute(f"SET allowed_directories = [{literal(f'{lake_folder(Path(path))}/')}]").fetchall()
        self.root.execute("SET enable_external_access = false").fetchall()
        #: As DuckDB names an opened file, so that a query may name it too.
        stem = Path(path).stem
        self.catalog = quote(f"{stem} file" if stem.lower() in _TAKEN else stem)
        self.users = 0
        self.writing = False
        self.failed = False


@contextmanager
def attached(path: Path, *, write: bool, beside: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a file, closed at the end of the block. Call under the file's lock, shared or exclusive.

    Parameters
    ----------
    beside
        Ending of the file that is meant, if it is made beside the one at `path`.

    Raises
    ------
    duckdb.Error
        It cannot be opened, or a statement failed.
    """
    own = str(path.resolve())
    instance = _enter(own, own + beside, write)
    try:
        connection = instance.root.cursor()
        try:
            connection.execute(f"USE {instance.catalog}").fetchall()
            yield connection
        finally:
            connection.close()
    except BaseException as error:
        # What a statement broke, or an interrupt left half done, is not used again.
        instance.failed |= isinstance(error, duckdb.Error) or not isinstance(error, Exception)
        raise
    finally:
        _leave(own, instance)


def give_back_memory(connection: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB give memory that it has finished with back to the system, which it does not with one thread."""
    connection.execute(_GIVE_BACK).fetchall()


def _enter(own: str, file: str, write: bool) -> _Instance:
    """Attach the file, or join those of this process who read it."""
    with _lock:
        instance = _instances.get(own)
        if instance is None or instance.failed or (instance.users and (write or instance.writing)):
            # The last without the file's lock alone: DuckDB then refuses to open the file twice.
            instance = _instances[own] = _Instance(own)
        if not instance.users:
            mode = "READ_WRITE" if write else "READ_ONLY"
            try:
                instance.root.execute(f"ATTACH {literal(file)} AS {instance.catalog} ({mode})").fetchall()
            except BaseException:
                _discard(own, instance)
                raise
            instance.writing = write
        instance.users += 1
        return instance


def _leave(own: str, instance: _Instance) -> None:
    """Detach the file if nobody else reads it; a last checkpoint that fails is told."""
    with _lock:
        instance.users -= 1
        if instance.users:
            return
        if instance.failed or _instances.get(own) is not instance or Path(f"{own}{_SPILLED}").exists():
            _discard(own, instance)
            return
        try:
            instance.root.execute(f"DETACH {instance.catalog}").fetchall()
            give_back_memory(instance.root)
        except BaseException:
            _discard(own, instance)
            raise
        _instances[own] = _instances.pop(own)  # the last used is the last to go
        for path, other in list(_instances.items())[:-KEPT]:
            if not other.users:
                _discard(path, other)


def _discard(own: str, instance: _Instance) -> None:
    """Close an instance and all that it has open."""
    if _instances.get(own) is instance:
        del _instances[own]
    instance.root.close()


def _forget() -> None:
    """Leave the parent's instances alone in a forked child: closing them there would write to the parent's files."""
    _inherited.append(dict(_instances))
    _instances.clear()
    _lock.release()


_inherited: list[dict[str, _Instance]] = []
os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_forget)
