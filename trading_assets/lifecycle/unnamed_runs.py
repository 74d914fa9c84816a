"""Runs of the registry that no version of a model names: of versions that were pruned, and of killed registrations."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from trading_assets.config import Configuration
from trading_assets.lifecycle.items import Item, size_of
from trading_assets.models.registry import WAIT_SECONDS, database_of, require_readable
from trading_assets.warehouse.lock import Patience, file_lock

_DAY, _MILLISECONDS = 86_400.0, 1_000.0
_UNNAMED = """
    SELECT run_uuid, start_time FROM runs
    WHERE run_uuid NOT IN (SELECT run_id FROM model_versions WHERE run_id IS NOT NULL) ORDER BY start_time, run_uuid
"""
#: Tables of mlflow whose rows are of a run, and the column that says of which.
_OF_A_RUN = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"


def unnamed_runs(configuration: Configuration, now: float) -> Iterator[Item]:
    """Yield runs that are old and that no version names.

    Parameters
    ----------
    configuration, now
        Configuration, and seconds since 1970.

    Raises
    ------
    RegistryError
        The registry's database cannot be read.
    """
    days, home = configuration.lifecycle.model_run_days, configuration.home
    database = database_of(home)
    if days is None or not database.exists():
        return
    require_readable(database)
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        if not _is_made(connection):
            return
        found = connection.execute(_UNNAMED).fetchall()
    for run, started in found:
        age = (now - (started or 0) / _MILLISECONDS) / _DAY
        if age > days:
            folder = home / "artifacts" / run
            size = size_of(folder) if folder.is_dir() else 0
            why = f"lifecycle.model_run_days: {days:g}; no version of a model names it"
            yield Item("remove", f"run {run} of the registry", why, age, size, lambda run=run: _remove(home, run))  # type: ignore[misc]


def _is_made(connection: sqlite3.Connection) -> bool:
    names = {name for (name,) in connection.execute(_OF_A_RUN)}
    return {"runs", "model_versions"} <= names


def _remove(home: Path, run: str) -> str:
    """Remove a run, under the registry's lock, unless a version names it by now; first its rows, then its files."""
    database = database_of(home)
    with (
        file_lock(database, exclusive=True, patience=Patience(WAIT_SECONDS)),
        closing(sqlite3.connect(database, timeout=WAIT_SECONDS)) as connection,
        connection,
    ):
        ((named,),) = connection.execute("SELECT count(*) FROM model_versions WHERE run_id = ?", [run]).fetchall()
        if named:
            return "kept: a version names it"
        for (table,) in connection.execute(_OF_A_RUN).fetchall():
            columns = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}
            if "run_uuid" in columns and table != "runs":
                connection.execute(f'DELETE FROM "{table}" WHERE run_uuid = ?', [run])
        connection.execute("DELETE FROM runs WHERE run_uuid = ?", [run])
    shutil.rmtree(home / "artifacts" / run, ignore_errors=True)
    return "removed"
