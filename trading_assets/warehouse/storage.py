"""Tables in an open connection: create, widen, replace a slice, append, select. Locks nothing, commits nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from trading_assets.warehouse.checking import in_order
from trading_assets.warehouse.errors import MissingTableError, WarehouseError, block
from trading_assets.warehouse.plain_values import plain_expressions, with_plain_values
from trading_assets.warehouse.quoting import quote, quoted
from trading_assets.warehouse.slices import Slice
from trading_assets.warehouse.table import ContractError, Table

if TYPE_CHECKING:
    import pyarrow as pa

#: Schema of what the warehouse knows of itself: ledgers, commits, its version. No table or view may be written there.
META = "meta"
_FRAME = "frame to write"
_FRAMES = "frames to write"
_DECLARED = "columns declared"
_ROWS_AT_A_TIME = 1_000_000
#: What returns rows and changes nothing; a PIVOT is a statement of several.
_SELECTS = ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN], [duckdb.StatementType.MULTI])
#: Name of the type in DuckDB of a column of nulls.
NOTHING = '"NULL"'


def stored_columns(connection: duckdb.DuckDBPyConnection, table_name: str) -> dict[str, str]:
    """Return columns of a stored table with their DuckDB types; empty if there is no such table.

    Call outside of a transaction, which a missing table would end. A list of the columns of all tables would not, and
    takes twenty times as long.
    """
    try:
        return _columns(connection, quoted(table_name))
    except duckdb.CatalogException:
        return {}


def columns_of_frame(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame) -> dict[str, str]:
    """Return columns of a frame with the DuckDB types that they are stored as."""
    connection.register(_FRAME, frame.clear().to_arrow())
    return _columns(connection, quote(_FRAME))


def _columns(connection: duckdb.DuckDBPyConnection, quoted: str) -> dict[str, str]:
    return {row[0]: str(row[1]) for row in connection.execute(f"DESCRIBE {quoted}").fetchall()}


def replace_slice(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    slice_: Slice,
    rows: pl.DataFrame | Iterable[pl.DataFrame],
    stored: Mapping[str, str] | None = None,
) -> None:
    """Put rows in place of the slice's.

    Parameters
    ----------
    rows
        A frame, or frames of the same columns, of which one at a time is held.
    stored
        The table's columns, if they are known (`stored_columns`) and there is one.

    Raises
    ------
    WarehouseError
        The name is in the warehouse's own schema.
    """
    _refuse_own(table.name)
    # In pieces: DuckDB takes texts in another layout, which is made of one piece at a time.
    if isinstance(rows, pl.DataFrame):
        rows = rows.iter_slices(_ROWS_AT_A_TIME) if rows.height else [rows]
    frames = iter(rows)
    frame = next(frames, table.empty())
    given = columns_of_frame(connection, frame)
    if not stored:
        _create(connection, table)
        stored = _columns(connection, quoted(table.name))
    if slice_.bounds is None and has_other_columns(table, given, stored):
        _create(connection, table, anew=True)  # no row stays, so none has to be cast, which may be impossible
        stored = _columns(connection, quoted(table.name))
    _widen(connection, table, given, stored)
    where, parameters = where_of("", (), slice_)
    connection.execute(f"DELETE FROM {quoted(table.name)}{where}", parameters).fetchall()
    connection.register(_FRAMES, _reader(frame, frames))
    connection.execute(f"INSERT INTO {quoted(table.name)} BY NAME FROM {quote(_FRAMES)}").fetchall()


def _reader(frame: pl.DataFrame, rest: Iterator[pl.DataFrame]) -> pa.RecordBatchReader:
    """Frames as DuckDB takes them one by one: what is registered by itself is held until the transaction ends."""
    import pyarrow as pa  # a tenth of a second that reading does without

    first = frame.to_arrow()

    def batches() -> Iterator[pa.RecordBatch]:
        yield from first.to_batches()
        for each in rest:
            yield from each.to_arrow().to_batches()

    return pa.RecordBatchReader.from_batches(first.schema, batches())


def create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Create the table with its declared columns, or add those that it lacks."""
    connection.register(_FRAME, table.empty().to_arrow())
    _fit(connection, table)


