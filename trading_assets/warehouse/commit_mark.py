"""A mark beside a database, from a commit until the commit is in the file: so a lost write-ahead log is noticed.

DuckDB puts a commit into its write-ahead log (``warehouse.duckdb.wal``) and syncs it; the file has it once it is
closed. A process that is killed in between leaves both, and whoever opens the file next reads both. Where the log is
gone by then, is empty, or was cut, DuckDB opens what the file has and says nothing: commits that were made are lost.

So each transaction counts itself (`meta.sequence`), and its number is written to ``warehouse.duckdb.committed``, which
goes as the log goes. Who finds the mark compares. The mark is not synced: it tells of logs that were deleted, cut or
left behind by a copy, and after a loss of power of what the system had written by then.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import duckdb

from trading_assets.warehouse.errors import WarehouseError, block

_ENDING = ".committed"
_LONGEST = 20  # digits
#: Databases whose rows no run computes again.
_LEDGERS = ("protocol.duckdb",)


class LostCommitsError(WarehouseError):
    """Commits that were made are in neither the file nor its write-ahead log."""


def mark_of(path: Path) -> Path:
    """Return the mark of a database."""
    return path.with_name(f"{path.name}{_ENDING}")


def log_of(path: Path) -> Path:
    """Return the write-ahead log of a database."""
    return path.with_name(f"{path.name}.wal")


def count_commit(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the number of the transaction that is about to commit; called in it, last."""
    found = connection.execute("UPDATE meta.sequence SET number = number + 1 RETURNING number").fetchall()
    return int(found[0][0])


def begin_count(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table of the number where an earlier version has made the file, or its row; called in a transaction."""
    connection.execute("CREATE TABLE IF NOT EXISTS meta.sequence (number BIGINT)").fetchall()
    connection.execute("DELETE FROM meta.sequence").fetchall()
    connection.execute("INSERT INTO meta.sequence VALUES (0)").fetchall()


def commits_of(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the number of the last commit that a database has; None where none was counted. Not in a transaction."""
    try:
        found = connection.execute("SELECT max(number) FROM meta.sequence").fetchall()
    except duckdb.CatalogException:
        return None
    return None if found[0][0] is None else int(found[0][0])


def set_mark(path: Path, number: int) -> None:
    """Write the number of a commit beside its database; the commit is made, whether that can be written or not."""
    with suppress(OSError):
        mark_of(path).write_text(str(number), encoding="ascii")


def clear_mark(path: Path) -> None:
    """Remove the mark, unless the log is still there."""
    if not log_of(path).exists():
        mark_of(path).unlink(missing_ok=True)


def assert_nothing_lost(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Check that a database, opened to read, has the commit that its mark says.

    Raises
    ------
    LostCommitsError
        It does not. Nothing was changed.
    """
    marked = _marked(path)
    found = commits_of(connection) or 0
    if marked is None or found >= marked:
        return
    lost = marked - found
    log = log_of(path)
    raise LostCommitsError(
        block(
            f"the last commits ({lost}) of this database are lost: its "
            f"write-ahead log {'was cut' if log.exists() and log.stat().st_size else 'is gone'}",
            file=path,
            expected=f"commit {marked} in {path.name} or {log.name}, as {mark_of(path).name} says; found {found}",
            what_to_do=f"put {log.name} back if you have it, or restore a copy (trading-assets restore DIR)"
            + (
                f"; nothing computes records again, so leave {mark_of(path).name} where it is"
                if path.name in _LEDGERS
                else f"; to go on with what is left, remove {mark_of(path).name}: the next run computes the rest, and "
                "what is on record elsewhere stays so"
            ),
        )
    )


def _marked(path: Path) -> int | None:
    try:
        text = mark_of(path).read_bytes()[: _LONGEST + 1]
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() and len(text) <= _LONGEST else None  # else killed while it was written
