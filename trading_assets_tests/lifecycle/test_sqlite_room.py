"""Databases of SQLite give room back that holds no rows; those in use are left, books of brokers always."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from trading_assets.lifecycle import sqlite_room
from trading_assets.lifecycle.sqlite_room import room_in_sqlite
from trading_assets.models.registry import database_of
from trading_assets_tests.lifecycle.homes import aged


def _emptied(path: Path) -> None:
    """Two megabytes of rows that are gone, and one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE words (word TEXT)")
        connection.executemany("INSERT INTO words VALUES (?)", [["x" * 1000]] * 2000)
        connection.execute("DELETE FROM words WHERE rowid > 1")


def test_room_is_given_back_and_rows_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    world, configuration = aged(tmp_path, compact_mib=1)
    runs = configuration.dagster_home / "history" / "runs.db"
    for path in (database_of(configuration.home), runs, configuration.home / "brokers" / "other.db"):
        _emptied(path)
    found = list(room_in_sqlite(configuration))
    assert [each.what for each in found] == [str(database_of(configuration.home)), str(runs)]
    before = runs.stat().st_size
    monkeypatch.setattr(sqlite_room, "_WAIT_SECONDS", 0.1)
    with closing(sqlite3.connect(runs, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert found[1].act() == "left as it is: database is locked"
        other.execute("ROLLBACK")
    assert found[1].act() == f"{runs.stat().st_size} bytes now"
    assert runs.stat().st_size < before / 10
    with closing(sqlite3.connect(runs)) as connection:
        assert connection.execute("SELECT count(*) FROM words").fetchall() == [(1,)]
    assert world.book.exists()
