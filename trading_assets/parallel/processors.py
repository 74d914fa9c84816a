"""How many processors a computation may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_granted: ContextVar[int | None] = ContextVar("granted", default=None)


def processors() -> int:
    """Return how many threads are worth while here: the processors that this process may run on, or what was granted.

    The affinity and not the machine: of a container, a batch system or `taskset` it is smaller.
    """
    granted = _granted.get()
    if granted is not None:
        return granted
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@contextmanager
def granted(threads: int) -> Iterator[None]:
    """Within it, `processors` is this number: of one of many workers on a machine it is 1."""
    token = _granted.set(threads)
    try:
        yield
    finally:
        _granted.reset(token)
