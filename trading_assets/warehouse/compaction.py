"""The database file written anew without the room of rows that are gone: DuckDB keeps that room for later rows.

All is copied to a file beside it, compared table by table, synced, and moved to its place in one step, under the
exclusive lock: at any moment the file is the old or the new one. What is in the partition store stays where it is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import duckdb

from trading_assets.warehouse.connection import open_to_read, open_to_write
from trading_assets.warehouse.content import Selected, content_of
from trading_assets.warehouse.errors import WarehouseError, block
from trading_assets.warehouse.quoting import literal, quote
from trading_assets.warehouse.slices import Whole

_NEW = ".new"
_COPY = "compacted file"


@dataclass(frozen=True)
class Room:
    """Bytes of a database file, and how many of them hold nothing."""

    size: int
    free: int

    @property
    def share(self) -> float:
        """Share of the file that holds nothing."""
        return self.free / self.size if self.size else 0.0


def room_of(path: Path, wait_seconds: float) -> Room:
    """Return the room of a database; of one that is not there none.

    Parameters
    ----------
    path, wait_seconds
        Database, and how long to wait for who writes to it.
    """
    if not path.exists():
        return Room(0, 0)
    with open_to_read(path, wait_seconds) as connection:
        ((used,),) = connection.execute(
            "SELECT block_size * used_blocks FROM pragma_database_size() WHERE database_name = current_database()"
        ).fetchall()
        size = path.stat().st_size  # free blocks at its end may be cut off already
    return Room(size, max(size - used, 0))


def compact(path: Path, wait_seconds: float) -> Room:
    """Write a database anew, and return the room of the file that is there then.

    Tables have the same rows, in the same order; commits are numbered on; ledgers stay ledgers.

    Parameters
    ----------
    path, wait_seconds
        Database, and how long to wait for whoever uses it.

    Raises
    ------
    WarehouseError
        There is no room for the copy, it is in use, or the copy is not the same. The file is the old one.
    """
    new = path.with_name(f"{path.name}{_NEW}")
    with open_to_write(path, wait_seconds) as connection:
        remove_left_over(path)
        try:
            connection.execute("CHECKPOINT").fetchall()
            _copy(connection, path, new)
            _sync(new)
            new.replace(path)
        except BaseException:
            remove_left_over(path)
            raise
        _sync(path.parent)
    return room_of(path, wait_seconds)


def remove_left_over(path: Path) -> None:
    """Remove what a process left that was killed on the way; call under the exclusive lock."""
    for name in (f"{path.name}{_NEW}", f"{path.name}{_NEW}.wal"):
        path.with_name(name).unlink(missing_ok=True)


def _copy(connection: duckdb.DuckDBPyConnection, path: Path, new: Path) -> None:
    ((own,),) = connection.execute("SELECT current_database()").fetchall()
    try:
        connection.execute(f"ATTACH {literal(str(new.resolve()))} AS {quote(_COPY)}").fetchall()
        _copy_tables(connection, own)
        before = _said(connection, own)
        after = _said(connection, _COPY)
        if before != after:
            other = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
            raise WarehouseError(
                block(
                    f"the copy is not the same in {', '.join(other)}; the file is the one that was there",
                    file=path,
                    what_to_do="trading-assets verify; if all is as it was written, report this",
                )
            )
    finally:
        connection.execute(f"USE {quote(own)}").fetchall()
        if _is_attached(connection):
            connection.execute(f"DETACH {quote(_COPY)}").fetchall()


def _copy_tables(connection: duckdb.DuckDBPyConnection, own: str) -> None:
    """Copy tables as they are declared, with their rows as they stand, then views; these are of the copy's tables."""
    schemas = _rows(
        connection,
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = ? AND NOT internal ORDER BY ALL",
        own,
    )
    tables = _rows(
        connection,
        "SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE database_name = ? AND NOT internal"
        " ORDER BY ALL",
        own,
    )
    views = _rows(
        connection,
        "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE database_name = ? AND NOT internal ORDER BY ALL",
        own,
    )
    connection.execute(f"USE {quote(_COPY)}").fetchall()
    for (schema,) in schemas:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}").fetchall()
    connection.execute("BEGIN").fetchall()  # one commit, so that small tables share blocks
    for schema, name, sql in tables:
        # The text that DuckDB keeps names schema and table, and no database.
        connection.execute(sql).fetchall()
        inside = f"{quote(schema)}.{quote(name)}"
        connection.execute(f"INSERT INTO {quote(_COPY)}.{inside} FROM {quote(own)}.{inside}").fetchall()
    connection.execute("COMMIT").fetchall()
    waiting = [sql for _, _, sql in views]
    while waiting:  # a view may read another one, whose name comes later
        left = []
        for sql in waiting:
            try:
                connection.execute(sql).fetchall()
            except (duckdb.CatalogException, duckdb.BinderException) as error:
                left.append((sql, error))
        if len(left) == len(waiting):
            raise left[0][1]
        waiting = [sql for sql, _ in left]


def _said(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, str]:
    """Declaration and hash of the rows of each table, and the text of each view, by name."""
    connection.execute(f"USE {quote(database)}").fetchall()
    found = {
        f"{schema}.{name}": f"{sql} {content_of(connection, Selected.of_table(f'{schema}.{name}', Whole()))}"
        for schema, name, sql in _rows(
            connection,
            "SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE database_name = ? AND NOT internal",
            database,
        )
    }
    views = _rows(
        connection,
        "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE database_name = ? AND NOT internal",
        database,
    )
    return found | {f"{schema}.{name}": sql for schema, name, sql in views}


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, database: str) -> list[tuple[str, ...]]:
    return connection.execute(sql, [database]).fetchall()


def _is_attached(connection: duckdb.DuckDBPyConnection) -> bool:
    return bool(_rows(connection, "SELECT database_name FROM duckdb_databases() WHERE database_name = ?", _COPY))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
