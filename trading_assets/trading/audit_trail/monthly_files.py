"""The files of the trail, one a month, and what is on record of them.

A file is written as those of the partition store are: whole, synced, named by its bytes, never changed. Which file of a
month is live, and with which entry the trail ends, is said by the records of the protocol, which is a chain itself.
A month that grows is a new file with the entries of the one before in front; that one is removed by the append after.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.protocol import Record
from trading_assets.protocol.chain import GENESIS
from trading_assets.trading.audit_trail.events import TRAIL
from trading_assets.trading.audit_trail.tables import AUDIT_TRAIL
from trading_assets.warehouse.errors import WarehouseError, block
from trading_assets.warehouse.lake.part_files import folder_of, remove, sync_folder, unnamed, write_part

#: Years that entries are kept; nothing of the product removes an older one either.
KEPT_YEARS = 7


class TrailBrokenError(WarehouseError):
    """The trail is not what was written; `str()` names the first entry that is wrong."""


@dataclass(frozen=True)
class Month:
    """What is on record of a month.

    Attributes
    ----------
    month, file, sha256
        ``YYYY-MM``, and the name of its file and the hash of the bytes.
    first, last
        Numbers of its first and its last entry.
    previous_hash, head
        Hash of the entry before its first one, and of its last one.
    checkpoints
        Number of an entry -> its hash, wherever an append ended.
    """

    month: str
    file: str
    sha256: str
    first: int
    last: int
    previous_hash: str
    head: str
    checkpoints: Mapping[int, str]


def trail_folder(configuration: Configuration) -> Path:
    """Return the folder of the files: no part of the lake, which is cleaned up."""
    return configuration.home / "audit_trail"


def months_on(records: Iterable[Record], configuration: str) -> list[Month]:
    """Return the months of a configuration's trail, oldest first.

    Parameters
    ----------
    records, configuration
        Records of the protocol, and the name of the configuration.
    """
    found: dict[str, Month] = {}
    for record in records:
        if record.kind != "account" or record.configuration != configuration or record.payload["action"] != TRAIL:
            continue
        said = record.payload
        before = found[said["month"]].checkpoints if said["month"] in found else {}
        names = ("month", "file", "sha256", "first", "last", "previous_hash", "head")
        checkpoints = {**before, said["last"]: said["head"]}
        found[said["month"]] = Month(**{name: said[name] for name in names}, checkpoints=checkpoints)
    return list(found.values())


def path_of(root: Path, month: Month) -> Path:
    """Return where the file of a month is."""
    return folder_of(root, AUDIT_TRAIL.name) / month.file


def read_month(root: Path, month: Month) -> pl.DataFrame:
    """Return the entries of a month, after a check of the bytes.

    Raises
    ------
    TrailBrokenError
        The file is missing, or not as it was written.
    """
    path = path_of(root, month)
    try:
        found = path.stat()
        return _read(path, month.sha256, (found.st_size, found.st_mtime_ns))
    except FileNotFoundError:
        raise broken(f"entries {month.first} to {month.last} are missing", path) from None
    except _OtherBytesError as error:
        rows = _rows_of(error.content)
        raise broken(first_wrong(rows, month) or _written_anew(month.first, month.last), path) from None


@lru_cache(maxsize=128)  # more months than are kept
def _read(path: Path, sha256: str, state: tuple[int, int]) -> pl.DataFrame:
    """Entries of a file, read once in a process while its size and time stay."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _OtherBytesError(content)
    return pl.read_parquet(content)


class _OtherBytesError(Exception):
    """A file has other bytes than are on record."""

    def __init__(self, content: bytes) -> None:
        super().__init__("other bytes")
        self.content = content


def _written_anew(first: int, last: int) -> str:
    return f"an entry of {first} to {last} was written anew"


