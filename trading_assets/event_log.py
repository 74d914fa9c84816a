"""Dagster's record of a run in SQLite, without waiting for the disk at every event."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def without_waiting(home: Path) -> Iterator[None]:
    """Let SQLite databases below a Dagster home leave it to the system when their commits reach the disk.

    Dagster opens a database anew for each of the thousands of events of a run. The last connection that is closed
    copies the write-ahead log back, so one to each database is held open here. A process that is killed loses nothing
    by this, and a machine that loses power the last events at most, as each database has a write-ahead log
    (https://sqlite.org/pragma.html#pragma_synchronous).
    """
    root, held = f"{home.resolve()}{os.sep}", dict[str, sqlite3.Connection]()
    with ExitStack() as kept:

        def connect(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
            file = str(arguments[0]) if arguments and dialect.name == "sqlite" else ""
            if not file.startswith(root):
                return None  # as without this
            connection = sqlite3.connect(*arguments, **options)
            if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
                connection.execute("PRAGMA synchronous = NORMAL")
                if file not in held:  # and not before there is a log: it would have no part in it
                    held[file] = kept.enter_context(closing(sqlite3.connect(file, check_same_thread=False)))
                    held[file].execute("PRAGMA schema_version").fetchone()  # opens it
            return connection

        event.listen(Engine, "do_connect", connect)
        try:
            yield
        finally:
            event.remove(Engine, "do_connect", connect)
