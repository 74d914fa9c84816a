"""Immutable Parquet files: written whole and synced, named by their bytes, noticed when missing or edited."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote as escaped

import polars as pl

from trading_assets.warehouse.errors import WarehouseError, block

_ENDING, _UNFINISHED = ".parquet", ".unfinished"
#: Rows that a reader can pass over together; a month of some thousand symbols has several of these groups.
_ROWS_OF_A_GROUP = 32_768
#: Digits of the SHA-256 that a name has, and characters of the partition's.
_DIGITS, _LONGEST = 24, 100
#: Files whose bytes were hashed in this process, as they then were.
_hashed: dict[tuple[str, int, int], str] = {}


@dataclass(frozen=True)
class PartFile:
    """A file of a partition, as the manifest has it.

    Attributes
    ----------
    table, partition
        ``schema.table``, and the key of the partition, such as ``2016-01``.
    name
        Name of the file, in the folder of the table.
    size, modified_ns, sha256
        Bytes, when they were last modified, and their hash.
    rows
        How many rows it has.
    columns
        Name and DuckDB type of each column, in order.
    """

    table: str
    partition: str
    name: str
    size: int
    modified_ns: int
    sha256: str
    rows: int
    columns: tuple[tuple[str, str], ...]

    def path(self, root: Path) -> Path:
        """Return where it is, in the folder of the store."""
        return folder_of(root, self.table) / self.name


def folder_of(root: Path, table: str) -> Path:
    """Return the folder of a table's files: schema and table are folders of the store."""
    return root.joinpath(*(escaped(part, safe=" ") for part in table.split(".", maxsplit=1)))


def write_part(
    root: Path,
    table: str,
    partition: str,
    rows: pl.DataFrame,
    columns: Iterable[tuple[str, str]],
    known: Iterable[PartFile] = (),
) -> PartFile:
    """Write rows to a file that is on disk, whole, when this returns; `sync_folder` keeps its name there, too.

    The name says what the bytes are, so that the same rows are the same file, and a file is never written over by
    other bytes.

    Parameters
    ----------
    root, table, partition
        Folder of the store, ``schema.table``, and key of the partition.
    rows
        Rows of the file.
    columns
        Name and DuckDB type of each of their columns.
    known
        Live files: one with the same bytes is left as it is, and returned.

    Raises
    ------
    OSError
        There is no space, or no permission. Nothing is left.
    """
    text = io.BytesIO()
    rows.write_parquet(text, compression="lz4", statistics=True, row_group_size=_ROWS_OF_A_GROUP)
    content = text.getbuffer()
    sha256 = hashlib.sha256(content).hexdigest()
    # As a key may have slashes and quotes.
    path = folder_of(root, table) / f"{escaped(partition, safe=' ')[:_LONGEST]}-{sha256[:_DIGITS]}{_ENDING}"
    for each in known:
        if each.name == path.name and path.exists() and is_as_written(root, each):
            return each
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{secrets.token_hex(8)}{_UNFINISHED}")
    try:
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    found = path.stat()
    return PartFile(table, partition, path.name, found.st_size, found.st_mtime_ns, sha256, rows.height, tuple(columns))


def sync_folder(root: Path, table: str) -> None:
    """Put on disk which files the folder of a table has."""
    for folder in (folder_of(root, table), folder_of(root, table).parent, root):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def assert_as_written(root: Path, files: Iterable[PartFile]) -> None:
    """Check that files are there as they were written.

    Size and time of each are looked at. Bytes are hashed where the time is another one: of a copy, or after an edit.

    Raises
    ------
    WarehouseError
        Naming the first file that is missing or has other bytes.
    """
    for each in files:
        path = each.path(root)
        try:
            if not is_as_written(root, each):
                raise WarehouseError(_damaged("is not as it was written", path, each))
        except FileNotFoundError:
            raise WarehouseError(_damaged("is missing", path, each)) from None


def is_as_written(root: Path, file: PartFile) -> bool:
    """Return whether a file has the bytes that are on record.

    Raises
    ------
    FileNotFoundError
        It is not there.
    """
    path = file.path(root)
    found = path.stat()
    if found.st_size != file.size:
        return False
    return found.st_mtime_ns == file.modified_ns or _sha256(path, found) == file.sha256


def with_other_time(root: Path, file: PartFile) -> PartFile | None:
    """Return a file with the time that it has, if that is another one than on record, and its bytes are the same."""
    try:
        time = file.path(root).stat().st_mtime_ns
        return replace(file, modified_ns=time) if time != file.modified_ns and is_as_written(root, file) else None
    except FileNotFoundError:
        return None


def _damaged(what: str, path: Path, part: PartFile) -> str:
    return block(
        f"a file of the warehouse {what}",
        file=path,
        of=f"{part.table}, partition {part.partition}",
        what_to_do="restore it from a backup; bars and features can be made again: trading-assets run --recompute",
    )


def _sha256(path: Path, found: os.stat_result) -> str:
    """Hash of a file's bytes, taken once a process while its size and time stay."""
    key = (str(path), found.st_size, found.st_mtime_ns)
    if key not in _hashed:
        with path.open("rb") as file:
            _hashed[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _hashed[key]


def unnamed(root: Path, table: str, live: Collection[str]) -> list[Path]:
    """Return files of a table that the store once wrote, and that are not live.

    Parameters
    ----------
    root, table
        Folder of the store, and ``schema.table``.
    live
        Names of the files that are on record.
    """
    folder = folder_of(root, table)
    if not folder.is_dir():
        return []
    return [
        entry for entry in sorted(folder.iterdir()) if entry.suffix in (_ENDING, _UNFINISHED) and entry.name not in live
    ]


def remove(root: Path, table: str, paths: Iterable[Path]) -> None:
    """Remove files, and the folders of the table that are empty then; what cannot be removed stays until the next time.

    Parameters
    ----------
    root, table
        Folder of the store, and ``schema.table``.
    paths
        Files that no row of the manifest names.
    """
    with suppress(OSError):
        for path in paths:
            path.unlink(missing_ok=True)
        for folder in (folder_of(root, table), folder_of(root, table).parent, root):
            folder.rmdir()
