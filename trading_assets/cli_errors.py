"""What went wrong beside what is expected to, in one block: full disks, read-only folders, broken databases."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator

#: Causes that a person can do something about, by the number of the system's error.
_ADVICE = {
    errno.ENOSPC: ("the disk is full", "free some space, or choose another folder with --data"),
    errno.EDQUOT: ("the quota of the disk is used up", "free some space, or choose another folder with --data"),
    errno.EROFS: ("the folder is on a read-only disk", "choose another folder with --data"),
    errno.EACCES: ("permission denied", "allow reading and writing there, or choose another folder with --data"),
    errno.EPERM: ("permission denied", "allow reading and writing there, or choose another folder with --data"),
}
_AGAIN = "run the same command again; what was written before is whole"


def in_words(error: BaseException) -> str:
    """Return one block for people: what, where, what to do."""
    if isinstance(error, KeyboardInterrupt):
        return f"stopped by Ctrl-C\n  what was written before is whole\n  what to do: {_AGAIN}"
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, OSError) and each.errno in _ADVICE:
            what, advice = _ADVICE[each.errno]
            place = f"\n  where: {each.filename}" if each.filename else ""
            return f"{what}{place}\n  what to do: {advice}; then {_AGAIN}"
    for each in chain:
        if isinstance(each, sqlite3.Error):
            return (
                f"a database of Dagster or of the model registry cannot be used\n  cause: {each}\n"
                "  where: dagster_home (DAGSTER_HOME, or below the data folder), or tracking.db of the configuration\n"
                "  what to do: end other runs; if it stays so, move the file aside: runs on record are lost with it, "
                "bars, results and the protocol are not"
            )
    first = str(error).strip().splitlines()
    return (
        f"{type(error).__name__}: {first[0] if first else 'no message'}\n"
        "  cause: nothing that the command expects\n"
        "  what to do: run it again with --debug, which prints where; what was written before is whole"
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was raised from, or beside, the last first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        origin = getattr(error, "orig", None)  # how SQLAlchemy keeps what the database said
        if isinstance(origin, BaseException):
            yield origin
        error = error.__cause__ or error.__context__
