"""Machine code, compiled once for all test processes: an entry point of the engine takes half a minute."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Mapping
from pathlib import Path

from trading_assets.machine_code_ahead import PARTS

ENTRY_POINTS: Mapping[str, Callable[[], None]] = {name: part.compile for name, part in PARTS.items()}


def compile_once(folder: Path, entry_points: Mapping[str, Callable[[], None]] = ENTRY_POINTS) -> list[str]:
    """Compile each entry point in one of the processes that share a folder; return after all are compiled.

    Parameters
    ----------
    folder
        Holds the locks. Each process compiles what no other has begun, then waits for what others compile; the code
        itself is kept where numba keeps it, and read from there.

    Returns
    -------
    list of str
        What this process compiled, or found compiled before anybody else looked.
    """
    own = []
    for name, run in entry_points.items():
        done = folder / f"{name}.compiled"
        with (folder / f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if not done.exists():
                run()
                done.touch()
                own.append(name)
    for name in entry_points:
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
    return own
