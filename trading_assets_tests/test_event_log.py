"""Dagster's databases below its home commit without waiting for the disk; nothing of them is lost, and others wait."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from trading_assets.event_log import without_waiting

NORMAL, FULL = 1, 2


def database(file: Path, mode: str = "WAL") -> sa.Engine:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE IF NOT EXISTS events (name TEXT)")
        connection.commit()
    return sa.create_engine(f"sqlite:///{file}", poolclass=NullPool)


def synchronous(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.text("PRAGMA synchronous")).scalar_one())


def test_only_databases_below_the_home_that_have_a_log_do_not_wait(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "history").mkdir(parents=True)
    below, elsewhere = database(home / "history" / "run.db"), database(tmp_path / "tracking.db")
    without_log = database(home / "old.db", "DELETE")
    with without_waiting(home):
        assert [synchronous(each) for each in (below, elsewhere, without_log)] == [NORMAL, FULL, FULL]
    assert [synchronous(each) for each in (below, elsewhere, without_log)] == [FULL, FULL, FULL]


def test_what_was_committed_is_read_by_others_at_once_and_after_it(tmp_path: Path) -> None:
    """Of a database that gets its log meanwhile, as those that Dagster makes."""
    file = tmp_path / "run.db"
    engine = database(file, "DELETE")
    with without_waiting(tmp_path):
        synchronous(engine)
        database(file)
        for number in range(20):
            with engine.begin() as connection:
                connection.execute(sa.text("INSERT INTO events VALUES (:name)"), {"name": f"{number}"})
            with closing(sqlite3.connect(file)) as other:
                assert other.execute("SELECT count(*) FROM events").fetchone() == (number + 1,)
        assert Path(f"{file}-wal").stat().st_size > 0, "the log is copied back once, at the end"
    assert not Path(f"{file}-wal").exists()
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT count(*), count(DISTINCT name) FROM events").fetchone() == (20, 20)
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
