"""Let the system fail at the n-th call of a process that changes a file of a folder, as a debugger can.

    python -m trading_assets_tests.faults.injected BEGUN KEPT FAULT FIRST STEP

For each call FIRST, FIRST + STEP, ... the folder BEGUN is copied, and `small_run` goes on in it, in a child to which
the call fails. Faults are ``kill`` (SIGKILL before the call), ``EIO``, ``ENOSPC`` (that call alone) and ``full`` (from
that call on everything that needs space). What is left is ``KEPT/<number>_<call>_<fault>``; how the child ended is in
``<...>.ended``. Linux on x86-64. The program itself uses neither Polars nor DuckDB, whose threads survive no fork.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import sys
from pathlib import Path

from trading_assets_tests.protocol.stopped_process import (
    _CALL_INFO,
    _CONTINUE_TO_CALL,
    _ENTRY,
    _OPTIONS,
    _SET_OPTIONS,
    _TRACE_ME,
    _X86_64,
    _CallInfo,
    _ptrace,
)

FAULTS = ("kill", "EIO", "ENOSPC", "full")
_POKE_USER = 6
_ORIGINAL_CALL, _RESULT = 15 * 8, 10 * 8  # orig_rax, rax in `struct user_regs_struct`
_NEEDS_SPACE = {"write", "pwrite64", "writev", "pwritev", "fallocate", "openat", "mkdir"}
_BY_NAME = {"truncate": 0, "rename": 1, "mkdir": 0, "unlink": 0, "openat": 1, "unlinkat": 1, "renameat": 3}
_LONGEST = 4096


class Faulty:
    """A child that goes on with a run, and whose calls are counted and made to fail."""

    def __init__(self, folder: Path, fault: str, at: int) -> None:
        self.folder, self.fault, self.at = folder, fault, at
        self.number, self.name, self.ended = 0, "", ""

    def run(self) -> None:
        """Run it to its end."""
        pid = os.fork()
        if pid == 0:
            _ptrace(_TRACE_ME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            _child(self.folder)
        os.waitpid(pid, 0)
        _ptrace(_SET_OPTIONS, pid, 0, _OPTIONS)
        info, delivered, failing = _CallInfo(), 0, 0
        while True:
            _ptrace(_CONTINUE_TO_CALL, pid, 0, delivered or None)
            _, status = os.waitpid(pid, 0)
            if not os.WIFSTOPPED(status):
                self.ended = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else ""
                return
            delivered = 0 if os.WSTOPSIG(status) == signal.SIGTRAP | 0x80 else os.WSTOPSIG(status)
            if delivered:
                continue
            _ptrace(_CALL_INFO, pid, ctypes.sizeof(info), ctypes.addressof(info))
            if info.operation != _ENTRY:
                if failing:
                    _ptrace(_POKE_USER, pid, _RESULT, ctypes.c_uint64(-failing).value)
                    failing = 0
                continue
            name = _X86_64.get(info.number)
            if name is None or not self._is_ours(pid, name, info):
                continue
            self.number += 1
            if self.number == self.at:
                self.name = name
                if self.fault == "kill":
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    self.ended = "killed"
                    return
            failing = self._error(name)
            if failing:
                _ptrace(_POKE_USER, pid, _ORIGINAL_CALL, ctypes.c_uint64(-1).value)

    def _error(self, name: str) -> int:
        if self.fault == "full":
            return errno.ENOSPC if self.number >= self.at and name in _NEEDS_SPACE else 0
        if self.number != self.at or self.fault == "kill":
            return 0
        return int(getattr(errno, self.fault))

    def _is_ours(self, pid: int, name: str, info: _CallInfo) -> bool:
        """Whether a call changes a file of the folder; to open counts if it may create or empty one."""
        arguments = info.arguments
        if name == "openat" and not arguments[2] & (os.O_CREAT | os.O_TRUNC):
            return False
        if name in _BY_NAME:
            path = _text(pid, arguments[_BY_NAME[name]])
        else:
            try:
                path = str(Path(f"/proc/{pid}/fd/{ctypes.c_int(arguments[0]).value}").readlink())
            except OSError:
                return False
        return path.startswith(f"{self.folder}/")


def _text(pid: int, address: int) -> str:
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        try:
            memory.seek(address)
            return memory.read(_LONGEST).split(b"\0")[0].decode(errors="replace")
        except OSError:
            return ""


def _child(folder: Path) -> None:
    """Go on with the run; leave how it ended beside the folder, where no call fails."""
    try:
        from trading_assets_tests.faults.small_run import go_on

        go_on(folder / "data")
        said = "done"
    except BaseException as error:
        said = f"{type(error).__module__}.{type(error).__name__}: {error}"
    folder.with_name(f"{folder.name}.ended").write_text(said)
    os._exit(0)


def main(begun: Path, kept: Path, fault: str, first: int, step: int) -> None:
    """Let every `step`-th call fail, until there is none."""
    at = first
    while True:
        folder = kept / f"{at:04d}_{fault}"
        shutil.copytree(begun, folder)
        child = Faulty(folder, fault, at)
        child.run()
        if not child.name:  # there are fewer calls
            shutil.rmtree(folder)
            folder.with_name(f"{folder.name}.ended").unlink(missing_ok=True)
            return
        ended = folder.with_name(f"{folder.name}.ended")
        if child.ended:
            ended.write_text(child.ended)
        folder.rename(kept / f"{at:04d}_{child.name}_{fault}")
        ended.rename(kept / f"{at:04d}_{child.name}_{fault}.ended")
        at += step


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
