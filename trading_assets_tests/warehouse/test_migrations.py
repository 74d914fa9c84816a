"""Older files are brought up to date, newer ones are refused, and neither loses anything."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from trading_assets.warehouse import SchemaVersionError, Warehouse, Whole
from trading_assets.warehouse.connection import transaction
from trading_assets.warehouse.migrations import MIGRATIONS, create, is_current, migrate, schema_version
from trading_assets_tests.warehouse.warehouse_fixtures import EQUITY, equity


@pytest.fixture
def plain_file(tmp_path: Path) -> Path:
    """A DuckDB file made by somebody else: version 0."""
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA backtests").fetchall()
        connection.execute(
            "CREATE TABLE backtests.equity AS"
            " SELECT 's' AS strategy, DATE '2020-01-01' AS session, 1.0::DOUBLE AS equity"
        ).fetchall()
    return path


def stored_version(path: Path) -> int:
    with duckdb.connect(path, read_only=True) as connection:
        return schema_version(connection)


def test_a_new_file_has_the_current_version(tmp_path: Path) -> None:
    Warehouse(tmp_path / "warehouse.duckdb").replace(Whole(), {EQUITY: EQUITY.empty()})
    assert stored_version(tmp_path / "warehouse.duckdb") == len(MIGRATIONS)


def test_a_new_file_is_what_all_migrations_make(tmp_path: Path) -> None:
    """It is made by the first one alone, which is quicker: the others must find nothing to do in an empty file."""
    shown = "SELECT sql FROM duckdb_tables() WHERE NOT internal ORDER BY ALL"
    contents = "SELECT version FROM meta.schema_version"
    with duckdb.connect(tmp_path / "long.duckdb") as long, duckdb.connect(tmp_path / "short.duckdb") as short:
        migrate(long, tmp_path / "long.duckdb")
        create(short)
        for query in (shown, contents, "SELECT schema_name FROM duckdb_schemas() ORDER BY ALL", "FROM meta.commits"):
            assert short.execute(query).fetchall() == long.execute(query).fetchall(), query


def test_reading_an_older_file_migrates_it(plain_file: Path) -> None:
    assert stored_version(plain_file) == 0
    assert Warehouse(plain_file).read(EQUITY)["equity"].to_list() == [1.0]
    assert stored_version(plain_file) == len(MIGRATIONS)


def test_writing_an_older_file_migrates_it(plain_file: Path) -> None:
    Warehouse(plain_file).replace(Whole(), {EQUITY: equity("s", [2.0])})
    assert stored_version(plain_file) == len(MIGRATIONS)


def test_only_the_migrations_that_lack_run_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    Warehouse(path).replace(Whole(), {EQUITY: equity("s", [1.0])})
    later = (
        *MIGRATIONS,
        ("ALTER TABLE backtests.equity RENAME COLUMN equity TO value",),
        ("UPDATE backtests.equity SET value = value + 1", "UPDATE backtests.equity SET value = value * 10"),
    )
    with duckdb.connect(path) as connection:
        for _ in range(2):
            with transaction(connection):
                migrate(connection, path, later)
        assert schema_version(connection) == len(later)
        assert is_current(connection, path, later)
        assert connection.execute("SELECT value FROM backtests.equity").fetchall() == [(20.0,)]


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    Warehouse(path).replace(Whole(), {EQUITY: equity("s", [1.0])})
    broken = (*MIGRATIONS, ("DELETE FROM backtests.equity", "no SQL"))
    with duckdb.connect(path) as connection, pytest.raises(duckdb.Error), transaction(connection):
        migrate(connection, path, broken)
    assert stored_version(path) == len(MIGRATIONS)
    assert Warehouse(path).read(EQUITY)["equity"].to_list() == [1.0]


def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    warehouse = Warehouse(path)
    warehouse.replace(Whole(), {EQUITY: equity("s", [1.0])})
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE meta.schema_version SET version = 99").fetchall()
    before = path.read_bytes()
    for work in (lambda: warehouse.read(EQUITY), lambda: warehouse.replace(Whole(), {EQUITY: EQUITY.empty()})):
        with pytest.raises(SchemaVersionError, match=r"newer version.*\n.*\n.*found 99\n.*update trading_assets"):
            work()
    assert path.read_bytes() == before


def test_tables_and_spans_of_the_first_version_get_the_words_of_today(tmp_path: Path) -> None:
    """`all` went through the holdout for `seen`, which has rows of it, and ended with validation for `unseen`."""
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(path) as connection:
        migrate(connection, path, MIGRATIONS[:1])
        for statement in (
            "CREATE SCHEMA backtests",
            "CREATE SCHEMA robustness",
            "CREATE SCHEMA market_data",
            "CREATE TABLE market_data.judged_months (session DATE)",
            "INSERT INTO meta.commits VALUES ('market_data.judged_months', '', '', '', 7)",
            "CREATE TABLE backtests.equity AS SELECT * FROM (VALUES ('seen', 'train'), ('seen', 'all'),"
            " ('seen', 'holdout'), ('unseen', 'all')) AS rows(strategy, split)",
            "CREATE TABLE robustness.trials AS SELECT 't' AS trial, 's' AS strategy, 'c' AS conditions,"
            " 'train+validation' AS split",
            "INSERT INTO meta.ledgers VALUES ('robustness.trials')",
            "CREATE TABLE robustness.conditions AS SELECT 'seen' AS strategy, 'holdout' AS split",
            "CREATE VIEW backtests.shown AS SELECT strategy, split FROM backtests.equity",
        ):
            connection.execute(statement).fetchall()
        migrate(connection, path)
        ask = connection.execute
        assert ask("SELECT strategy, split FROM backtests.equity ORDER BY ALL").fetchall() == [
            ("seen", "full"),
            ("seen", "holdout"),
            ("seen", "train"),
            ("unseen", "development"),
        ]
        assert ask("SELECT DISTINCT split FROM backtests.shown WHERE strategy = 'unseen'").fetchall() == [
            ("development",)
        ]
        assert ask("SELECT settings_hash, split FROM robustness.trials").fetchall() == [("c", "development")]
        assert ask("SELECT split FROM robustness.breakdown").fetchall() == [("holdout",)]
        assert ask("SELECT table_name, number FROM meta.commits").fetchall() == [("market_data.settled_months", 7)]