def write_month(root: Path, before: Month | None, rows: pl.DataFrame, month: str) -> dict[str, Any]:
    """Write the file of a month, synced, and return what is to go on record of it.

    Parameters
    ----------
    root, before
        Folder of the files, and what is on record of the month; None: nothing.
    rows
        All entries of the month.
    month
        ``YYYY-MM``.
    """
    file = write_part(root, AUDIT_TRAIL.name, month, rows, ())
    sync_folder(root, AUDIT_TRAIL.name)
    return {
        "action": TRAIL,
        "month": month,
        "file": file.name,
        "sha256": file.sha256,
        "first": rows["entry"][0],
        "last": rows["entry"][-1],
        "previous_hash": rows["previous_hash"][0] if before is None else before.previous_hash,
        "head": rows["entry_hash"][-1],
    }


def remove_superseded(root: Path, months: Iterable[Month]) -> None:
    """Remove files whose entries are all in a live one, as its first; any other file is left where it is.

    Call under the lock of the protocol: another process may be writing its own.
    """
    live = {month.month: month for month in months}
    for path in unnamed(root, AUDIT_TRAIL.name, {month.file for month in live.values()}):
        month = live.get(path.name[: len("YYYY-MM")])
        if month is None or path.suffix != ".parquet":
            continue
        rows, whole = _rows_of(path.read_bytes()), read_month(root, month)
        if rows is not None and rows.equals(whole.head(rows.height)):
            remove(root, AUDIT_TRAIL.name, [path])


def unnamed_files(root: Path, months: Iterable[Month]) -> list[Path]:
    """Return files that no record names: of an append that was killed, or that a later one has taken the place of."""
    return unnamed(root, AUDIT_TRAIL.name, {month.file for month in months})


def entry_hash(row: Mapping[str, Any]) -> str:
    """Return the hash of an entry, over all columns but itself."""
    return digest([row[name] for name in AUDIT_TRAIL.columns if name != "entry_hash"])


def first_wrong(rows: pl.DataFrame | None, month: Month) -> str | None:
    """Return what is wrong with the first entry of a month that is not as it was entered; None: none is.

    Parameters
    ----------
    rows, month
        Entries as they are found, None where they cannot be read, and what is on record of them.
    """
    if rows is None or list(rows.columns) != list(AUDIT_TRAIL.columns):
        return f"entries {month.first} to {month.last} cannot be read"
    previous, number, sound = month.previous_hash, month.first, month.first - 1
    for row in rows.iter_rows(named=True):
        if row["entry"] != number:
            return f"entry {number} is missing"
        if entry_hash(row) != row["entry_hash"]:
            return f"entry {number} ({row['event']} {row['reference']}) was edited"
        if row["previous_hash"] != previous:
            return f"entry {number - 1} was edited or replaced: entry {number} does not follow it"
        if month.checkpoints.get(number, row["entry_hash"]) != row["entry_hash"]:
            return _written_anew(sound + 1, number)
        sound = number if number in month.checkpoints else sound
        previous, number = row["entry_hash"], number + 1
    if number <= month.last:
        return f"entry {number} is missing"
    return f"entry {month.last + 1} was added by hand" if number > month.last + 1 else None


def broken(what: str, path: Path) -> TrailBrokenError:
    """Return the error that says what is wrong with the trail, and where."""
    return TrailBrokenError(
        block(
            f"the audit trail is not what was written: {what}",
            file=path,
            expected="the entries that are on record",
            what_to_do="restore the folder audit_trail from a backup; nothing is sent until then",
        )
    )


def end_of(months: list[Month]) -> tuple[int, str]:
    """Return the number and the hash of the last entry; 0 and zeros before the first."""
    return (months[-1].last, months[-1].head) if months else (0, GENESIS)


def month_of(moment: dt.datetime) -> str:
    """Return ``YYYY-MM`` of a moment."""
    return f"{moment:%Y-%m}"


def _rows_of(content: bytes) -> pl.DataFrame | None:
    try:
        return pl.read_parquet(content)
    except Exception:  # whatever a damaged file makes of Parquet
        return None
