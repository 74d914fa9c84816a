"""Which files are the partitions of which table, kept in the database itself and changed in its transactions.

| table | a row is |
|---|---|
| `meta.lake` | one: the folder of the files, and whether tables that may be kept so begin in it |
| `meta.lake_tables` | a table: name, columns and types in order, and the month from which on rows are inside |
| `meta.lake_files` | a live file: table, partition, name, size, time, hash, rows, columns |

The view of a table reads the files that are on record, by their names. Files are written before the commit that names
them, and removed after the commit that no longer does: a process that is killed in between leaves files that nobody
reads, and which the next `sweep` removes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import duckdb
import polars as pl

from trading_assets.warehouse.lake.part_files import (
    PartFile,
    assert_as_written,
    remove,
    sync_folder,
    unnamed,
    with_other_time,
    write_part,
)
from trading_assets.warehouse.lake.recent import Recent, read_entry, written_entry
from trading_assets.warehouse.quoting import literal, quote, quoted

_CREATE = (
    "CREATE TABLE IF NOT EXISTS meta.lake (root VARCHAR NOT NULL, is_on BOOLEAN NOT NULL)",
    "CREATE TABLE IF NOT EXISTS meta.lake_tables (table_name VARCHAR NOT NULL, columns VARCHAR NOT NULL)",
    "CREATE TABLE IF NOT EXISTS meta.lake_files (table_name VARCHAR NOT NULL, partition VARCHAR NOT NULL,"
    " file VARCHAR NOT NULL, size BIGINT NOT NULL, modified_ns BIGINT NOT NULL, sha256 VARCHAR NOT NULL,"
    " row_count BIGINT NOT NULL, columns VARCHAR NOT NULL)",
)

_STATE = "table_name, partition, file, size, modified_ns, sha256, row_count"

Columns = Mapping[str, str]


def lake_folder(path: Path) -> Path:
    """Return the folder of the files of a database: `lake` beside `warehouse.duckdb`."""
    own = path.resolve()
    return own.with_name("lake" if own.stem == "warehouse" else f"{own.stem}.lake")


class PartitionStore:
    """The tables of an open database whose rows are in files, partition by partition.

    A partition is known by a key: any text, such as ``2016-01``. What is done here is done with the transaction that it
    is part of.

    Parameters
    ----------
    connection
        Database, open to write; or to read, for what only looks.

    Attributes
    ----------
    root
        Folder of the files.
    is_on
        Whether tables that are declared by month, and are not there yet, begin here.
    tables
        Columns of each table and their types.
    recent
        Tables of which months from one on are kept inside of the database.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, root: Path, *, is_on: bool) -> None:
        self._connection, self.root, self.is_on = connection, root, is_on
        self.tables: dict[str, dict[str, str]] = {}
        self.recent: dict[str, Recent] = {}
        for name, said in connection.execute("FROM meta.lake_tables ORDER BY ALL").fetchall():
            self.tables[name], first = read_entry(said)
            if first is not None:
                self.recent[name] = Recent(connection, name, first)
        self._touched: set[str] = set()

    @classmethod
    def opened(cls, connection: duckdb.DuckDBPyConnection) -> PartitionStore | None:
        """Return the store of a database, None if it has none. Call outside of a transaction, which that would end."""
        try:
            found = connection.execute("FROM meta.lake").fetchall()
        except duckdb.CatalogException:
            return None
        return cls(connection, Path(found[0][0]), is_on=found[0][1]) if found else None

    @classmethod
    def is_moved(cls, connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
        """Return whether the files of a database are not where its views look for them: the data folder was moved."""
        root = lake_folder(path)
        if not root.is_dir():
            return False
        try:
            return connection.execute("SELECT root FROM meta.lake").fetchall() not in ([], [(str(root),)])
        except duckdb.CatalogException:
            return False

    @classmethod
    def assert_sound(cls, connection: duckdb.DuckDBPyConnection, path: Path, names: Collection[str]) -> None:
        """Check the files of tables that are read, see `part_files.assert_as_written`. Call outside of a transaction.

        Parameters
        ----------
        connection, path
            Open database, and its file.
        names
            Tables, of which any may be kept elsewhere; none: all that are kept in files.
        """
        root = lake_folder(path)
        if not root.is_dir():
            return
        try:
            files = connection.execute(
                f"SELECT {_STATE}, '[]' FROM meta.lake_files"
                " WHERE len($names) = 0 OR list_contains($names, table_name)",
                {"names": sorted(names)},
            ).fetchall()
        except duckdb.CatalogException:
            return
        assert_as_written(root, map(_file, files))

    @classmethod
    def begun(cls, connection: duckdb.DuckDBPyConnection, root: Path, *, is_on: bool) -> PartitionStore:
        """Return the store, made if there is none, in this folder, on or off.

        Parameters
        ----------
        connection
            Database, open to write, in a transaction.
        root
            Folder of the files, absolute. Views are put right if it was another one.
        is_on
            Whether new tables begin in it.
        """
        for statement in (*_CREATE, "DELETE FROM meta.lake"):
            connection.execute(statement).fetchall()
        connection.execute("INSERT INTO meta.lake VALUES (?, ?)", [str(root), is_on]).fetchall()
        store = cls(connection, root, is_on=is_on)
        for name in store.tables:
            store._define_view(name)
        return store

    def files(self, table: str | None = None) -> list[PartFile]:
        """Return the live files of a table, or of all, by partition."""
        found = self._connection.execute(
            f"SELECT {_STATE}, columns FROM meta.lake_files WHERE table_name = coalesce(?, table_name) ORDER BY ALL",
            [table],
        ).fetchall()
        return [_file(row) for row in found]

    def define(self, table: str, columns: Columns, partitions: Mapping[str, Iterable[PartFile]]) -> None:
        """Put files in place of those of some partitions of a table, which is made if there is none.

        Parameters
        ----------
        table
            ``schema.table``: no table inside of the database has this name.
        columns
            Name and type of all columns, in order: a column that a file lacks is null there, of another type cast.
        partitions
            Files of each partition that changes, as `write` made them; none: the partition is gone.
        """
        self._touched.add(table)
        recent = self.recent.get(table)
        if recent is not None:
            recent.fit(columns)
        said = written_entry(columns, None if recent is None else recent.first_month)
        self._connection.execute("DELETE FROM meta.lake_tables WHERE table_name = ?", [table]).fetchall()
        self._connection.execute("INSERT INTO meta.lake_tables VALUES (?, ?)", [table, said]).fetchall()
        self._connection.execute(
            "DELETE FROM meta.lake_files WHERE table_name = ? AND list_contains(?, partition)", [table, [*partitions]]
        ).fetchall()
        rows = [
            [*each, json.dumps(file.columns)]
            for files in partitions.values()
            for file in files
            for each in [(file.table, file.partition, file.name, file.size, file.modified_ns, file.sha256, file.rows)]
        ]
        if rows:
            sync_folder(self.root, table)
            self._connection.executemany("INSERT INTO meta.lake_files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self.tables[table] = dict(columns)
        self._define_view(table)

    def write(
        self,
        table: str,
        partition: str,
        rows: pl.DataFrame,
        columns: Iterable[tuple[str, str]],
        known: Iterable[PartFile] = (),
    ) -> PartFile:
        """Return a file of rows, written if it is not among those known, live once `define` names it.

        Parameters
        ----------
        table, partition
            ``schema.table``, and the key of the partition.
        rows, columns
            Rows, and name and DuckDB type of each of their columns.
        known
            Files of the partition that are live.
        """
        self._touched.add(table)
        return write_part(self.root, table, partition, rows, columns, known)

    def source_of(self, files: Iterable[PartFile], columns: Columns, recent: Recent | None = None) -> str:
        """Return the SELECT of all rows of files, with columns of these types.

        Files that have the same columns are read together. Nothing is guessed from the names of files and folders.

        Parameters
        ----------
        files, columns
            The files, and name and type of each column.
        recent
            Rows inside of the database that belong to them; None: there are none.
        """
        groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for file in files:
            groups.setdefault(file.columns, []).append(literal(str(file.path(self.root))))
        selects = []
        for stored, paths in groups.items():
            has = dict(stored)
            chosen = ", ".join(
                f"CAST({quote(name) if name in has else 'NULL'} AS {type_}) AS {quote(name)}"
                for name, type_ in columns.items()
            )
            selects.append(f"SELECT {chosen} FROM read_parquet([{', '.join(paths)}], hive_partitioning = false)")
        if recent is not None:
            selects.append(recent.select(columns))
        if not selects:
            nothing = ", ".join(f"CAST(NULL AS {type_}) AS {quote(name)}" for name, type_ in columns.items())
            return f"SELECT {nothing} WHERE false"
        return " UNION ALL ".join(selects)

    def select_of(self, table: str) -> str:
        """Return the SELECT of all rows of a table, those in files and those inside."""
        return self.source_of(self.files(table), self.tables[table], self.recent.get(table))

    def keep_inside(self, table: str, first_month: str | None) -> None:
        """Say from which month on new rows of a table are kept inside of the database; None: all are in files.

        What is there already is not moved: `placement.place` does that.
        """
        known = self.recent.pop(table, None)
        if first_month is not None:
            self.recent[table] = Recent(self._connection, table, first_month)
        elif known is not None:
            known.drop()

    def assert_as_written(self, table: str | None = None) -> None:
        """Check the files of a table, or of all, see `part_files.assert_as_written`."""
        assert_as_written(self.root, self.files(table))

    def copied(self, table: str) -> list[PartFile]:
        """Return files of a table that have another time than on record and the same bytes, with the time they have."""
        found = (with_other_time(self.root, file) for file in self.files(table))
        return [file for file in found if file is not None]

    def confirm(self, files: Iterable[PartFile]) -> None:
        """Put the times of copied files on record: their bytes are hashed no more."""
        for file in files:
            self._connection.execute(
                "UPDATE meta.lake_files SET modified_ns = ? WHERE table_name = ? AND file = ?",
                [file.modified_ns, file.table, file.name],
            ).fetchall()

    def forget(self, table: str) -> None:
        """Take a table out: its view and what is on record of it; its files are removed by `sweep`."""
        for name in ("lake_files", "lake_tables"):
            self._connection.execute(f"DELETE FROM meta.{name} WHERE table_name = ?", [table]).fetchall()
        self._connection.execute(f"DROP VIEW {quoted(table)}").fetchall()
        self.tables.pop(table, None)
        recent = self.recent.pop(table, None)
        if recent is not None:
            recent.drop()
        self._touched.add(table)

    def left_over(self, tables: Iterable[str]) -> dict[str, list[Path]]:
        """Return files of tables that no row of the manifest names."""
        live: dict[str, set[str]] = {}
        for file in self.files():
            live.setdefault(file.table, set()).add(file.name)
        found = {table: unnamed(self.root, table, live.get(table, set())) for table in tables}
        return {table: paths for table, paths in found.items() if paths}

    def sweep(self, tables: Iterable[str] = ()) -> None:
        """Remove files that no row of the manifest names: of what changed here, and of these tables.

        Call outside of the transaction, after its end, while nobody else has the database open.
        """
        for table, paths in self.left_over({*self._touched, *tables}).items():
            remove(self.root, table, paths)

    @contextmanager
    def swept(self, tables: Iterable[str] = ()) -> Iterator[None]:
        """Sweep at the end of the block, in which a transaction committed or failed: then new files are removed."""
        try:
            yield
        finally:
            with suppress(duckdb.Error):  # of a database that failed: the next sweep removes them
                self.sweep(tables)

    def _define_view(self, table: str) -> None:
        select = self.select_of(table)
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(table.split('.', maxsplit=1)[0])}").fetchall()
        self._connection.execute(f"CREATE OR REPLACE VIEW {quoted(table)} AS {select}").fetchall()


def _file(row: tuple[str, str, str, int, int, str, int, str]) -> PartFile:
    table, partition, name, size, modified_ns, sha256, rows, columns = row
    return PartFile(table, partition, name, size, modified_ns, sha256, rows, _columns(columns))


@lru_cache(maxsize=64)
def _columns(said: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, type_) for name, type_ in json.loads(said))
