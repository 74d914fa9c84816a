"""Databases of SQLite written anew: rows that are gone leave pages that the file keeps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from trading_assets.config import Configuration
from trading_assets.lifecycle.items import Item
from trading_assets.models.registry import database_of

_MIB = 2**20
#: Seconds to wait for who writes: it is tried again the next time.
_WAIT_SECONDS = 20.0
#: Of Dagster's home; a database of each run's events is removed with its run.
_OF_DAGSTER = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


def room_in_sqlite(configuration: Configuration) -> Iterator[Item]:
    """Yield the databases of the registry and of Dagster's home of which much holds nothing; no book of a broker."""
    settings = configuration.lifecycle
    for path in (database_of(configuration.home), *(configuration.dagster_home / name for name in _OF_DAGSTER)):
        if not path.is_file():
            continue
        try:
            size, free = _room(path)
        except sqlite3.DatabaseError:  # who reads it says so
            continue
        if size and free >= settings.compact_mib * _MIB and free / size >= settings.compact_share:
            why = f"lifecycle.compact_share: {settings.compact_share:g}; {free / size:.0%} of it hold no rows"
            yield Item("compact", str(path), why, None, size, lambda path=path: _vacuumed(path))  # type: ignore[misc]


def _room(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        size, pages, free = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
        )
    return size * pages, size * free


def _vacuumed(path: Path) -> str:
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)) as connection:
            connection.execute("VACUUM")
    except sqlite3.OperationalError as error:
        return f"left as it is: {error}"
    return f"{path.stat().st_size} bytes now"