def create_view(connection: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    """Make a view, in place of a table or a view of this name.

    Parameters
    ----------
    connection
        Database, open to write.
    name, select
        `schema.name` of the view, and its SELECT.

    Raises
    ------
    WarehouseError
        The name is in the warehouse's own schema.
    """
    _refuse_own(name)
    kind = connection.execute(
        "SELECT table_type FROM information_schema.tables"
        " WHERE table_schema || '.' || table_name = ? AND table_catalog = current_database()",
        [name],
    ).fetchall()
    if kind == [("BASE TABLE",)]:
        connection.execute(f"DROP TABLE {quoted(name)}").fetchall()
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(name.partition('.')[0])}").fetchall()
    connection.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {select}").fetchall()


def append_rows(connection: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame) -> None:
    """Add rows; the first append makes the table a ledger, which no replace touches.

    Parameters
    ----------
    connection
        Database, open to write.
    table, frame
        Declaration of the table, and the rows as it conforms them.

    Raises
    ------
    ContractError
        A row has the key of one that is there.
    """
    connection.register(_FRAME, frame.to_arrow())
    _fit(connection, table)
    if table.key:
        keys = ", ".join(map(quote, table.key))
        known = connection.execute(
            f"SELECT {keys} FROM {quote(_FRAME)} SEMI JOIN {quoted(table.name)} USING ({keys}) LIMIT 1"
        ).fetchall()
        if known:
            raise ContractError(f"{table.name}: a row with {', '.join(table.key)} = {known[0]} is there already")
    _append(connection, table)


