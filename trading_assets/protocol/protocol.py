"""The protocol of a data folder: what all of its configurations have on record, in one file that can only grow.

Looks at holdouts, exposures, registrations and trials of every configuration stand in one chain of records
(`protocol.records` in `<data>/protocol.duckdb`), each with the hash of the one before. Where the chain ends is also
kept outside of the database, in `<data>/protocol.head`. So a record that is edited, deleted, moved or cut off the end
is noticed, and named; so are a database that is gone, an emptied table and the head of another folder. What cannot be
noticed inside of the folder is somebody who rewrites all of it: `trading-assets protocol export` writes a line to keep
elsewhere.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from trading_assets.config import Configuration
from trading_assets.protocol.chain import Chain, Head, LedgerTamperedError, folder_of, head_of
from trading_assets.protocol.contents import content_hash, content_rows
from trading_assets.protocol.earlier import entries_of, homes, is_unread
from trading_assets.protocol.head_file import HeadFile
from trading_assets.protocol.known_rows import KnownRows
from trading_assets.protocol.records import Entry, Kind, Record, payload_text, record_of
from trading_assets.protocol.tables import CONTENTS, RECORDS, VIEWS
from trading_assets.warehouse import MissingTableError, Table, WarehouseError, storage
from trading_assets.warehouse.connection import open_to_read, open_to_write, transaction
from trading_assets.warehouse.errors import block

FILE, HEAD_FILE = "protocol.duckdb", "protocol.head"
CHAIN = Chain(
    RECORDS,
    "protocol",
    lambda row: ", ".join(
        str(part) for part in (row["kind"], row["configuration"], row["subject"]) if part is not None and part != ""
    ),
    identify=folder_of,
)

_RECORDS = KnownRows[Record]()

#: From the records that are there to what is to be added; an exception leaves the protocol as it was.
Decide = Callable[[Sequence[Record]], Sequence[Entry]]


class Protocol:
    """The protocol of a data folder, as one configuration reads and writes it.

    Every method verifies the whole chain under the lock of the file; processes wait for each other.

    Parameters
    ----------
    data
        The data folder.
    configuration
        Name of the configuration that writes.
    wait_seconds
        How long an operation waits for other processes before it gives up with a `LockedError`.

    Raises
    ------
    LedgerTamperedError
        By every method: the records are not what was once written. A `WarehouseError`, as are all others.
    """

    def __init__(self, data: Path, configuration: str, *, wait_seconds: float = 120.0) -> None:
        self.data, self.configuration, self.wait_seconds = data, configuration, wait_seconds
        self.path = data / FILE
        self._head = HeadFile(data / HEAD_FILE, CHAIN)

    @classmethod
    def of(cls, configuration: Configuration) -> Protocol:
        """Return the protocol of the data folder that a configuration writes to."""
        return cls(configuration.data, configuration.name)

    def read(self) -> tuple[Record, ...]:
        """Return all records in order; none where nothing was written yet."""
        with self._open_to_read() as connection:
            return records_of(self._verified(connection))

    @contextmanager
    def held(self) -> Iterator[tuple[Record, ...]]:
        """Yield all records, to which nobody adds before the end of the block."""
        with self._open_to_read() as connection:
            yield records_of(self._verified(connection))

    def append(
        self,
        kind: Kind,
        subject: str | None,
        payload: Mapping[str, Any],
        *,
        now: dt.datetime,
        contents: Mapping[Table, pl.DataFrame] | None = None,
    ) -> Record:
        """Put one record at the end; see `Entry`. It is on disk when this returns.

        Parameters
        ----------
        now
            UTC, without a zone.
        """
        (record,) = self.append_decided(lambda _: [Entry(kind, subject, payload, contents or {})], now=now)
        return record

    def append_decided(self, decide: Decide, *, now: dt.datetime) -> tuple[Record, ...]:
        """Put on record what follows from what is there: decided and written under one lock, in one transaction.

        What earlier versions left in the warehouses of the data folder is put on record before.

        Parameters
        ----------
        decide
            It must not use the protocol. What it raises is raised, and nothing is written.

        Returns
        -------
        tuple of Record
            The new ones.
        """
        return self.append_connected(lambda records, _: decide(records), now=now)

    def append_connected(
        self,
        decide: Callable[[Sequence[Record], duckdb.DuckDBPyConnection], Sequence[Entry]],
        *,
        now: dt.datetime,
    ) -> tuple[Record, ...]:
        """Append records as `append_decided` does, for a decision that looks into side tables, too."""
        read: dict[Path, list[Entry]] = {}
        while True:
            with open_to_write(self.path, self.wait_seconds) as connection:
                rows = self._begun(connection, now)
                records = records_of(rows)
                unread = [home for home in homes(self.data) if is_unread(home, records)]
                if all(home in read for home in unread):
                    imports = [entry for home in unread for entry in read[home]]
                    rows = self._written(connection, rows, imports, now)
                    entries = decide(records_of(rows), connection)
                    return records_of(self._written(connection, rows, entries, now))[rows.height :]
            # Not under the lock of the protocol: who writes to that warehouse may be waiting for it.
            read |= {home: entries_of(home, records, self.wait_seconds) for home in unread if home not in read}

    def contents(
        self, table: Table, records: Sequence[Record], *, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Return the rows of a side table that belong to records, each content checked against its hash.

        Parameters
        ----------
        table, records
            Side table, and the records whose rows of it are asked for.
        columns
            Columns of the table that are returned; None: all but `content` and `position`.

        Returns
        -------
        DataFrame
            record (row of the record), configuration (that wrote it), then the columns of the table but `content` and
            `position`, or those asked for; in order of the records. Records without such a content have no rows.
        """
        wanted = [each for each in records if table.name in each.contents]
        hashes = sorted({each.contents[table.name] for each in wanted})
        with self._open_to_read() as connection:
            rows = verified_contents(connection, table, hashes) if connection is not None else table.empty()
        keys = pl.DataFrame(
            [(each.row, each.configuration, each.contents[table.name]) for each in wanted],
            schema={"record": pl.Int64, "configuration": pl.String, "content": pl.String},
            orient="row",
        )
        found = keys.join(rows, on="content", how="inner").sort("record", "position")
        names = [name for name in table.columns if name not in ("content", "position")] if columns is None else columns
        return found.select("record", "configuration", *names)

    def verify_contents(self, records: Sequence[Record]) -> None:
        """Check every content of every record, and that side tables hold nothing else."""
        with self._open_to_read() as connection:
            if connection is None:
                return
            for table in CONTENTS:
                named = sorted({each.contents[table.name] for each in records if table.name in each.contents})
                verified_contents(connection, table, named)
                added = _unnamed(connection, table, named)
                if added is not None:
                    raise _tampered(f"{table.name} has rows that no record names (content {added[:12]})", table)

    @contextmanager
    def _open_to_read(self) -> Iterator[duckdb.DuckDBPyConnection | None]:
        try:
            exists = self.path.exists()
        except OSError as error:
            raise WarehouseError(block("cannot read the protocol", file=self.path, cause=error)) from error
        if exists:
            with open_to_read(self.path, self.wait_seconds) as connection:
                yield connection
        else:
            yield None

    def _verified(self, connection: duckdb.DuckDBPyConnection | None) -> pl.DataFrame:
        """Return all rows of the chain, after every check of it."""
        rows = _stored_records(connection)
        if rows is None:
            if self._head.rows:
                raise CHAIN.tampered(
                    f"{FILE if connection is None else RECORDS.name} is gone",
                    f"the rows that {HEAD_FILE} stands for",
                    HEAD_FILE,
                )
            rows = RECORDS.empty()
        elif rows.is_empty():
            raise CHAIN.tampered("all rows were deleted", "at least the row of the folder", HEAD_FILE)
        self._head.verify(rows)
        return rows

    def _begun(self, connection: duckdb.DuckDBPyConnection, now: dt.datetime) -> pl.DataFrame:
        """Return all rows of the chain, begun with the row of the folder where there is none.

        That row is committed alone: a run that is killed in its very first commit leaves nothing or this.
        """
        rows = self._verified(connection)
        if rows.is_empty():
            founding = Entry("folder", None, {"id": secrets.token_hex(16)}, configuration="")
            return self._written(connection, rows, [founding], now)
        return rows

    def _written(
        self, connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame, entries: Sequence[Entry], now: dt.datetime
    ) -> pl.DataFrame:
        """Write entries after `rows`, contents included, and return all rows."""
        if not entries:
            return rows
        added, contents = [], []
        end = head_of(rows)
        at = max(now, rows["recorded_at"][-1]) if rows.height else now
        for entry in entries:
            hashes = {}
            for table, frame in entry.contents.items():
                hashes[table.name], content = content_rows(table, frame)
                contents.append((table, content))
            row: dict[str, Any] = {
                "row": end.rows + 1,
                "kind": entry.kind,
                "recorded_at": at,
                "configuration": self.configuration if entry.configuration is None else entry.configuration,
                "subject": entry.subject,
                "payload": payload_text(entry.payload, hashes),
                "previous_hash": end.row_hash,
            }
            row["row_hash"] = CHAIN.row_hash(row)
            end = Head(end.rows + 1, row["row_hash"])
            added.append(row)
        new = pl.DataFrame(added, schema=RECORDS.empty().schema)  # typed by `Entry`: no contract to check
        combined = pl.concat([rows, new])
        with transaction(connection, self._head.moved_to(combined)):
            storage.append_rows(connection, RECORDS, new)
            for table, content in contents:
                storage.append_new_rows(connection, table, content)
            if rows.is_empty():
                for table in CONTENTS:
                    storage.create_table(connection, table)
                for name, select in VIEWS.items():
                    storage.create_view(connection, name, select)
        return combined


