"""What went wrong beside what is expected to, in one block: full disks, read-only folders, broken databases.

An error reaches the terminal as it is, or from a step as the name of its class and its message: both say the same.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator

_OTHER_FOLDER = "choose another folder with --data"
#: Causes that a person can do something about, by the number of the system's error.
_ADVICE = {
    errno.ENOSPC: ("the disk is full", f"free some space, or {_OTHER_FOLDER}"),
    errno.EDQUOT: ("the quota of the disk is used up", f"free some space, or {_OTHER_FOLDER}"),
    errno.EFBIG: ("a file may not become so large here", f"raise the limit of the size of files, or {_OTHER_FOLDER}"),
    errno.EROFS: ("the folder is on a read-only disk", _OTHER_FOLDER),
    errno.EACCES: ("permission denied", f"allow reading and writing there, or {_OTHER_FOLDER}"),
    errno.EPERM: ("permission denied", f"allow reading and writing there, or {_OTHER_FOLDER}"),
    errno.EIO: ("the disk cannot be read or written", f"check it, or {_OTHER_FOLDER}"),
    errno.EMFILE: ("too many files are open", "raise the limit (`ulimit -n`), or end other runs"),
}
#: How databases and libraries write these, who know no numbers.
_WORDS = {
    "no space left on device": errno.ENOSPC,
    "database or disk is full": errno.ENOSPC,
    "disk quota exceeded": errno.EDQUOT,
    "file too large": errno.EFBIG,
    "read-only file system": errno.EROFS,
    "attempt to write a readonly database": errno.EROFS,
    "permission denied": errno.EACCES,
    "too many open files": errno.EMFILE,
}
_AGAIN = "run the same command again; what was written before is whole"
_OF_SQLITE = ("sqlite3.", "sqlalchemy.exc.", "alembic.")
_SQLITE_CLASSES = frozenset({"DatabaseError", "OperationalError", "IntegrityError", "NotSupportedError"})
_NUMBER = re.compile(r"\[Errno (\d+)\]")
_PLACE = re.compile(r"\[Errno \d+\][^:\n]*: '([^'\n]+)'|[Ff]ile \"([^\"\n]+)\"")
_BESIDE_SQL = re.compile(r"^\((?:sqlite3|_?duckdb)\.\w+\) ")


def in_words(error: BaseException) -> str:
    """Return one block for people: what, where, what to do."""
    if isinstance(error, KeyboardInterrupt):
        return f"stopped by Ctrl-C\n  what to do: {_AGAIN}"
    chain = list(_chain(error))
    known = known_cause((_class_name(each), str(each)) for each in chain)
    if known is not None:
        return known
    first = str(error).strip().splitlines()
    if first and type(error).__module__.startswith("trading_assets."):
        return str(error).strip()  # what this package says of something is said for people
    return (
        f"{type(error).__name__}: {first[0] if first else 'no message'}\n"
        "  cause: nothing that the command expects\n"
        "  what to do: run it again with --debug, which prints where; what was written before is whole"
    )


def known_cause(chain: Iterable[tuple[str, str]]) -> str | None:
    """Return the block for the first error of a chain that a person can do something about; None if there is none.

    Parameters
    ----------
    chain
        Name of the class, with its module where that is known, and message of each error.
    """
    errors = list(chain)
    for name, message in errors:
        number = _number(name, message)
        if number in _ADVICE:
            what, advice = _ADVICE[number]
            found = _PLACE.search(message)
            place = f"\n  where: {found[1] or found[2]}" if found else ""
            return f"{what}{place}\n  what to do: {advice}; then {_AGAIN}"
    for name, message in errors:
        if _is_of_sqlite(name):
            return _broken_database(message)
    return None


def _broken_database(message: str) -> str:
    lines = message.strip().splitlines()
    cause = _BESIDE_SQL.sub("", lines[0]) if lines else "no message"
    if "disk i/o error" in cause.lower():
        advice = f"look at the free space first: a full disk says so, too; free some, or {_OTHER_FOLDER}; then {_AGAIN}"
    elif "database is locked" in cause.lower():
        advice = "end the other run, or the UI, and run this again"
    else:
        advice = (
            "end other runs; if it stays so, move the file aside: runs on record are lost with it, "
            "bars, results and the protocol are not"
        )
    return (
        f"a database of Dagster or of the model registry cannot be used\n  cause: {cause}\n"
        "  where: dagster_home (DAGSTER_HOME, or below the data folder), or tracking.db of the configuration\n"
        f"  what to do: {advice}"
    )


def _number(name: str, message: str) -> int | None:
    """Return the number of the system's error that an error stands for; None if it stands for none."""
    written = _NUMBER.search(message)
    if written:
        return int(written[1])
    is_of_files = _is_of_sqlite(name) or name.rpartition(".")[2] in ("OSError", "PermissionError", "IOException")
    words = message.lower()
    return next((number for text, number in _WORDS.items() if text in words), None) if is_of_files else None


def _is_of_sqlite(name: str) -> bool:
    return name.startswith(_OF_SQLITE) or name in _SQLITE_CLASSES


def _class_name(error: BaseException) -> str:
    cls = type(error)
    return cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"


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
