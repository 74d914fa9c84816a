"""Restrict what this process may read, write and connect to, by the kernel: Linux's Landlock.

Python's own audit events see `open` alone: Polars, DuckDB and Arrow read files past them. The kernel sees them all,
and what the process starts inherits its restrictions.

References
----------
Landlock: https://docs.kernel.org/userspace-api/landlock.html. Rights by version of the interface: 1 files, 2 moving,
3 truncating, 4 TCP, 5 devices, 6 signals and abstract sockets.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls, the same on every architecture
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_NO_NEW_PRIVILEGES = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_READ = _EXECUTE | _READ_FILE | _READ_DIR
#: Character and block devices, sockets: nobody needs to make one.
_MAKE_SPECIAL = (1 << 6) | (1 << 9) | (1 << 11)
_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP, _SCOPES = 3, 3


def version() -> int:
    """Return the version of Landlock's interface; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))))


def restrict(read: Iterable[Path], write: Iterable[Path]) -> None:
    """Take from this thread, and from all that it starts, what is not beneath these paths.

    Parameters
    ----------
    read
        Files and folders that may be read and run; those that do not exist are left out.
    write
        Folders in which anything may be done.

    Raises
    ------
    OSError
        The kernel cannot, or does not.
    """
    abi = version()
    if not abi:
        raise OSError("this platform has no Landlock")
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise OSError("threads that are already running would not be restricted")
    handled = _RIGHTS_BY_VERSION[max(each for each in _RIGHTS_BY_VERSION if each <= abi)]
    ruleset = _ruleset(handled, abi)
    try:
        for path in read:
            _allow(ruleset, path, _READ & handled)
        for path in write:
            _allow(ruleset, path, handled & ~_MAKE_SPECIAL)
        _call(_libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
        _call(_libc().syscall(_RESTRICT, ruleset, 0), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _ruleset(handled: int, abi: int) -> int:
    words = [handled, *([_TCP] if abi >= 4 else []), *([_SCOPES] if abi >= 6 else [])]
    attributes = struct.pack(f"{len(words)}Q", *words)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    return _call(_libc().syscall(_CREATE, buffer, ctypes.c_size_t(len(attributes)), 0), "landlock_create_ruleset")


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_FILES
        attributes = ctypes.create_string_buffer(struct.pack("=Qi", rights, descriptor), 12)
        _call(_libc().syscall(_ADD, ruleset, _PATH_BENEATH, attributes, 0), f"landlock_add_rule for {path}")
    finally:
        os.close(descriptor)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
