"""Months of a table between the database and the files of the store: cold ones in files, those that change inside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from trading_assets.warehouse import storage
from trading_assets.warehouse.connection import open_to_read, open_to_write, transaction
from trading_assets.warehouse.lake.monthly import MonthlyTables, move_out, streamed
from trading_assets.warehouse.lake.store import PartitionStore, lake_folder
from trading_assets.warehouse.quoting import quote, quoted
from trading_assets.warehouse.slices import Sessions, Slice, Whole
from trading_assets.warehouse.table import Table

_END = dt.date.max


@dataclass(frozen=True)
class Placement:
    """Where the rows of a table are, and where they belong.

    Attributes
    ----------
    table
        Declaration of the table, which is by month.
    now, wanted
        First month whose rows are inside of the database, such as ``2016-01``; empty: all are, None: none is.
    rows, months
        Rows that are to be moved, and of how many months they are.
    """

    table: Table
    now: str | None
    wanted: str
    rows: int
    months: int


def placements(path: Path, wait_seconds: float, hot_months: Mapping[Table, int]) -> list[Placement]:
    """Return the tables of which months are where they do not belong.

    Months are counted back from the newest that the table has, whatever a clock says.

    Parameters
    ----------
    path, wait_seconds
        Database, and how long to wait for who writes to it; see `Warehouse`.
    hot_months
        By table, how many of the newest months are kept inside of the database.
    """
    if not path.exists():
        return []
    with open_to_read(path, wait_seconds) as connection:
        found = (_placement(connection, table, months) for table, months in hot_months.items())
        return [each for each in found if each is not None]


def place(path: Path, wait_seconds: float, placement: Placement) -> None:
    """Move the rows of a table to where they belong, whole or not at all: they stay the same rows, to the bit.

    Parameters
    ----------
    path, wait_seconds
        Database, and how long to wait; see `Warehouse`.
    placement
        What `placements` returned. Where another process has moved rows meanwhile, nothing is done.
    """
    table, wanted = placement.table, placement.wanted
    with open_to_write(path, wait_seconds) as connection:
        if not storage.stored_columns(connection, table.name):
            return
        known = PartitionStore.opened(connection)
        if _first_inside(known, table.name) != placement.now:
            return
        with transaction(connection):
            store = PartitionStore.begun(connection, lake_folder(path), is_on=known is not None and known.is_on)
        with store.swept([table.name]), transaction(connection):
            if placement.now == "":
                _begin(connection, store, table, wanted)
            elif wanted == "":
                move_out(connection, store, table)
            else:
                _shift(connection, store, table, placement.now, wanted)


def _begin(connection: duckdb.DuckDBPyConnection, store: PartitionStore, table: Table, wanted: str) -> None:
    name = f"moved {table.name}"
    connection.execute(f"ALTER TABLE {quoted(table.name)} RENAME TO {quote(name)}").fetchall()
    source = f"{quote(table.schema)}.{quote(name)}"
    columns = {row[0]: str(row[1]) for row in connection.execute(f"DESCRIBE {source}").fetchall()}
    ((height,),) = connection.execute(f"SELECT count(*) FROM {source}").fetchall()
    store.keep_inside(table.name, wanted)
    MonthlyTables(connection, store).replace_slice(table, Whole(), streamed(connection, f"FROM {source}"), height)
    store.define(table.name, columns, {})
    connection.execute(f"DROP TABLE {source}").fetchall()


def _shift(
    connection: duckdb.DuckDBPyConnection, store: PartitionStore, table: Table, now: str | None, wanted: str
) -> None:
    """Move the months between two first months that are inside; None: so far none is."""
    store.assert_as_written(table.name)
    to_files = now is not None and now < wanted
    slice_: Slice
    if to_files:
        assert now is not None
        slice_ = Sessions(_first_day(now), _first_day(wanted) - dt.timedelta(days=1))
    else:
        last = _END if now is None else _first_day(now) - dt.timedelta(days=1)
        slice_ = Sessions(_first_day(wanted), last)
    where, values = storage.where_of("", (), slice_)
    # What is read is copied first: the rows are taken out of where they are while they are written.
    connection.execute(f"CREATE TEMP TABLE moving AS FROM {quoted(table.name)}{where}", values).fetchall()
    ((height,),) = connection.execute("SELECT count(*) FROM temp.moving").fetchall()
    monthly = MonthlyTables(connection, store)
    recent = store.recent.get(table.name)
    if to_files and recent is not None:
        recent.clear(slice_)
    if not to_files and recent is not None:
        recent.first_month = wanted
    else:
        store.keep_inside(table.name, wanted)
    monthly.replace_slice(table, slice_, streamed(connection, "FROM temp.moving"), height)
    store.define(table.name, store.tables[table.name], {})
    connection.execute("DROP TABLE temp.moving").fetchall()


def _placement(connection: duckdb.DuckDBPyConnection, table: Table, months: int) -> Placement | None:
    column = quote(table.by_month or "")
    if not storage.stored_columns(connection, table.name):
        return None
    ((newest,),) = connection.execute(f"SELECT max({column}) FROM {quoted(table.name)}").fetchall()
    now = _first_inside(PartitionStore.opened(connection), table.name)
    if newest is None:
        return None
    wanted = months_before(newest, months - 1)
    ((rows, count, cold),) = connection.execute(
        f"SELECT count(*), count(DISTINCT strftime({column}, '%Y-%m')), count(*) FILTER ({column} < ?)"
        f" FROM {quoted(table.name)} WHERE ({column} < ?) <> ({_is_cold(column, now)})",
        [_first_day(wanted), _first_day(wanted)],
    ).fetchall()
    if not rows or now == wanted:
        return None
    if now == "" and not cold:
        return None
    return Placement(table, now, wanted, rows, count)


def _is_cold(column: str, now: str | None) -> str:
    """SQL of whether a row is in a file."""
    if now is None:
        return "true"
    return "false" if now == "" else f"{column} < DATE '{_first_day(now)}'"


def _first_inside(store: PartitionStore | None, name: str) -> str | None:
    if store is None or name not in store.tables:
        return ""
    recent = store.recent.get(name)
    return None if recent is None else recent.first_month


def _first_day(month: str) -> dt.date:
    return dt.date(int(month[:-3]), int(month[-2:]), 1)


def months_before(day: dt.date, months: int) -> str:
    """Return the month that is so many months before that of a day.

    Examples
    --------
    >>> months_before(dt.date(2024, 2, 3), 3)
    '2023-11'
    """
    number = day.year * 12 + day.month - 1 - months
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