def records_of(rows: pl.DataFrame) -> tuple[Record, ...]:
    """Return the records that verified rows say: all rows of a protocol, in order."""
    return _RECORDS.of(rows, _read)


def _read(rows: pl.DataFrame, _: int) -> tuple[Record, ...]:
    try:
        return tuple(record_of(row) for row in rows.iter_rows(named=True))
    except (ValueError, RecursionError) as error:
        raise _tampered(f"a payload cannot be read ({error})", RECORDS) from None


def verified_contents(connection: duckdb.DuckDBPyConnection, table: Table, hashes: Sequence[str]) -> pl.DataFrame:
    """Return the rows of contents, in order of content and position, after a check of each.

    Parameters
    ----------
    connection, table
        Open database, and one of its side tables.
    hashes
        Contents that are asked for.

    Raises
    ------
    LedgerTamperedError
        A content is not there, or not what its hash says.
    """
    try:
        rows = storage.select(connection, table, where="list_contains(?, content)", parameters=[list(hashes)])
    except MissingTableError:
        rows = table.empty()
    except (pl.exceptions.PolarsError, ValueError, OverflowError) as error:
        raise _tampered(f"{table.name} holds what was never written ({error})", table) from None
    parts = rows.partition_by("content", as_dict=True)
    for each in hashes:
        part = parts.get((each,))
        if part is None or content_hash(part.drop("content", "position")) != each:
            what = "deleted" if part is None else "edited"
            raise _tampered(f"rows of {table.name} were {what} (content {each[:12]})", table)
    return rows


def _stored_records(connection: duckdb.DuckDBPyConnection | None) -> pl.DataFrame | None:
    """Return the rows of the chain; None where the table was never made."""
    if connection is None:
        return None
    try:
        return storage.select(connection, RECORDS)
    except MissingTableError:
        return None
    except (pl.exceptions.PolarsError, ValueError, OverflowError) as error:
        raise _tampered(f"{RECORDS.name} holds what was never written ({error})", RECORDS) from None


def _unnamed(connection: duckdb.DuckDBPyConnection, table: Table, named: Sequence[str]) -> str | None:
    """Return the hash of a content of a side table that is not among those named; None without one."""
    if not storage.stored_columns(connection, table.name):
        return None
    found = connection.execute(
        f"SELECT content FROM {table.name} WHERE NOT list_contains(?, content) OR content IS NULL LIMIT 1",
        [list(named)],
    ).fetchall()
    return str(found[0][0]) if found else None


def _tampered(what: str, table: Table) -> LedgerTamperedError:
    return LedgerTamperedError(
        block(
            f"the protocol was tampered with: {what}",
            table=table.name,
            expected="rows as they were written",
            what_to_do=f"restore {FILE} and {HEAD_FILE} together from a backup; no verdict is made until then",
        )
    )
