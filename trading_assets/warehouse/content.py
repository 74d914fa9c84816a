"""What a step read and wrote, as hashes of rows that can be computed again: whether anything of it has changed.

A hash is the number of rows and the sum of the hash of each: equal for equal rows in any order, and taken inside of
the database, which is a hundred times as fast as to read the rows. It tells changes and edits. Rows that somebody made
up to have the same hash are told by those of `protocol.written_rows`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import duckdb

from trading_assets.warehouse.quoting import quote, quoted
from trading_assets.warehouse.slices import Slice
from trading_assets.warehouse.storage import where_of

#: Hash of a table that is not there.
MISSING = "missing"
_EMPTY = "0:0"
_DAY, _TIME = "date", "time"


@dataclass(frozen=True)
class Selected:
    """Rows that were read or written: of a table, or the result of a query.

    Attributes
    ----------
    source
        Name of a table, or a SELECT.
    columns
        Columns that count, as they are stored; none: all of them.
    where, parameters
        SQL condition and what stands for each ``?``; of a query its parameters.
    is_query
        Whether `source` is a SELECT.
    of
        Names of the tables that the SELECT is of, as far as they are known.
    scope
        Bounds of the slice of the table; none: the whole of it.
    capped
        Column of dates, and the date as which later ones count; none: all count as they are.
    """

    source: str
    columns: tuple[str, ...] = ()
    where: str = ""
    parameters: tuple[object, ...] = ()
    is_query: bool = False
    of: tuple[str, ...] = ()
    scope: tuple[object, ...] = ()
    capped: tuple[object, ...] = ()

    @classmethod
    def of_table(
        cls,
        name: str,
        scope: Slice,
        *,
        columns: Sequence[str] = (),
        where: str = "",
        parameters: Sequence[object] = (),
        capped: tuple[str, dt.date] | None = None,
    ) -> Selected:
        """Return the rows of one slice of a table for which a condition holds.

        Parameters
        ----------
        name, scope
            Table, and the slice of it.
        columns, where, parameters, capped
            See `Selected`.
        """
        condition, values = where_of(where, parameters, scope)
        return cls(
            name, tuple(columns), condition, _frozen(values), scope=tuple(scope.bounds or ()), capped=capped or ()
        )

    @classmethod
    def of_query(cls, sql: str, parameters: Sequence[object]) -> Selected:
        """Return the result of a SELECT, with what stands for each ``?``."""
        return cls(sql, parameters=_frozen(parameters), is_query=True)

    @classmethod
    def of_existence(cls, name: str) -> Selected:
        """Return what changes as a table comes into being, and not with its rows."""
        return cls(f"SELECT 1 FROM {quoted(name)} LIMIT 0", is_query=True, of=(name,))

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that the rows are of, as far as they are known."""
        return self.of if self.is_query else (self.source,)

    @property
    def text(self) -> str:
        """Text by which it is kept, see `selected_from`."""
        said = {each.name: _plain(getattr(self, each.name)) for each in fields(self)}
        return json.dumps({name: value for name, value in said.items() if value}, separators=(",", ":"))


def selected_from(text: str) -> Selected:
    """Return what a text stands for, see `Selected.text`."""
    said: dict[str, Any] = {name: _value(value) for name, value in json.loads(text).items()}
    return Selected(**said)


def content_of(connection: duckdb.DuckDBPyConnection | None, rows: Selected) -> str:
    """Return the hash of rows as they are now; call outside of a transaction.

    Parameters
    ----------
    connection
        Open database; None where there is no file.
    rows
        Which rows.
    """
    if connection is None:
        return MISSING
    try:
        found = connection.execute(f"SELECT {_HASH} FROM {_source(connection, rows)}", _given(rows)).fetchall()
    except duckdb.CatalogException:
        return MISSING
    return _said(found[0])


def content_read(connection: duckdb.DuckDBPyConnection | None, rows: Selected) -> str:
    """Return `content_of` rows as they are read: a table that is not there is an empty one.

    Parameters
    ----------
    connection, rows
        See `content_of`.
    """
    found = content_of(connection, rows)
    return _EMPTY if found == MISSING and not rows.is_query else found


def content_by_month(connection: duckdb.DuckDBPyConnection | None, rows: Selected) -> dict[str, str]:
    """Return the hash of the rows of each month of their `session`, by ``2016-01``; of months with rows alone.

    Parameters
    ----------
    connection, rows
        See `content_of`.
    """
    if connection is None:
        return {}
    month = "strftime(t.session, '%Y-%m')"
    try:
        found = connection.execute(
            f"SELECT {month}, {_HASH} FROM {_source(connection, rows)} WHERE session IS NOT NULL GROUP BY 1 ORDER BY 1",
            _given(rows),
        ).fetchall()
    except duckdb.CatalogException:
        return {}
    return {name: _said(rest) for name, *rest in found}


_HASH = "count(*), sum(hash(t)::HUGEINT)"


def _source(connection: duckdb.DuckDBPyConnection, rows: Selected) -> str:
    if rows.is_query:
        return f"({rows.source}) AS t"
    name = quoted(rows.source)
    # By name: the order of columns in a table says nothing. A column that it lacks is null to whoever reads it.
    stored = sorted(row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall())
    wanted = [each for each in stored if each in rows.columns] if rows.columns else stored
    chosen = [quote(each) for each in wanted]
    if rows.capped and rows.capped[0] in wanted:
        column, last = quote(str(rows.capped[0])), rows.capped[1]
        chosen.append(f"CASE WHEN {column} > DATE '{last}' THEN DATE '{last}' ELSE {column} END AS capped")
        chosen.remove(column)
    return f"(SELECT {', '.join(chosen) or '1'} FROM {name}{rows.where}) AS t"


def _given(rows: Selected) -> list[object]:
    return [list(each) if isinstance(each, tuple) else each for each in rows.parameters]


def _said(found: Sequence[object]) -> str:
    count, total = found
    return f"{count}:{total or 0}"


def _frozen(values: Sequence[object]) -> tuple[object, ...]:
    return tuple(tuple(each) if isinstance(each, list) else each for each in values)


def _plain(value: object) -> Any:
    if isinstance(value, dt.datetime):
        return {_TIME: value.isoformat()}
    if isinstance(value, dt.date):
        return {_DAY: value.isoformat()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _value(value: Any) -> object:
    if isinstance(value, Mapping):
        if _TIME in value:
            return dt.datetime.fromisoformat(value[_TIME])
        return dt.date.fromisoformat(value[_DAY])
    return tuple(_value(each) for each in value) if isinstance(value, list) else value