def append_new_rows(connection: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Add the rows whose key the table does not have, as `append_rows`; return these.

    Parameters
    ----------
    connection
        Database, open to write.
    table, frame
        Declaration of the table, which has a key, and the rows as it conforms them.
    """
    connection.register(_FRAME, frame.to_arrow())
    _fit(connection, table)
    keys = ", ".join(map(quote, table.key))
    known = rows_of(connection, f"SELECT {keys} FROM {quote(_FRAME)} SEMI JOIN {quoted(table.name)} USING ({keys})")
    if known.height:
        frame = frame.join(known, on=list(table.key), how="anti", maintain_order="left")
        connection.register(_FRAME, frame.to_arrow())
    _append(connection, table)
    return frame


def _append(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Add the rows of the registered frame, which fits the table."""
    connection.execute(f"INSERT INTO {quoted(table.name)} BY NAME FROM {quote(_FRAME)}").fetchall()
    if table.name not in ledgers(connection):
        connection.execute("INSERT INTO meta.ledgers VALUES (?)", [table.name]).fetchall()


def ledgers(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the names of the tables to which rows were ever appended."""
    return {name for (name,) in connection.execute("FROM meta.ledgers").fetchall()}


def select(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    columns: Sequence[str] | None = None,
    where: str = "",
    parameters: Sequence[object] = (),
    slice_: Slice | None = None,
    rows_of_table: tuple[str, Mapping[str, str]] | None = None,
) -> pl.DataFrame:
    """Return rows of a table in order of its key; declared columns that an older file lacks are null.

    Parameters
    ----------
    connection, table
        Open database, and the declaration of the table.
    columns
        Columns to return; None: the declared ones, then, if the table has `extra`, the others.
    where, parameters
        SQL condition with a ``?`` for each of `parameters`; empty for all rows.
    slice_
        Slice whose rows are returned; None: the whole table.
    rows_of_table
        SQL of some rows of the table, and its columns with their types; None: all rows.

    Raises
    ------
    MissingTableError
        There is no such table.
    WarehouseError
        A column is neither declared nor stored.
    """
    source, stored = rows_of_table or (quoted(table.name), stored_columns(connection, table.name))
    if not stored:
        raise MissingTableError(missing(table.name))
    known = [*table.columns, *(name for name in stored if table.extra and name not in table.columns)]
    unknown = [name for name in columns or () if name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        nearest = f"{near[0]}, or another " if near else ""
        raise WarehouseError(
            block(f"{table.name} has no column {unknown[0]}", expected=f"{nearest}one of {', '.join(known)}")
        )
    if any(name not in stored for name in table.columns):
        connection.register(_DECLARED, table.empty().to_arrow())
        source = f"(FROM {source} UNION ALL BY NAME FROM {quote(_DECLARED)})"
    condition, values = where_of(where, parameters, slice_)
    wanted = known if columns is None else [*columns]
    # The key too: DuckDB's sort would hold all columns twice, and most tables are stored in order.
    chosen = ", ".join(quote(name) for name in dict.fromkeys([*wanted, *table.key]))
    # As they stand: an infinity in a declared table is what its contract refuses, not a null.
    frame: pl.DataFrame = _relation(connection, f"SELECT {chosen} FROM {source}{condition}", values).pl()
    frame = in_order(frame, table.key).select(wanted)
    others = [
        pl.col(name).cast(column.dtype)
        for name, column in table.columns.items()
        if frame.schema.get(name, column.dtype) != column.dtype
    ]
    return frame.with_columns(others) if others else frame


def rows_of(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: Sequence[object] = (),
    frames: Mapping[str, pl.DataFrame] | None = None,
) -> pl.DataFrame:
    """Return the result of one query in types that every format has.

    Parameters
    ----------
    connection
        Open database.
    sql, parameters
        One SELECT with a ``?`` for each of `parameters`.
    frames
        Frames that the query sees as tables, by name.

    Raises
    ------
    WarehouseError
        It is not one SELECT.
    """
    for name, rows in (frames or {}).items():
        connection.register(name, rows.to_arrow())
    relation = _relation(connection, sql, parameters)
    selected = plain_expressions(relation.columns, relation.types)
    frame: pl.DataFrame = (relation if selected is None else relation.project(selected)).pl()
    return with_plain_values(frame)


def _relation(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> duckdb.DuckDBPyRelation:
    if [statement.type for statement in connection.extract_statements(sql)] not in _SELECTS:
        raise WarehouseError(block("this is not a query", expected="one SELECT", found=sql))
    relation = connection.sql(sql, params=list(parameters) or None)
    if relation is None:
        raise WarehouseError(block("this statement returns no rows", expected="a SELECT", found=sql))
    return relation


def missing(table_name: str) -> str:
    """Return what to tell who reads a table that has not been written."""
    stage = table_name.split(".", maxsplit=1)[0]
    return block(
        f"table {table_name} does not exist yet",
        what_to_do=f"materialise the asset that writes it, in group {stage} (trading-assets run --select {stage})",
    )


def _fit(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Make the stored table able to take the registered frame: create it, add columns, change types."""
    _refuse_own(table.name)
    _create(connection, table)
    _widen(connection, table, _columns(connection, quote(_FRAME)), _columns(connection, quoted(table.name)))


def _widen(
    connection: duckdb.DuckDBPyConnection, table: Table, given: Mapping[str, str], stored: Mapping[str, str]
) -> None:
    """Add columns of the registered frame (`given`) that the table lacks, and change types to those of the frame."""
    for name, type_ in given.items():
        if type_ == NOTHING:  # a column of nulls has no type of its own, and takes any
            if name in stored:
                continue
            type_ = "VARCHAR"
        if name not in stored:
            change = f"ADD COLUMN {quote(name)} {type_}"
        elif stored[name] != type_:
            change = f"ALTER COLUMN {quote(name)} TYPE {type_}"
        else:
            continue
        connection.execute(f"ALTER TABLE {quoted(table.name)} {change}").fetchall()


def _create(connection: duckdb.DuckDBPyConnection, table: Table, *, anew: bool = False) -> None:
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(table.schema)}").fetchall()
    create = "CREATE OR REPLACE TABLE" if anew else "CREATE TABLE IF NOT EXISTS"
    connection.execute(f"{create} {quoted(table.name)} AS FROM {quote(_FRAME)} WITH NO DATA").fetchall()


def has_other_columns(table: Table, given: Mapping[str, str], stored: Mapping[str, str]) -> bool:
    """Return whether a stored column has another type than in a frame, or is not in it and may not be.

    Parameters
    ----------
    table
        Declaration of the table.
    given, stored
        Columns of the frame and of the table, and their types.
    """
    return any(
        given[name] not in (type_, NOTHING) if name in given else table.extra is None for name, type_ in stored.items()
    )


def where_of(where: str, parameters: Sequence[object], slice_: Slice | None) -> tuple[str, list[object]]:
    """Return the WHERE clause of a condition within a slice, empty for all rows, and the values of its ``?``.

    Parameters
    ----------
    where, parameters
        SQL condition with a ``?`` for each of `parameters`; empty for none.
    slice_
        Slice of the table; None: the whole table.
    """
    conditions, values = [f"({where})"] if where else [], list(parameters)
    if slice_ is not None and slice_.bounds is not None:
        column, lower, upper = slice_.bounds
        conditions.append(f"{quote(column)} BETWEEN ? AND ?")
        values += [lower, upper]
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), values


def _refuse_own(name: str) -> None:
    """Names are compared as DuckDB does: without regard to case."""
    if name.partition(".")[0].casefold() == META:
        raise WarehouseError(
            block(f"{name} is in the schema of the warehouse's own tables", expected=f"a schema other than {META}")
        )
