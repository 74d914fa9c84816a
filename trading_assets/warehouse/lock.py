"""A file lock beside the database: exclusive to write, shared to read.

`flock` belongs to an open file, not to a process, so it also keeps threads apart, and the kernel frees it
when its holder dies. It is unreliable on many network mounts: keep the data folder on a local disk.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from trading_assets.metering import LOCK_WAIT_SECONDS, LOCK_WAITS, count
from trading_assets.warehouse.errors import LockedError, block

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05  # seconds
#: Seconds of waiting after which a person should know why nothing happens.
_SILENT = 10.0

logger = logging.getLogger(__name__)


class Patience:
    """How long one operation may still wait, whatever it waits for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._pause = _SHORTEST_PAUSE
        self._notice = time.monotonic() + _SILENT
        self._waited = False

    def pause(self, path: Path, holder: Callable[[], str]) -> None:
        """Sleep a little, with jitter so that waiters do not march in step; after some seconds say once for whom.

        Raises
        ------
        LockedError
            The time is up; names `path` and its `holder`.
        """
        if time.monotonic() >= self._end:
            raise LockedError(
                block(
                    f"the warehouse is in use: gave up after waiting {self._seconds:g} s",
                    file=path,
                    held_by=holder(),
                    what_to_do="close that process (a DuckDB shell, a notebook, another run) and run this again",
                )
            )
        if time.monotonic() >= self._notice:
            self._notice = self._end
            logger.warning("%s is held by %s: waiting up to %g s", path, holder(), self._seconds)
        seconds = random.uniform(0.5, 1.0) * self._pause
        count(LOCK_WAIT_SECONDS, seconds)
        if not self._waited:
            count(LOCK_WAITS)
        self._waited = True
        time.sleep(seconds)
        self._pause = min(self._pause * 1.5, _LONGEST_PAUSE)


@contextmanager
def file_lock(path: Path, *, exclusive: bool, patience: Patience) -> Iterator[None]:
    """Hold the lock of the database at `path`.

    Who wants it first passes a queue lock, which a waiting writer keeps: readers that follow each other
    without a gap cannot starve it.

    Parameters
    ----------
    path
        Database; its locks are files beside it.
    exclusive
        Whether nobody else may read it meanwhile.
    patience
        How long to wait for whoever has it.

    Raises
    ------
    LockedError
        Not free in time.
    OSError
        The lock file can be neither created nor opened.
    """
    mode = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    with ExitStack() as held:
        with _flock(path.with_name(f"{path.name}.queue"), mode, patience):
            held.enter_context(_flock(path.with_name(f"{path.name}.lock"), mode, patience))
        yield


@contextmanager
def _flock(path: Path, mode: int, patience: Patience) -> Iterator[None]:
    descriptor = _open(path, mode)
    if descriptor is None:
        yield
        return
    try:
        while True:
            try:
                fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                patience.pause(path, lambda: _holder(path))
        yield
    finally:
        # Not left to close(): a forked child would keep the lock alive.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _open(path: Path, mode: int) -> int | None:
    """Open the lock file; None if a reader needs none, because nobody can write in this folder."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        if mode == fcntl.LOCK_EX or error.errno not in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None


def holder_of(path: Path) -> str | None:
    """Return who holds the lock of the database at `path`, so that others wait; None: nobody, or a reader."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except BlockingIOError:
        return _holder(lock)
    finally:
        os.close(descriptor)
    return None


def _holder(path: Path) -> str:
    try:
        locks = Path("/proc/locks").read_text()
    except OSError:  # not Linux
        return "another process"
    pids = re.findall(rf"FLOCK\s+\S+\s+\S+\s+(\d+)\s+\S+:{path.stat().st_ino}\s", locks)
    others = sorted({int(pid) for pid in pids})
    return f"process {', '.join(map(str, others))}" if others else "another process"
