"""What a process can leave for a later one, or tell others: nothing."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trading_assets.sandbox import process
from trading_assets.sandbox.process import RestrictedProcess, Task

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="no filter for this machine"
)

#: Each attempt prints its name if the kernel refuses it; those of `ALLOWED` must not be refused.
PROGRAM = """
import ctypes, os, resource, socket, sys
from pathlib import Path
from trading_assets.sandbox.system_calls import close_channels
file, parent = Path(sys.argv[1]), os.getppid()
libc = ctypes.CDLL(None, use_errno=True)

def called(name, *arguments):
    if getattr(libc, name)(*arguments) < 0 and ctypes.get_errno() == 13:
        raise PermissionError(name)

attempts = {
    "shared memory": lambda: called("shmget", 77, 4096, 0o1666),
    "semaphores": lambda: called("semget", 77, 1, 0o1666),
    "messages": lambda: called("msgget", 77, 0o1666),
    "limits of another": lambda: resource.prlimit(parent, resource.RLIMIT_CORE, (0, 0)),
    "processors of another": lambda: os.sched_setaffinity(parent, os.sched_getaffinity(0)),
    "priority of another": lambda: os.setpriority(os.PRIO_PROCESS, parent, 1),
    "a session of its own": os.setsid,
    "a group of its own": lambda: os.setpgid(0, 0),
    "times of a file": lambda: os.utime(file),
    "mode of a file": lambda: file.chmod(0o600),
    "attributes of a file": lambda: os.setxattr(file, "user.note", b"x"),
    "a datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "a packet": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
}
allowed = {
    "limits of its own": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "processors of its own": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    "a pair of sockets": lambda: socket.socketpair(),
    "a file": lambda: file.write_text("x"),
    "a child": lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
}
assert close_channels()
for name, attempt in {**attempts, **allowed}.items():
    try:
        attempt()
    except PermissionError:
        print(name)
sys.stdout.flush()
"""
REFUSED = [
    *("shared memory", "semaphores", "messages", "limits of another", "processors of another", "priority of another"),
    *("a session of its own", "a group of its own", "times of a file", "mode of a file", "attributes of a file"),
    *("a datagram", "a packet"),
]


def test_what_outlives_a_process_and_what_leaves_the_machine_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "file")], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == REFUSED


#: Starts another process, which would go on for a minute, and says its number.
STARTS = b"""
import subprocess
from trading_assets.sandbox.messages import ClosedError, receive, send

def serve(other, setup, enforced):
    while True:
        try:
            receive(other)
        except ClosedError:
            return
        send(other, {"number": subprocess.Popen(["/bin/sleep", "60"], close_fds=False).pid})
"""


def test_what_a_process_started_ends_with_it(tmp_path: Path) -> None:
    sources = {"starts": (STARTS, str(tmp_path / "starts.py"), False)}
    running = RestrictedProcess(Task("starts", "starts", sources, (), tmp_path, seconds=5.0, megabytes=300))
    number = running.ask({"do": "anything"})["number"]
    os.kill(number, 0)
    running.end()
    ended = time.monotonic() + 5.0
    while time.monotonic() < ended and _is_alive(number):
        time.sleep(0.05)
    assert not _is_alive(number)
    assert process._ALIVE.get(number) is None


def _is_alive(number: int) -> bool:
    """Whether it runs; one that ended and that nobody waited for does not."""
    status = Path(f"/proc/{number}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
