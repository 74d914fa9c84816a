"""A copy of the database for a query that reads for long: whoever writes waits for the copy, not for the query.

A gigabyte is copied in about a second, without reflinks (docs/scale.md), so a query is first asked for a while under
the lock, as most are done by then.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trading_assets.warehouse.lake.store import lake_folder
from trading_assets.warehouse.lock import Patience, file_lock

#: Seconds that a query holds up whoever writes before it goes on with a copy.
HELD_SECONDS = 5.0
_YOUNG_SECONDS = 60.0
#: How their folders beside the database begin.
SNAPSHOTS = ".snapshot-"
_LOCK = "lock"
#: Bytes that are left free beside the copy.
_SPARE = 256 << 20


def can_be_copied(path: Path) -> bool:
    """Return whether a copy stands for the database: its tables are all in the file, and the disk has room for it."""
    if lake_folder(path).is_dir():  # files of a table are removed once nobody who holds the lock reads them
        return False
    size = sum(each.stat().st_size for each in _files(path))
    return shutil.disk_usage(path.parent).free > size + _SPARE


@contextmanager
def snapshot(path: Path, wait_seconds: float) -> Iterator[Path]:
    """Yield a copy of the database, made under the shared lock and removed at the end; those of the dead go, too.

    Parameters
    ----------
    path
        Database, without a partition store.
    wait_seconds
        How long to wait for who writes.

    Raises
    ------
    LockedError
        Somebody writes for longer than that.
    OSError
        It cannot be copied.
    """
    _remove_left_over(path.parent)
    folder = Path(tempfile.mkdtemp(prefix=SNAPSHOTS, dir=path.parent))
    try:
        with (folder / _LOCK).open("w") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX)
            with file_lock(path, exclusive=False, patience=Patience(wait_seconds)):
                for file in _files(path):
                    shutil.copyfile(file, folder / file.name)
            yield folder / path.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _files(path: Path) -> list[Path]:
    """The database, and the log of what is not in it yet."""
    return [each for each in (path, path.with_name(f"{path.name}.wal")) if each.exists()]


def _remove_left_over(folder: Path) -> None:
    """Remove copies whose process is gone: the system gave back their locks."""
    for left in folder.glob(f"{SNAPSHOTS}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime < _YOUNG_SECONDS:  # its process may be about to take the lock
                continue
            if not (left / _LOCK).exists():
                shutil.rmtree(left, ignore_errors=True)
                continue
            with (left / _LOCK).open("r+") as alive:
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
