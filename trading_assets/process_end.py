"""The end of a process, without taking apart what it has loaded."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn


def end_after(work: Callable[[], object]) -> NoReturn:
    """Do some work and end the process with its exit code.

    Threads are waited for, functions registered with `atexit` are called and what was printed is written, as ever. Not
    taken apart are the modules, object by object, which after a run takes an eighth of all its processor time; the
    system takes back the memory at once. What ends in an error, or cannot be written, ends as Python does it.
    """
    code: object = 0
    try:
        work()
    except SystemExit as end:
        code = end.code or 0
    if not isinstance(code, int):
        raise SystemExit(code)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed on the other side, or here, or not there
            raise SystemExit(code) from None
    os._exit(code & 0xFF)
