"""What the warehouse keeps about itself (schema `meta`), and how an older file is brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from trading_assets.warehouse.errors import SchemaVersionError, block

Step = str | Callable[[duckdb.DuckDBPyConnection], None]
Migration = tuple[Step, ...]


def _renamed(old: str, new: str) -> Migration:
    """Rename a table of a schema, and what is on record of its commits."""
    return (
        f"ALTER TABLE IF EXISTS {old} RENAME TO {new.split('.')[1]}",
        f"UPDATE meta.commits SET table_name = '{new}' WHERE table_name = '{old}'",
        f"UPDATE meta.ledgers SET table_name = '{new}' WHERE table_name = '{old}'",
    )


def _name_spans(connection: duckdb.DuckDBPyConnection) -> None:
    """Call train with validation `development` and the run through the holdout `full`, in every table."""
    names = connection.execute(
        "SELECT schema_name, table_name, list_contains(list(column_name), 'strategy') FROM duckdb_columns() "
        "SEMI JOIN duckdb_tables() USING (schema_name, table_name) "  # a view shows what its tables say
        "WHERE internal = false GROUP BY ALL HAVING list_contains(list(column_name), 'split') ORDER BY ALL"
    ).fetchall()
    for schema, table, is_of_strategies in names:
        name = f'"{schema}"."{table}"'
        statements = [f"UPDATE {name} SET split = 'development' WHERE split = 'train+validation'"]
        if is_of_strategies:
            # A strategy's longest run went through the holdout exactly where rows of the holdout stand beside it.
            statements += [
                f"UPDATE {name} SET split = 'full' WHERE split = 'all' AND strategy IN"
                f" (SELECT strategy FROM {name} WHERE split = 'holdout')",
                f"UPDATE {name} SET split = 'development' WHERE split = 'all'",
            ]
        for statement in statements:
            connection.execute(statement).fetchall()


def _rename_settings_hash(connection: duckdb.DuckDBPyConnection) -> None:
    """Rename `conditions` of the trials where they have it; rows of version 0.1 do not."""
    ((has_it,),) = connection.execute(
        "SELECT count(*) FROM duckdb_columns() WHERE schema_name = 'robustness' AND table_name = 'trials'"
        " AND column_name = 'conditions'"
    ).fetchall()
    if has_it:
        connection.execute("ALTER TABLE robustness.trials RENAME COLUMN conditions TO settings_hash").fetchall()


#: Entry n - 1 takes a file from version n - 1 to version n. Never change an entry: append one.
MIGRATIONS: tuple[Migration, ...] = (
    (
        "CREATE SCHEMA meta",
        "CREATE TABLE meta.schema_version (version INTEGER NOT NULL)",
        "INSERT INTO meta.schema_version VALUES (0)",
        # The last commit that replaced each slice. A whole table has the column ''.
        "CREATE TABLE meta.commits (table_name VARCHAR NOT NULL, slice_column VARCHAR NOT NULL,"
        " lower_bound VARCHAR NOT NULL, upper_bound VARCHAR NOT NULL, number BIGINT NOT NULL)",
        "CREATE TABLE meta.ledgers (table_name VARCHAR NOT NULL)",
    ),
    # 0.2.0: the field's words.
    (
        *_renamed("market_data.judged_months", "market_data.settled_months"),
        *_renamed("robustness.conditions", "robustness.breakdown"),
        _rename_settings_hash,
        _name_spans,
    ),
)


def schema_version(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the version of the open file; 0 if it is not (yet) a warehouse."""
    (known,) = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'meta' AND table_name = 'schema_version'"
    ).fetchall()
    if not known[0]:
        return 0
    return _version_on_record(connection)


def is_current(connection: duckdb.DuckDBPyConnection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> bool:
    """Return whether the file can be used as it is; False if it must be migrated. Call outside of a transaction.

    It is asked at every opening, so the version is read at once: a list of all tables takes ten times as long. That a
    table is missing would end a transaction.

    Parameters
    ----------
    connection, path
        Open database, and its file for the message of an error.
    migrations
        Steps of each version, in order.

    Raises
    ------
    SchemaVersionError
        A newer version wrote it.
    """
    try:
        version = _version_on_record(connection)
    except duckdb.CatalogException:
        version = 0
    _refuse_newer(version, path, migrations)
    return version == len(migrations)


def _version_on_record(connection: duckdb.DuckDBPyConnection) -> int:
    return max(int(version) for (version,) in connection.execute("FROM meta.schema_version").fetchall())


def _refuse_newer(version: int, path: Path, migrations: Sequence[Migration]) -> None:
    if version > len(migrations):
        raise SchemaVersionError(
            block(
                "the warehouse was written by a newer version of trading_assets",
                file=path,
                expected=f"schema version {len(migrations)} or older, found {version}",
                what_to_do="update trading_assets, or use another data folder",
            )
        )


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Make an empty file one of the current version. Call inside a transaction.

    The first migration says what there is to begin with; the others change tables, of which an empty file has none.
    """
    for step in MIGRATIONS[0]:
        _take(connection, step)
    connection.execute("UPDATE meta.schema_version SET version = ?", [len(MIGRATIONS)]).fetchall()


def _take(connection: duckdb.DuckDBPyConnection, step: Step) -> None:
    if isinstance(step, str):
        connection.execute(step).fetchall()
    else:
        step(connection)


def migrate(connection: duckdb.DuckDBPyConnection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Apply the migrations that the file lacks, in order. Call inside a transaction.

    Parameters
    ----------
    connection, path
        Database, open to write, and its file for the message of an error.
    migrations
        Steps of each version, in order.

    Raises
    ------
    SchemaVersionError
        A newer version wrote it.
    """
    version = schema_version(connection)
    _refuse_newer(version, path, migrations)
    if version == len(migrations):
        return
    for migration in migrations[version:]:
        for step in migration:
            _take(connection, step)
    connection.execute("UPDATE meta.schema_version SET version = ?", [len(migrations)]).fetchall()
