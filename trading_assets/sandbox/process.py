"""The side that asks: start a restricted process, ask it, end it."""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from trading_assets.sandbox import boot
from trading_assets.sandbox.messages import ClosedError, TooLateError, receive, send

#: Environment that changes how libraries work; nothing else of it reaches the process: it may hold secrets and inputs.
_KEPT = ("PATH", "LANG", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
_KEPT_STARTS = ("LC_", "POLARS_", "OMP_", "MKL_", "OPENBLAS_", "RAYON_", "NUMEXPR_")
#: What the interpreter and its libraries read beside their own files.
_SYSTEM = (
    *(
        "/lib",
        "/lib64",
        "/bin",
        "/usr/bin",
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/share/zoneinfo",
        "/nix/store",
    ),
    *(
        "/usr/share/zoneinfo",
        "/nix/store",
        "/System/Library",
        "/etc/ld.so.cache",
        "/etc/localtime",
        "/etc/passwd",
        "/etc/nsswitch.conf",
    ),
    *("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system", "/sys/fs/cgroup"),
)
#: Whether processes are restricted where the kernel can; off only to see what is said where it cannot.
RESTRICTED = True
_LIBRARIES = frozenset({"site-packages", "dist-packages"})
_PACKAGE = Path(__file__).parents[1]
_MOST_OUTPUT = 64_000
#: Processes that wait for the next question at a time; the one that waited longest is ended for a further one.
_MOST_WAITING = 12


class StoppedError(Exception):
    """The process ended, or was ended, before it answered; `str()` says how and why."""


@dataclass(frozen=True)
class Task:
    """What a process is for.

    Attributes
    ----------
    name
        Name of the code, for messages.
    answers
        Dotted name of the module that answers in the process.
    sources
        Text, file and whether it is a package, of each module of the code, by dotted name.
    reads
        Files and folders that the code may read beside libraries.
    folder
        Where relative paths start.
    seconds, megabytes
        Limits: of one answer, of the memory of the process.
    """

    name: str
    answers: str
    sources: Mapping[str, tuple[bytes, str, bool]]
    reads: tuple[Path, ...]
    folder: Path
    seconds: float
    megabytes: int


@dataclass
class RestrictedProcess:
    """A process for one task: started when it is first asked, started anew after it ended or this process forked."""

    task: Task
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: _Running | None = None

    @property
    def started(self) -> int:
        """Number of the process that answers now; what was told to another one is forgotten."""
        with self._lock:
            return self._started().popen.pid

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Return the answer to a request, both of plain values.

        Raises
        ------
        StoppedError
            The process took too long, too much, or crashed.
        """
        with self._lock:
            running = self._started()
            try:
                send(running.socket, {**request, "seconds": self.task.seconds})
                answer = receive(running.socket, self.task.seconds)
            except TooLateError:
                self._end()
                raise StoppedError(
                    f"{self.task.name} did not answer within {self.task.seconds:g} seconds (limits.plugin_seconds)"
                ) from None
            except (ClosedError, pickle.UnpicklingError, EOFError) as error:
                raise StoppedError(self._epitaph(error)) from None
            running.forward_output()
            return answer

    def end(self) -> None:
        """End the process, if it runs."""
        with self._lock:
            self._end()

    def _started(self) -> _Running:
        running = self._running
        if running is None or running.owner != os.getpid() or running.popen.poll() is not None:
            if running is not None and running.owner == os.getpid():
                self._end()
            self._running = running = _start(self.task)
        _RECENT.pop(id(self), None)
        _RECENT[id(self)] = self
        for oldest in list(_RECENT.values())[:-_MOST_WAITING]:
            oldest._rest()
        return running

    def _rest(self) -> None:
        """End the process unless it is at work; the next question starts it anew."""
        if self._lock.acquire(blocking=False):
            try:
                self._end()
                _RECENT.pop(id(self), None)
            finally:
                self._lock.release()

    def _epitaph(self, error: Exception) -> str:
        running = self._running
        if running is None:
            return f"{self.task.name} could not be started"
        try:
            code: int | None = running.popen.wait(5)
        except subprocess.TimeoutExpired:
            code = None
        said = running.said().strip()
        self._end()
        how = f"ended with exit code {code}"
        if code is None:
            how = f"closed its end ({error})"
        elif code < 0:
            how = f"was ended by signal {-code} ({signal.Signals(-code).name})"
        if code == -signal.SIGXCPU:
            how += f": more than {self.task.seconds:g} seconds of work (limits.plugin_seconds)"
        elif "memory allocation of" in said or "bad_alloc" in said or "MemoryError" in said:
            how += f": no memory beyond {self.task.megabytes} MB (limits.plugin_memory_mb)"
        last = said.splitlines()[-1:]
        return f"the process of {self.task.name} {how}" + (f"; it said: {last[0][:200]}" if last else "")

    def _end(self) -> None:
        _RECENT.pop(id(self), None)
        running, self._running = self._running, None
        if running is not None and running.owner == os.getpid():
            running.end()


@dataclass
class _Running:
    popen: subprocess.Popen[bytes]
    socket: socket.socket
    scratch: Path
    output: IO[bytes]
    owner: int
    shown: int = 0

    def said(self) -> str:
        """Return what the process wrote since the last time, at most so much of it."""
        self.output.seek(0, os.SEEK_END)
        end = self.output.tell()
        self.output.seek(max(self.shown, end - _MOST_OUTPUT))
        self.shown = end
        return self.output.read().decode(errors="replace")

    def forward_output(self) -> None:
        """Show what the process wrote, beside our own messages: standard output may be a table."""
        if os.fstat(self.output.fileno()).st_size > self.shown:
            sys.stderr.write(self.said())

    def end(self) -> None:
        """End the process, which keeps nothing that matters; not one of a process that this one was forked from."""
        if self.owner != os.getpid():
            return
        self.socket.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)  # and what it started, which has no way out of its group
        self.popen.kill()
        self.popen.wait()
        self.output.close()
        shutil.rmtree(self.scratch, ignore_errors=True)
        _ALIVE.pop(self.popen.pid, None)


_ALIVE: dict[int, _Running] = {}
#: By the order of their last questions.
_RECENT: dict[int, RestrictedProcess] = {}


@atexit.register
def end_all() -> None:
    """End every process that this one started."""
    for running in list(_ALIVE.values()):
        running.end()


def readable() -> list[Path]:
    """Return what a Python process reads to run: the interpreter, its libraries and this package."""
    paths = sysconfig.get_paths()
    prefixes = {Path(each) for each in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)}
    found = [Path(each) for each in _SYSTEM]
    found += [Path(paths[kind]) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [prefix / part for prefix in prefixes for part in ("bin", "lib", "lib64", "pyvenv.cfg")]
    found += [Path(each) for each in sys.path if _LIBRARIES & set(Path(each).parts) or each.endswith(".zip")]
    found += [Path(each) for each in os.environ.get("LD_LIBRARY_PATH", "").split(":") if each.startswith("/")]
    found.append(_PACKAGE)
    return list(dict.fromkeys(each for each in found if each != Path("/")))


def _start(task: Task) -> _Running:
    ours, theirs = socket.socketpair()
    scratch = Path(tempfile.mkdtemp(prefix="plugin-"))
    output = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process ends)
    environment = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_STARTS)}
    environment |= {"HOME": str(scratch), "TMPDIR": str(scratch), "NUMBA_CACHE_DIR": str(scratch)}
    # The order of a set of texts is the same in every process.
    environment |= {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    with theirs:
        popen = subprocess.Popen(
            [sys.executable, "-P", "-s", boot.__file__, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # an interrupt at the terminal is ours to handle
        )
    running = _Running(popen, ours, scratch, output, os.getpid())
    _ALIVE[popen.pid] = running
    setup = {
        "path": list(sys.path),
        "answers": task.answers,
        "name": task.name,
        "sources": dict(task.sources),
        "read": [str(each) for each in (*readable(), *task.reads)],
        "write": [str(scratch)],
        "folder": str(task.folder),
        "restricted": RESTRICTED,
        "limits": {"megabytes": task.megabytes},
    }
    with contextlib.suppress(ClosedError):  # the first question will tell
        send(ours, setup)
    return running
