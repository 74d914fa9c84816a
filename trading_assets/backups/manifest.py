"""The manifest of a copy: every file and table by its hash, written last, so that a copy without one is none."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trading_assets.config.canonical import canonical, digest
from trading_assets.warehouse.errors import WarehouseError, block

FILE = "manifest.json"
FORMAT = 1
#: Folders of a copy: of the configuration's home, and of the protocol of its data folder.
HOME, PROTOCOL = "home", "protocol"


class CopyError(WarehouseError):
    """A copy cannot be made, read or restored; nothing was changed."""


@dataclass(frozen=True)
class Manifest:
    """What a copy holds.

    Attributes
    ----------
    configuration, config_hash
        Name and hash of the configuration.
    made_at
        When it was copied, UTC, as ISO text.
    product, duckdb
        Versions that made it; the hashes of tables are those of DuckDB.
    records, row_hash, folder
        Records of the protocol, the hash of the last one, and the id of the data folder; 0 and empty without one.
    files
        SHA-256 by path in the copy.
    tables
        Hash of the rows by name of a table of the warehouse, as `warehouse.content` has it.
    """

    configuration: str
    config_hash: str
    made_at: str
    product: str
    duckdb: str
    records: int
    row_hash: str
    folder: str
    files: Mapping[str, str]
    tables: Mapping[str, str]

    @property
    def moment(self) -> dt.datetime:
        """When it was copied, UTC."""
        return dt.datetime.fromisoformat(self.made_at)


def write_manifest(copy: Path, manifest: Manifest) -> None:
    """Write the manifest of a copy, synced and under its name in one step."""
    said = {"format": FORMAT, **asdict(manifest)}
    partial = copy / f"{FILE}.partial"
    with partial.open("w", encoding="utf-8") as file:
        file.write(canonical({**said, "sha256": digest(said)}))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(copy / FILE)
    sync_folder(copy)


def read_manifest(copy: Path) -> Manifest:
    """Return the manifest of a copy.

    Raises
    ------
    CopyError
        There is none, it was edited, or a newer version wrote it.
    """
    path = copy / FILE
    advice = "name the folder that trading-assets backup made, or another copy"
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        stated = said.pop("sha256")
        if digest(said) != stated:
            raise ValueError("it is not as it was written")
        if said.pop("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}: another version of trading_assets made it")
        return Manifest(**said)
    except (FileNotFoundError, NotADirectoryError):
        raise CopyError(
            block("this is no copy: it has no manifest, which is written last", folder=copy, what_to_do=advice)
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CopyError(
            block("the manifest of the copy cannot be read", file=path, cause=error, what_to_do=advice)
        ) from None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Put on disk which files a folder has."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
