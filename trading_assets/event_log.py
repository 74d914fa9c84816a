"""Dagster's record of a run in SQLite, without opening a database and waiting for the disk at every event.

Dagster's own storage makes an engine, opens the database and closes it again for each of the thousands of events of a
run, and gives each month of a partitioned asset a transaction of its own. Here the same statements go through engines
that stay open, and what Dagster hands over as one batch is one transaction. The files are the same: any Dagster reads
them, and so does this what any Dagster wrote.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqlEventLogStorageTable, SqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event, func, select

#: Dagster's own variable: events of one batch, such as the months of an asset, that are stored together.
BATCH_VARIABLE, BATCH = "DAGSTER_EVENT_BATCH_SIZE", "1000"
#: Seconds that a connection waits for another process, as Dagster's own do.
_PATIENCE = 30


def open_instance(home: Path) -> dg.DagsterInstance:
    """Return the Dagster instance of a home, whose databases stay open until it is disposed of.

    Nothing of this is written into the home. A home whose `dagster.yaml` names another storage is used as it says.
    """
    ref = InstanceRef.from_dir(str(home))
    own = ref.storage_data
    if own is not None and _class_of(own) == (DagsterSqliteStorage.__module__, DagsterSqliteStorage.__name__):
        # In the reference, so that step processes of the run use it, too.
        ref = ref._replace(storage_data=ConfigurableClassData(__name__, OpenStorage.__name__, own.config_yaml))
    return dg.DagsterInstance.from_ref(ref)


@contextmanager
def events_in_batches() -> Iterator[None]:
    """Let Dagster hand over the events of a batch together, in this process and in those that it starts."""
    is_set = BATCH_VARIABLE in os.environ
    os.environ.setdefault(BATCH_VARIABLE, BATCH)
    try:
        yield
    finally:
        if not is_set:
            del os.environ[BATCH_VARIABLE]


def _class_of(data: ConfigurableClassData) -> tuple[str, str]:
    return data.module_name, data.class_name


#: Databases that are open at a time: that of all runs, and those of the runs that were used last.
_OPEN_AT_A_TIME = 16


class _Engines:
    """Engines that keep their connections, one a database; of the databases of many runs the last ones used."""

    def __init__(self) -> None:
        # By process: a connection must not be used, nor closed, in a child that has it from a fork.
        self._made: dict[tuple[int, str], Engine] = {}
        self._lock = threading.Lock()

    def of(self, url: str) -> Engine:
        with self._lock:
            key = os.getpid(), url
            if key not in self._made:
                self._made[key] = create_engine(url, connect_args={"timeout": _PATIENCE})
                event.listen(self._made[key], "connect", _leave_the_disk_to_the_system)
            self._made[key] = engine = self._made.pop(key)  # the last one used is the last
            own = [each for each in self._made if each[0] == key[0]]
            for each in own[:-_OPEN_AT_A_TIME]:
                self._made.pop(each).dispose()
            return engine

    def close(self) -> None:
        with self._lock:
            for key in [key for key in self._made if key[0] == os.getpid()]:
                self._made.pop(key).dispose()


def _leave_the_disk_to_the_system(connection: Any, record: object) -> None:
    """Let the system decide when commits reach the disk.

    A process that is killed loses nothing by this, and a machine that loses power the last events at most, as each
    database has a write-ahead log (https://sqlite.org/pragma.html#pragma_synchronous).
    """
    if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        connection.execute("PRAGMA synchronous = NORMAL")


#: Events that say of their asset what the next one of the same kind says again.
_OF_MONTHS = (dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, dg.DagsterEventType.ASSET_MATERIALIZATION)


class OpenEventLog(SqliteEventLogStorage):
    """Dagster's event log in SQLite, a database a run and one over all, which stay open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines = _Engines()
        self._one_thread = threading.RLock()
        #: Of the batch that is being stored, by database in the order of opening.
        self._batch: dict[str, Connection] | None = None
        #: Tables and columns that were found, which Dagster asks for at each event of an asset.
        self._found: set[str] = set()
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._one_thread:
            if shard not in self._initialized_dbs:
                with super()._connect(shard):  # makes and checks it
                    pass
            engine = self._engines.of(self.conn_string_for_shard(shard))
            if self._batch is None:
                with engine.begin() as connection:
                    yield connection
                return
            if shard not in self._batch:
                self._batch[shard] = engine.connect()
            yield self._batch[shard]

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store some events in one transaction a database, that of the run first, as Dagster does each event.

        Of the months of an asset the last one is stored as any event; of the others there are rows and tags alone, as
        whatever else each of them says of its asset is said anew by the next. What raises before the first commit
        leaves nothing; Dagster then tries the events one by one.
        """
        with self._one_thread:
            connections: dict[str, Connection] = {}
            self._batch = connections
            try:
                for _, same in groupby(events, self._of_one_asset):
                    *others, last = same
                    self._store_rows(others)
                    self.store_event(last)
                for connection in connections.values():
                    connection.commit()
            finally:
                self._batch = None
                for connection in connections.values():
                    connection.close()

    def _of_one_asset(self, event: dg.EventLogEntry) -> object:
        """What events in a row have in common of which the last one alone tells what is new of their asset."""
        found = event.dagster_event if isinstance(event, dg.EventLogEntry) else None
        if found is None or found.event_type not in _OF_MONTHS:
            return id(event)
        return event.run_id, found.event_type, found.asset_key

    def _store_rows(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events of one asset in a run, in the database of the run and in that over all."""
        if events:
            rows = [self._event_to_row(each) for each in events]
            with self.run_connection(events[0].run_id) as connection:
                connection.execute(SqlEventLogStorageTable.insert(), rows)
            with self.index_transaction() as connection:
                connection.execute(SqlEventLogStorageTable.insert(), rows)
                last = connection.execute(select(func.max(SqlEventLogStorageTable.c.id))).scalar_one()
                self._store_asset_event_tags(connection, events, range(last - len(rows) + 1, last + 1))

    def has_table(self, table_name: str) -> bool:
        """Return whether the database over all runs has a table."""
        ask = super().has_table
        return self._is_found(table_name, lambda: ask(table_name))

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        ask = super()._has_asset_key_col_on_connection
        return self._is_found(f"asset_keys.{column_name}", lambda: ask(conn, column_name))

    def _is_found(self, name: str, ask: Callable[[], bool]) -> bool:
        if name not in self._found and ask():
            self._found.add(name)
        return name in self._found

    def wipe(self) -> None:
        """Remove every event."""
        self._engines.close()
        super().wipe()

    def dispose(self) -> None:
        """Close the databases."""
        self._engines.close()
        super().dispose()


class OpenRunStorage(SqliteRunStorage):
    """Dagster's register of runs in SQLite, which stays open."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines = _Engines()
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Yield a connection in a transaction."""
        with self._engines.of(self._conn_string).begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close the database."""
        self._engines.close()
        super().dispose()


class OpenStorage(DagsterSqliteStorage):
    """Dagster's storage in SQLite, whose databases of runs and events stay open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self.base_dir = base_dir
        self._inst_data = inst_data
        folder = Path(base_dir)
        self._run_storage = OpenRunStorage.from_local(str(folder / "history"))
        self._event_log_storage = OpenEventLog(str(folder / "history" / "runs"))
        self._schedule_storage = SqliteScheduleStorage.from_local(str(folder / "schedules"))
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> OpenStorage:
        """Return the storage that a reference to an instance names."""
        return cls.from_local(inst_data=inst_data, **config_value)
