"""Rows of a table read symbols by symbols."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import polars as pl

from trading_assets.warehouse.checking import in_order
from trading_assets.warehouse.lake.reading import is_partitioned, read_partitions
from trading_assets.warehouse.put_aside import PutAside
from trading_assets.warehouse.table import Table
from trading_assets.warehouse.warehouse import Warehouse

#: Rows of a batch, unless one symbol has more.
ROWS_AT_A_TIME = 100_000


def read_by_symbol(
    warehouse: Warehouse,
    table: Table,
    *,
    columns: Sequence[str] | None = None,
    where: str = "",
    parameters: Sequence[object] = (),
    rows: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield rows of a table by its key, all of some symbols at a time; one frame without rows where there are none.

    Parameters
    ----------
    warehouse, table
        Where the table is, and its declaration; the key begins with ``symbol``.
    columns, where, parameters
        As `Warehouse.read` takes them.
    rows
        Rows of a batch, unless one symbol has more; None: `ROWS_AT_A_TIME`.
    """
    bounds = bounds_of_batches(warehouse, table, where=where, parameters=parameters, rows=rows)
    if len(bounds) < 2:
        yield warehouse.read_or_empty(table, columns=columns, where=where, parameters=parameters)
    else:
        yield from read_batches(warehouse, table, bounds, columns=columns, where=where, parameters=parameters)


def bounds_of_batches(
    warehouse: Warehouse, table: Table, *, where: str = "", parameters: Sequence[object] = (), rows: int | None = None
) -> list[tuple[str, str]]:
    """Return the first and the last symbol of each batch of rows of a table; none of a table that is not there.

    Parameters
    ----------
    warehouse, table, where, parameters
        As `read_by_symbol` takes them.
    rows
        Rows of a batch, unless one symbol has more; None: `ROWS_AT_A_TIME`.
    """
    condition = f" WHERE {where}" if where else ""
    with warehouse.held_open() as held:
        if not held.exists(table.name):
            return []
        counts = held.query(
            f"SELECT symbol, count(*) AS rows FROM {table.name}{condition} GROUP BY symbol ORDER BY symbol",
            parameters,
            reads=[table.name],
        )
    return symbol_bounds(counts, ROWS_AT_A_TIME if rows is None else rows)


def read_batches(
    warehouse: Warehouse,
    table: Table,
    bounds: Sequence[tuple[str, str]],
    *,
    columns: Sequence[str] | None = None,
    where: str = "",
    parameters: Sequence[object] = (),
) -> Iterator[pl.DataFrame]:
    """Yield the rows of each batch by the table's key; no rows of a table that is not there.

    Parameters
    ----------
    warehouse, table, columns, where, parameters
        As `read_by_symbol` takes them.
    bounds
        First and last symbol of each batch, ascending.
    """
    if is_partitioned(warehouse, table) and os.access(warehouse.path.parent, os.W_OK):
        yield from _transposed(warehouse, table, bounds, columns, where, parameters)
        return
    for first, last in bounds:
        yield warehouse.read_or_empty(
            table,
            columns=columns,
            where=f"symbol BETWEEN ? AND ?{f' AND ({where})' if where else ''}",
            parameters=[first, last, *parameters],
        )


def _transposed(
    warehouse: Warehouse,
    table: Table,
    bounds: Sequence[tuple[str, str]],
    columns: Sequence[str] | None,
    where: str,
    parameters: Sequence[object],
) -> Iterator[pl.DataFrame]:
    """The batches of a table that is kept month by month: to look for each in all files would take a pass a batch."""
    read = None if columns is None else [*dict.fromkeys([*table.key, *columns])]
    firsts, lasts = (pl.Series([each[side] for each in bounds]) for side in (0, 1))
    held: list[pl.DataFrame] = []

    def put_aside() -> None:
        starts = [rows["symbol"].search_sorted(firsts, "left") for rows in held]
        ends = [rows["symbol"].search_sorted(lasts, "right") for rows in held]
        for number in range(len(bounds)):
            parts = [
                rows.slice(start[number], end[number] - start[number])
                for rows, start, end in zip(held, starts, ends, strict=True)
            ]
            aside.put(number, pl.concat(parts))
        held.clear()

    with PutAside(warehouse.path.parent) as aside:
        for rows in read_partitions(warehouse, table, columns=read, where=where, parameters=parameters):
            held.append(rows)
            if sum(each.height for each in held) > ROWS_AT_A_TIME:
                put_aside()
        if held:
            put_aside()
        for number in range(len(bounds)):
            rows = in_order(pl.concat(aside.take(number)), table.key)
            yield rows if columns is None else rows.select(columns)


def symbol_bounds(counts: pl.DataFrame, rows: int) -> list[tuple[str, str]]:
    """Return the first and the last symbol of each batch.

    Parameters
    ----------
    counts
        symbol, in order, and its rows.
    rows
        Most rows of a batch, unless one symbol has more.

    Examples
    --------
    >>> symbol_bounds(pl.DataFrame({"symbol": ["A", "B", "C"], "rows": [3, 2, 9]}), 5)
    [('A', 'B'), ('C', 'C')]
    """
    bounds: list[tuple[str, str]] = []
    held = 0
    for symbol, count in counts.select("symbol", "rows").iter_rows():
        if bounds and held + count <= rows:
            bounds[-1], held = (bounds[-1][0], symbol), held + count
        else:
            bounds.append((symbol, symbol))
            held = count
    return bounds
