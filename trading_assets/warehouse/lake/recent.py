"""Rows of the newest months of a table of the store, which are kept inside of the database: they change every day."""

from __future__ import annotations

import json
from collections.abc import Mapping

import duckdb
import polars as pl

from trading_assets.warehouse.quoting import quote
from trading_assets.warehouse.slices import Slice
from trading_assets.warehouse.storage import META, where_of

#: What the names of tables that hold such rows begin with, in the warehouse's own schema.
PREFIX = "recent "
_ROWS = "recent rows to write"
_COLUMNS, _FIRST = "columns", "inside_from"


class Recent:
    """The rows inside of one table of the store: those from a month on, and those without a date.

    Parameters
    ----------
    connection
        Database, open to write; or to read, for what only looks.
    table, first_month
        ``schema.table``, and the first month whose rows are inside, such as ``2016-01``.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: str, first_month: str) -> None:
        self._connection, self.first_month = connection, first_month
        self.source = f"{quote(META)}.{quote(PREFIX + table)}"

    def has(self, partition: str) -> bool:
        """Return whether rows of a partition are inside: its key is a month, or ``undated``, which follows all."""
        return partition >= self.first_month

    def fit(self, columns: Mapping[str, str]) -> None:
        """Make the table, or bring its columns to these types; a column that it lacks is added."""
        declared = ", ".join(f"{quote(name)} {type_}" for name, type_ in columns.items())
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {self.source} ({declared})").fetchall()
        stored = {row[0]: str(row[1]) for row in self._connection.execute(f"DESCRIBE {self.source}").fetchall()}
        for name, type_ in columns.items():
            if name not in stored:
                self._alter(f"ADD COLUMN {quote(name)} {type_}")
            elif stored[name] != type_:
                self._alter(f"ALTER COLUMN {quote(name)} TYPE {type_}")

    def clear(self, slice_: Slice) -> None:
        """Remove the rows of a slice."""
        where, values = where_of("", (), slice_)
        self._connection.execute(f"DELETE FROM {self.source}{where}", values).fetchall()

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows, whose columns the table has."""
        self._connection.register(_ROWS, rows.to_arrow())
        self._connection.execute(f"INSERT INTO {self.source} BY NAME FROM {quote(_ROWS)}").fetchall()
        self._connection.unregister(_ROWS)

    def select(self, columns: Mapping[str, str]) -> str:
        """Return the SELECT of its rows, with columns of these types, all of which it has."""
        chosen = ", ".join(f"CAST({quote(name)} AS {type_}) AS {quote(name)}" for name, type_ in columns.items())
        return f"SELECT {chosen} FROM {self.source}"

    def drop(self) -> None:
        """Remove the table with its rows."""
        self._connection.execute(f"DROP TABLE IF EXISTS {self.source}").fetchall()

    def _alter(self, change: str) -> None:
        self._connection.execute(f"ALTER TABLE {self.source} {change}").fetchall()


def read_entry(said: str) -> tuple[dict[str, str], str | None]:
    """Return columns of a table, and the month from which on its rows are inside, as `written_entry` has them."""
    entry = json.loads(said)
    if isinstance(entry, list):
        return dict(entry), None
    return dict(entry[_COLUMNS]), str(entry[_FIRST])


def written_entry(columns: Mapping[str, str], first_month: str | None) -> str:
    """Return the text of `meta.lake_tables`: that of earlier versions where all rows of a table are in files."""
    listed = list(columns.items())
    return json.dumps(listed if first_month is None else {_COLUMNS: listed, _FIRST: first_month})
