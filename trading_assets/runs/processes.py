"""Which process a run is in, written so that nobody takes another process for it, and whether it still is.

A number of a process is given again: to another process, after a restart of the machine, and in each container. So
the mark of a process names its place (machine and name space of numbers), the start of the machine, and its own start.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Literal, NamedTuple

State = Literal["alive", "gone", "unknown"]
#: A process is older than what it has said; clocks are read a little apart.
_SLACK_SECONDS = 5.0
_PROC = Path("/proc")
#: Set where containers of one host name are one machine, and all that work at a time see each other's processes.
ONE_MACHINE = "TRADING_ASSETS_ONE_MACHINE"


class Mark(NamedTuple):
    """A process.

    Attributes
    ----------
    place
        Machine, and on Linux the name space of its numbers: of another place nothing can be said here.
    boot
        Start of the machine; empty where the system does not tell.
    pid, start
        Its number, and when it was started, as the system writes it.
    """

    place: str
    boot: str
    pid: int
    start: str

    def __str__(self) -> str:
        return f"{self.place} {self.boot or '-'} {self.pid} {self.start}"


def this_process() -> Mark:
    """Return the mark of this process."""
    return Mark(_place(), _boot(), os.getpid(), _start(os.getpid()) or "-")


def read_mark(text: str) -> Mark | None:
    """Return the mark that `str` has written; None if it is none."""
    parts = text.split(" ", 3)
    if len(parts) < 4 or not parts[2].isdigit():
        return None
    return Mark(parts[0], "" if parts[1] == "-" else parts[1], int(parts[2]), parts[3])


def state_of(mark: Mark) -> State:
    """Return whether a process is alive, gone, or of a place that cannot be seen from here."""
    if mark.place != _place():
        is_ours = os.environ.get(ONE_MACHINE) == "1" and _name_of(mark.place) == _name_of(_place())
        return "gone" if is_ours else "unknown"  # a container that went took its name space along
    if mark.boot != _boot():
        return "gone"
    return "alive" if _start(mark.pid) == mark.start else "gone"


def spoke_at(pid: int, moment: float) -> State:
    """Return whether the process of a number that said something at a moment is alive, where it left no mark.

    Parameters
    ----------
    pid
        Number of a process of this machine.
    moment
        Seconds since 1970.
    """
    age = _age_seconds(pid)
    if age is None:
        return "gone"
    return "alive" if time.time() - age <= moment + _SLACK_SECONDS else "gone"


def _name_of(place: str) -> str:
    return place.partition("/")[0]


def _place() -> str:
    name = platform.node().replace(" ", "_") or "unnamed"
    try:
        return f"{name}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return name


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _start(pid: int) -> str | None:
    """When a process was started, in the system's own words; None: there is none, or only its exit code is left."""
    if (_PROC / "self/stat").exists():
        try:
            text = (_PROC / str(pid) / "stat").read_text()
        except OSError:
            return None
        # The name of the program, in brackets, may hold anything: what comes after the last one is parted by spaces.
        state, *numbers = text.rpartition(")")[2].split()
        return None if state in "ZX" else numbers[18]
    return _told(pid, "lstart=")


def _age_seconds(pid: int) -> float | None:
    start = _start(pid)
    if start is None:
        return None
    if start.isdigit():
        return float((_PROC / "uptime").read_text().split()[0]) - int(start) / os.sysconf("SC_CLK_TCK")
    clock = _told(pid, "etime=")
    return None if clock is None else _seconds(clock)


def _seconds(clock: str) -> float:
    """Seconds of `[[dd-]hh:]mm:ss`."""
    days, _, rest = clock.rpartition("-")
    total = 0
    for part in rest.split(":"):
        total = total * 60 + int(part)
    return float(int(days or 0) * 86_400 + total)


def _told(pid: int, what: str) -> str | None:
    """What `ps` says of a process, where the system has no /proc."""
    said = subprocess.run(["ps", "-o", what, "-p", str(pid)], capture_output=True, text=True, check=False)
    return said.stdout.strip() or None
