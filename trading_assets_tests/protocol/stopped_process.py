"""Stop a process at every call to the kernel that changes a file, as a debugger does; run as a program of its own.

    python -m trading_assets_tests.protocol.stopped_process DATA KEPT

It makes a look and its result in a copy of DATA, in a child that is stopped at the entry of each such call. What the
files of the folder are then is what a SIGKILL at that moment leaves behind: the kernel keeps what was written. Each
state is copied to ``KEPT/<number>_<call>``. At calls that sync the head or rename, another child is really killed, and
its folder is kept as ``KEPT/<number>_<call>_killed``. Files ``*.done`` say what the child had finished by then.

Linux on x86-64 or 64-bit ARM. The program itself uses neither Polars nor DuckDB, whose threads survive no fork.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from trading_assets.protocol import RETURNS, Protocol

_X86_64 = {
    1: "write",
    18: "pwrite64",
    20: "writev",
    74: "fsync",
    75: "fdatasync",
    76: "truncate",
    77: "ftruncate",
    82: "rename",
    83: "mkdir",
    87: "unlink",
    257: "openat",
    263: "unlinkat",
    264: "renameat",
    285: "fallocate",
    296: "pwritev",
    316: "renameat2",
}
_AARCH64 = {
    34: "mkdirat",
    35: "unlinkat",
    38: "renameat",
    45: "truncate",
    46: "ftruncate",
    47: "fallocate",
    56: "openat",
    64: "write",
    66: "writev",
    68: "pwrite64",
    70: "pwritev",
    82: "fsync",
    83: "fdatasync",
    276: "renameat2",
}
CALLS = {"x86_64": _X86_64, "aarch64": _AARCH64}.get(platform.machine(), {})
#: Calls at which a process is really killed, besides its state being kept.
KILLING = {"fsync", "rename", "renameat", "renameat2"}
_TRACE_ME, _CONTINUE_TO_CALL, _SET_OPTIONS, _CALL_INFO = 0, 24, 0x4200, 0x420E
_OPTIONS = 0x1 | 0x100000  # mark stops at calls; kill the child if this program ends
_ENTRY = 1
NOON = dt.datetime(2026, 11, 21, 12)


class _CallInfo(ctypes.Structure):
    """The beginning of `struct ptrace_syscall_info`."""

    _fields_ = (
        ("operation", ctypes.c_uint8),
        ("padding", ctypes.c_uint8 * 3),
        ("architecture", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
    )


_kernel = ctypes.CDLL(None, use_errno=True)
_kernel.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_kernel.ptrace.restype = ctypes.c_long


def _ptrace(request: int, pid: int, address: int = 0, data: int | None = None) -> int:
    done = int(_kernel.ptrace(request, pid, ctypes.c_void_p(address), ctypes.c_void_p(data)))
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done


def look_and_result(data: Path) -> None:
    """Make a look with a content, then its result; leave a file for each that is finished."""
    import polars as pl

    curve = pl.DataFrame({"session": [dt.date(2020, 1, 2)], "value": [0.01]})
    protocol = Protocol(data, "research")
    protocol.append("look", "trend", {"look": 1}, now=NOON, contents={RETURNS: curve})
    (data / "look.done").touch()
    protocol.append("result", "trend", {"sharpe": 1.5}, now=NOON)
    (data / "result.done").touch()


def stopped(action: Callable[[], None], at_call: Callable[[int, str], bool]) -> None:
    """Run `action` in a child that is stopped at each call of `CALLS`; `at_call` says whether to kill it there.

    A call to open a file counts if it may create or empty one.
    """
    pid = os.fork()
    if pid == 0:
        _ptrace(_TRACE_ME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        try:
            action()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    _ptrace(_SET_OPTIONS, pid, 0, _OPTIONS)
    info, number, delivered = _CallInfo(), 0, 0
    while True:
        _ptrace(_CONTINUE_TO_CALL, pid, 0, delivered or None)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            return
        delivered = 0 if os.WSTOPSIG(status) == signal.SIGTRAP | 0x80 else os.WSTOPSIG(status)
        if delivered:
            continue
        _ptrace(_CALL_INFO, pid, ctypes.sizeof(info), ctypes.addressof(info))
        name = CALLS.get(info.number) if info.operation == _ENTRY else None
        if name is None or (name == "openat" and not info.arguments[2] & (os.O_CREAT | os.O_TRUNC)):
            continue
        number += 1
        if at_call(number, name):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return


def main(data: Path, kept: Path) -> None:
    """Keep the state at each call, and that after a kill at each call of `KILLING`."""
    work = kept / "work"
    calls: list[tuple[int, str]] = []

    def keep(number: int, name: str) -> bool:
        shutil.copytree(work, kept / f"{number:04d}_{name}")
        calls.append((number, name))
        return False

    shutil.copytree(data, work)
    stopped(partial(look_and_result, work), keep)
    for number, name in calls:
        if name in KILLING:
            killed = kept / f"{number:04d}_{name}_killed"
            shutil.copytree(data, killed)
            stopped(partial(look_and_result, killed), partial(_is_at, number))


def _is_at(wanted: int, number: int, _: str) -> bool:
    return number == wanted


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
