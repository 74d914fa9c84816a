"""Which commit last replaced each slice of each table: how a step notices that its input changed."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from trading_assets.warehouse.slices import Slice

#: Slices of one table and the number of the commit that last replaced each.
Versions = Mapping[tuple[str, str, str], int]


def versions_of(connection: duckdb.DuckDBPyConnection, table_name: str, scope: Slice) -> Versions:
    """Versions of the slices of a table that may hold rows of `scope`."""
    rows = connection.execute(
        "SELECT slice_column, lower_bound, upper_bound, number FROM meta.commits WHERE table_name = ?", [table_name]
    ).fetchall()
    key = _key(table_name, scope)
    first, last = key["lower_bound"], key["upper_bound"]
    # Only ranges of the same column can be known to share no row. Dates are ISO text: their order is that of text.
    return {
        (column, lower, upper): number
        for column, lower, upper, number in rows
        if column != key["slice_column"] or (lower <= last and upper >= first)
    }


def next_number(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the commit that is being made."""
    return int(connection.execute("SELECT coalesce(max(number), 0) + 1 FROM meta.commits").fetchall()[0][0])


def record(connection: duckdb.DuckDBPyConnection, table_name: str, slice_: Slice, number: int) -> None:
    """Note that commit `number` replaced a slice."""
    key = _key(table_name, slice_)
    connection.execute(
        "DELETE FROM meta.commits WHERE table_name = $table_name AND slice_column = $slice_column"
        " AND lower_bound = $lower_bound AND upper_bound = $upper_bound",
        key,
    ).fetchall()
    connection.execute(
        "INSERT INTO meta.commits VALUES ($table_name, $slice_column, $lower_bound, $upper_bound, $number)",
        {**key, "number": number},
    ).fetchall()


def _key(table_name: str, slice_: Slice) -> dict[str, str]:
    column, lower, upper = slice_.bounds or ("", "", "")
    return {
        "table_name": table_name,
        "slice_column": column,
        "lower_bound": str(lower),
        "upper_bound": str(upper),
    }
