"""Which commit last replaced each slice of each table: how a step notices that its input changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from trading_assets.warehouse.slices import Slice

#: Slices of one table and the number of the commit that last replaced each.
Versions = Mapping[tuple[str, str, str], int]


def versions_of(connection: duckdb.DuckDBPyConnection, table_name: str, scope: Slice) -> Versions:
    """Return the versions of the slices of a table that may hold rows of `scope`.

    Parameters
    ----------
    connection
        Open database.
    table_name, scope
        Name of the table, and the slice of it that is asked about.
    """
    (found,) = versions_of_scopes(connection, [(table_name, scope)])
    return found


def versions_of_scopes(
    connection: duckdb.DuckDBPyConnection, scopes: Sequence[tuple[str, Slice]]
) -> Sequence[Versions]:
    """Return what `versions_of` does for each table and scope, in one query."""
    names = sorted({table_name for table_name, _ in scopes})
    rows: dict[str, list[tuple[str, str, str, int]]] = {name: [] for name in names}
    for name, *row in connection.execute(
        "SELECT table_name, slice_column, lower_bound, upper_bound, number FROM meta.commits"
        " WHERE list_contains(?, table_name)",
        [names],
    ).fetchall():
        rows[name].append(tuple(row))
    return [_overlapping(rows[name], scope) for name, scope in scopes]


def _overlapping(rows: Sequence[tuple[str, str, str, int]], scope: Slice) -> Versions:
    key = _key(scope)
    first, last = key["lower_bound"], key["upper_bound"]
    # Only ranges of the same column can be known to share no row. Dates are ISO text: their order is that of text.
    return {
        (column, lower, upper): number
        for column, lower, upper, number in rows
        if column != key["slice_column"] or (lower <= last and upper >= first)
    }


def next_number(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the number of the commit that is being made."""
    return int(connection.execute("SELECT coalesce(max(number), 0) + 1 FROM meta.commits").fetchall()[0][0])


def record(connection: duckdb.DuckDBPyConnection, table_names: Sequence[str], slice_: Slice, number: int) -> None:
    """Note that commit `number` replaced a slice of some tables.

    Parameters
    ----------
    connection
        Database, open to write.
    table_names, slice_
        Tables, and the slice that was replaced in each.
    number
        Number of the commit, see `next_number`.
    """
    key = {**_key(slice_), "names": list(table_names)}
    connection.execute(
        "DELETE FROM meta.commits WHERE list_contains($names, table_name) AND slice_column = $slice_column"
        " AND lower_bound = $lower_bound AND upper_bound = $upper_bound",
        key,
    ).fetchall()
    connection.execute(
        "INSERT INTO meta.commits SELECT unnest($names), $slice_column, $lower_bound, $upper_bound, $number",
        {**key, "number": number},
    ).fetchall()


def _key(slice_: Slice) -> dict[str, str]:
    column, lower, upper = slice_.bounds or ("", "", "")
    return {
        "slice_column": column,
        "lower_bound": str(lower),
        "upper_bound": str(upper),
    }
