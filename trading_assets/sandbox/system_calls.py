"""A filter of system calls: no connection, and nothing that outlives the process, by which it could tell a later one.

Each computation of code that is not ours has a process of its own, which must know nothing of others (see
`trading_assets.strategies.interface.plugin`). Files are closed by `landlock`; what the kernel keeps beside files is
here: shared memory, queues, keys, metadata of files, and what one process may set of another.

References
----------
seccomp: https://docs.kernel.org/userspace-api/seccomp_filter.html. Numbers: the tables of system calls of Linux
(arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h for ARM 64).
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_EACCES, _AF_UNIX = 13, 1
#: Calls of the other numbering of x86-64, whose numbers are these and more.
_X32 = 0x40000000

_REFUSED_ON_BOTH = {"pidfd_getfd": 438, "io_uring_setup": 425, "fchmodat2": 452}


@dataclass(frozen=True)
class _Machine:
    """Numbers of an architecture: its own, of `socket`, of calls on a process (0: this one), and of those refused."""

    architecture: int
    socket: int
    of_process: Sequence[int]
    refused: Sequence[int]


_MACHINES = {
    "x86_64": _Machine(
        architecture=0xC000003E,
        socket=41,
        of_process=(
            *(302, 203),  # prlimit64, sched_setaffinity
            *(144, 142, 314),  # sched_setscheduler, sched_setparam, sched_setattr
        ),
        refused=(
            *(29, 30, 31),  # shmget, shmat, shmctl
            *(64, 65, 66, 220),  # semget, semop, semctl, semtimedop
            *(68, 69, 70, 71),  # msgget, msgsnd, msgrcv, msgctl
            *(240, 248, 249, 250),  # mq_open, add_key, request_key, keyctl
            *(112, 109, 141, 251),  # setsid, setpgid, setpriority, ioprio_set
            *(101, 310, 311, 323),  # ptrace, process_vm_readv, process_vm_writev, userfaultfd
            *(272, 308),  # unshare, setns
            *(90, 91, 268),  # chmod, fchmod, fchmodat
            *(92, 93, 94, 260),  # chown, fchown, lchown, fchownat
            *(132, 235, 261, 280),  # utime, utimes, futimesat, utimensat
            *(188, 189, 190, 197, 198, 199),  # setxattr, lsetxattr, fsetxattr, and the three that remove
            *_REFUSED_ON_BOTH.values(),
        ),
    ),
    "aarch64": _Machine(
        architecture=0xC00000B7,
        socket=198,
        of_process=(261, 122, 119, 118, 274),
        refused=(
            *(194, 195, 196),  # shmget, shmctl, shmat
            *(190, 191, 192, 193),  # semget, semctl, semtimedop, semop
            *(186, 187, 188, 189),  # msgget, msgctl, msgrcv, msgsnd
            *(180, 217, 218, 219),  # mq_open, add_key, request_key, keyctl
            *(157, 154, 140, 30),  # setsid, setpgid, setpriority, ioprio_set
            *(117, 270, 271, 282),  # ptrace, process_vm_readv, process_vm_writev, userfaultfd
            *(97, 268),  # unshare, setns
            *(52, 53),  # fchmod, fchmodat
            *(54, 55),  # fchownat, fchown
            88,  # utimensat
            *(5, 6, 7, 14, 15, 16),  # setxattr, lsetxattr, fsetxattr, and the three that remove
            *_REFUSED_ON_BOTH.values(),
        ),
    ),
}

_LOAD, _EQUAL, _AT_LEAST, _ANSWER = 0x20, 0x15, 0x35, 0x06  # classic BPF
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # places in what a filter is given
_REFUSE, _ALLOW = 0x00050000 | _EACCES, 0x7FFF0000


def close_channels() -> bool:
    """Refuse this process, and all that it starts, every socket but those of files, and what outlives it.

    Returns
    -------
    bool
        Whether that could be done: not on machines other than x86-64 and ARM 64.
    """
    machine = _MACHINES.get(platform.machine()) if sys.platform == "linux" else None
    if machine is None:
        return False
    code = b"".join(struct.pack("HBBI", *each) for each in _program(machine))
    buffer = ctypes.create_string_buffer(code)
    header = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_SET_SECCOMP, _FILTER, ctypes.create_string_buffer(header), 0, 0) == 0)


def _program(machine: _Machine) -> list[tuple[int, int, int, int]]:
    """Instructions: what to do, how many to skip if it is so and if not, and the number that it is about."""
    begin = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, machine.architecture),
        (_ANSWER, 0, 0, _REFUSE),  # another architecture has other numbers
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_ANSWER, 0, 0, _REFUSE),
    ]
    refused = [each for call in machine.refused for each in ((_EQUAL, 0, 1, call), (_ANSWER, 0, 0, _REFUSE))]
    by_argument = [
        each
        for call, allowed in ((machine.socket, _AF_UNIX), *((call, 0) for call in machine.of_process))
        for each in (
            (_EQUAL, 0, 4, call),
            (_LOAD, 0, 0, _FIRST_ARGUMENT),
            (_EQUAL, 1, 0, allowed),
            (_ANSWER, 0, 0, _REFUSE),
            (_ANSWER, 0, 0, _ALLOW),
        )
    ]
    return [*begin, *refused, *by_argument, (_ANSWER, 0, 0, _ALLOW)]
