"""Which protocol goes on after a restore: never an older one in place of one that can be read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trading_assets.backups.copying import WAIT_SECONDS, copy_file, table_hashes
from trading_assets.backups.manifest import PROTOCOL, CopyError, Manifest, sha256_of, sync_folder
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.head_file import HeadFile
from trading_assets.protocol.protocol import CHAIN, FILE, HEAD_FILE
from trading_assets.protocol.restores import record_restore
from trading_assets.warehouse import LockedError, SchemaVersionError, WarehouseError
from trading_assets.warehouse.commit_mark import log_of, mark_of
from trading_assets.warehouse.connection import open_to_read
from trading_assets.warehouse.errors import block
from trading_assets.warehouse.lock import Patience, file_lock

#: What a head file that cannot be read says: more rows than any protocol has.
_UNKNOWN = 2**63


@dataclass(frozen=True)
class Choice:
    """Which protocol goes on.

    Attributes
    ----------
    is_kept
        Whether it is that of the data folder; otherwise it is the copy's.
    lost
        Records after the copy that are lost with it; None: nothing says how many.
    cause
        Why, in words.
    must_be_told
        Whether records are lost that are known to have been there, so that somebody has to say that they may be.
    looked_at
        Hashes of the files that it was chosen by.
    """

    is_kept: bool
    lost: int | None
    cause: str
    must_be_told: bool = False
    looked_at: Mapping[str, str] = field(default_factory=dict)


def choose(data: Path, configuration: str, copy: Path, manifest: Manifest) -> Choice:
    """Return which protocol goes on: that of the data folder wherever it can be read and goes on from the copy.

    Parameters
    ----------
    data, configuration
        Data folder, and name of the configuration.
    copy, manifest
        Folder of the copy, which is as its manifest says, and that.

    Raises
    ------
    CopyError
        The protocol of the data folder is another one than that of the copy.
    """
    looked_at = _state(data)
    return replace(_chosen(data, configuration, copy, manifest), looked_at=looked_at)


def _chosen(data: Path, configuration: str, copy: Path, manifest: Manifest) -> Choice:
    protocol = Protocol(data, configuration)
    if not protocol.path.exists() and not (data / HEAD_FILE).exists():
        if not manifest.records:
            return Choice(True, 0, "there was none")
        return Choice(False, None, "the data folder had no protocol, so that nothing says what came after the copy")
    try:
        records = protocol.read()
        protocol.verify_contents(records)  # a chain that is whole may name rows that cannot be read
        read_all(protocol.path)
    except (LockedError, SchemaVersionError):
        raise
    except WarehouseError as error:
        return _instead_of_damaged(data, copy, manifest, str(error).splitlines()[0])
    if not manifest.records:
        return Choice(True, 0, "the copy had none")
    if not records:  # a file without a record, as of a process that was killed while it made it
        return Choice(False, None, "the data folder had no protocol, so that nothing says what came after the copy")
    if len(records) >= manifest.records and records[manifest.records - 1].row_hash == manifest.row_hash:
        return Choice(True, 0, "the protocol of the data folder goes on from that of the copy")
    copied = _records_of_copy(copy)
    if len(records) < len(copied) and copied[len(records) - 1].row_hash == records[-1].row_hash:
        return Choice(False, 0, "the protocol of the copy goes on from that of the data folder")
    raise CopyError(
        block(
            "the data folder has another protocol than the copy, and nothing in place of it is restored",
            file=protocol.path,
            expected=f"the records of folder {manifest.folder}, {manifest.records} of them or more",
            what_to_do="restore into another data folder (--data), or move protocol.duckdb and protocol.head aside "
            "yourself, which the restored protocol then says for ever",
        )
    )


def read_all(path: Path) -> None:
    """Read every table of a protocol: one whose records can be read may be damaged where only a writer looks.

    Raises
    ------
    WarehouseError
        Something of it cannot be read.
    """
    if not path.exists():
        return
    with open_to_read(path, WAIT_SECONDS) as connection:
        table_hashes(connection)  # DuckDB holds each block that it reads to its checksum


def assert_told(choice: Choice, manifest: Manifest, *, lose_records: bool) -> None:
    """Check that whoever restores has said that records may be lost, if they may.

    Parameters
    ----------
    choice, manifest
        What `choose` returned, and the manifest of the copy.
    lose_records
        Whether somebody said so.

    Raises
    ------
    CopyError
        Records that are known to have been there would be lost, and nobody said so.
    """
    if lose_records or not choice.must_be_told:
        return
    lost = "an unknown number of records" if choice.lost is None else f"{choice.lost} records"
    raise CopyError(
        block(
            f"the protocol of the data folder cannot be read, and is newer than the copy: {lost} would be lost",
            cause=choice.cause,
            copy=f"{manifest.records} records, of {manifest.made_at[:16]} UTC",
            what_to_do="restore a later copy if there is one; else say --lose-records: this stays on record, and "
            "verdicts whose development span begins before it are at best conditional from then on",
        )
    )


def prepared(choice: Choice, building: Path, copy: Path, manifest: Manifest, now: dt.datetime) -> None:
    """Make the protocol that takes the place of another, with the record of the restore, in a folder of its own.

    Parameters
    ----------
    choice
        What `choose` returned.
    building, copy, manifest
        Folder to make it in, folder of the copy, and its manifest.
    now
        Time of the record, UTC.
    """
    for name in (FILE, HEAD_FILE):
        copy_file(copy / PROTOCOL / name, building / name)
    _record(Protocol(building, manifest.configuration), choice, manifest, now)


def put_in_place(building: Path, data: Path, damaged: Path, choice: Choice) -> bool:
    """Move a prepared protocol to its place, if what is there is what it was chosen by; return whether it is.

    What was there is kept in another folder. The head goes first, under its provisional name: at every moment the
    database ends as one of the two heads says.

    Parameters
    ----------
    building, data
        Folder of the prepared protocol, and the data folder.
    damaged
        Folder that takes what was there.
    choice
        What `choose` returned.

    Raises
    ------
    LockedError
        Who writes to the protocol did not end in time.
    """
    with file_lock(data / FILE, exclusive=True, patience=Patience(WAIT_SECONDS)):
        if _state(data) != choice.looked_at:
            return False
        _put_in_place(building, data, damaged)
    return True


def _put_in_place(building: Path, data: Path, damaged: Path) -> None:
    path, head = data / FILE, data / HEAD_FILE
    for name in (path, head, log_of(path), mark_of(path)):
        if name.exists():
            damaged.mkdir(parents=True, exist_ok=True)
            copy_file(name, damaged / name.name)
    for beside in (log_of(path), mark_of(path)):  # of the other database
        beside.unlink(missing_ok=True)
    provisional = head.with_name(f"{HEAD_FILE}.new")
    (building / HEAD_FILE).replace(provisional)
    sync_folder(data)
    (building / FILE).replace(path)
    sync_folder(data)
    provisional.replace(head)
    sync_folder(data)


def _state(data: Path) -> dict[str, str]:
    """Hashes of all files that say what is on record."""
    path, head = data / FILE, data / HEAD_FILE
    every = (path, log_of(path), mark_of(path), head, head.with_name(f"{HEAD_FILE}.new"))
    return {each.name: sha256_of(each) for each in every if each.exists()}


def record_kept(data: Path, choice: Choice, manifest: Manifest, now: dt.datetime) -> None:
    """Put on record in the protocol that is kept that the rest was restored.

    Parameters
    ----------
    data, choice
        Data folder, and what `choose` returned.
    manifest, now
        Manifest of the copy, and the time of the record, UTC.
    """
    _record(Protocol(data, manifest.configuration), choice, manifest, now)


def _record(protocol: Protocol, choice: Choice, manifest: Manifest, now: dt.datetime) -> None:
    record_restore(
        protocol,
        copied=manifest.records,
        made_at=manifest.moment,
        lost=choice.lost,
        cause=choice.cause,
        now=now,
    )


def _instead_of_damaged(data: Path, copy: Path, manifest: Manifest, cause: str) -> Choice:
    """What is lost where the protocol cannot be read: its head still says where it ended."""
    head = HeadFile(data / HEAD_FILE, CHAIN)
    if not manifest.records:
        raise CopyError(
            block(
                "the protocol of the data folder cannot be read, and the copy has none",
                file=data / FILE,
                cause=cause,
                what_to_do="restore another copy",
            )
        )
    rows = head.most_rows
    copied = _records_of_copy(copy)
    if 0 < rows <= len(copied) and head.rows == rows and head.ends_as(rows, copied[rows - 1].row_hash):
        return Choice(False, 0, f"{cause}; its head says that the copy has all of it")
    lost = rows - manifest.records if manifest.records < rows < _UNKNOWN else None
    return Choice(False, lost, cause, must_be_told=True)


def _records_of_copy(copy: Path) -> tuple[Record, ...]:
    return Protocol(copy / PROTOCOL, "").read()
