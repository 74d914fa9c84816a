"""Fewer searches for garbage while millions of objects are made that stay, and memory given back after large work."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Objects that are made between two searches meanwhile; Python's own number is 700.
COLLECT_AFTER = 50_000
#: Bytes by which a process has grown that are worth a search, which takes a fifth of a second in a run.
LARGE = 64 * 2**20
_SIZES = Path("/proc/self/statm")

_LOCK = threading.Lock()
_BEFORE: list[tuple[int, int, int]] = []  # what held before the first of those that want it now, once for each


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let Python look for garbage less often: it takes a tenth of the time of compiling, and a seventh of imports'."""
    with _LOCK:
        before = _BEFORE[0] if _BEFORE else gc.get_threshold()
        _BEFORE.append(before)
        if before[0] > 0:  # else nobody looks
            gc.set_threshold(max(COLLECT_AFTER, before[0]), *before[1:])
    try:
        yield
    finally:
        with _LOCK:
            before = _BEFORE.pop()
            if not _BEFORE:
                gc.set_threshold(*before)


@contextmanager
def loaded_code_left_alone() -> Iterator[None]:
    """Let no search for garbage look at what is there before the block: half a million objects of imported modules.

    Nor at what a `memory_given_back` within the block has found to be no garbage: modules that its work has loaded.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def memory_given_back() -> Iterator[None]:
    """Give back to the system what the block leaves behind, if that is much: frames in circles, and free memory.

    Else the next large work stands on top of it. Without a `/proc` nobody knows, and nothing happens.
    """
    before = resident()
    try:
        yield
    finally:
        if resident() - before > LARGE:
            gc.collect()
            if gc.get_freeze_count():  # what is left is of modules that the block has loaded: of no interest, too
                gc.freeze()
            with suppress(AttributeError, OSError):  # of the GNU C library alone
                ctypes.CDLL(None).malloc_trim(0)


def resident() -> int:
    """Return the bytes of this process in memory; 0 where the system does not say."""
    try:
        return int(_SIZES.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
