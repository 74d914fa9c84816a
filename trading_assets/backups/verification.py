"""Verify a copy by its manifest, a home by its own records, and a home by a copy: what differs, by name."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb

from trading_assets.backups.copying import files_of, table_hashes
from trading_assets.backups.ledger import read_all
from trading_assets.backups.manifest import FILE, HOME, PROTOCOL, Manifest, sha256_of
from trading_assets.config import Configuration
from trading_assets.models.registry import RegistryError, database_of
from trading_assets.models.registry_files import FAULTS, verify_artifacts
from trading_assets.protocol import Protocol
from trading_assets.protocol.protocol import HEAD_FILE
from trading_assets.trading.audit_trail.verification import verify_trail
from trading_assets.warehouse import LockedError, Warehouse, WarehouseError
from trading_assets.warehouse.lake.store import PartitionStore

#: What is made anew from the rest: another run gives it other bytes, such as a date.
_MADE_ANEW = ("reports", "cache", "lake")
_SQLITE = ".db"


def faults_of_copy(copy: Path, manifest: Manifest) -> list[str]:
    """Return a line for each file of a copy that is missing, has other bytes, or is not of it."""
    found = []
    for name, stated in manifest.files.items():
        path = copy / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif sha256_of(path) != stated:
            found.append(f"{name} is not as it was copied")
    there = {str(inside) for inside in files_of(copy)}
    return [*found, *(f"{name} was added" for name in sorted(there - {*manifest.files, FILE}))]


def faults_of_home(configuration: Configuration) -> list[str]:
    """Return a line for each part of a home that is not what its own records say.

    Every block of the warehouse is read; the protocol, the registry's artifacts, the audit trail and the files of the
    partition store are held to their hashes, and the books of brokers to SQLite's own check.

    Raises
    ------
    LockedError
        Somebody writes for too long: nothing is said of what could not be read.
    """
    parts: tuple[tuple[str, Callable[[Configuration], Iterator[str]]], ...] = (
        (Protocol.of(configuration).path.name, _of_protocol),
        (configuration.warehouse_path.name, _of_warehouse),
        (database_of(configuration.home).name, _of_registry),
        ("brokers", _of_brokers),
        ("audit_trail", _of_trail),
    )
    found = []
    for name, look in parts:
        try:
            found += [f"{name}: {said}" for said in look(configuration)]
        except LockedError:
            raise
        except (WarehouseError, RegistryError, OSError) as error:
            found.append(f"{name}: {error}")
    return found


def differences_to_copy(configuration: Configuration, copy: Path, manifest: Manifest) -> list[str]:
    """Return a line for each table, file and record in which a home differs from a copy, by name.

    Parameters
    ----------
    configuration
        Configuration whose home it is; it can be read, see `faults_of_home`.
    copy, manifest
        Folder of the copy, which is as its manifest says, and that.
    """
    return [
        *_other_records(configuration, manifest),
        *_other_tables(configuration, manifest),
        *_other_files(configuration.home, copy, manifest),
    ]


def _of_protocol(configuration: Configuration) -> Iterator[str]:
    protocol = Protocol.of(configuration)
    if not protocol.path.exists() and not (configuration.data / HEAD_FILE).exists():
        yield "is missing: nothing that was registered, looked at or tried is on record"
        return
    protocol.verify_contents(protocol.read())
    read_all(protocol.path)


def _of_warehouse(configuration: Configuration) -> Iterator[str]:
    path = configuration.warehouse_path
    if not path.exists():
        yield "is missing"
        return
    with Warehouse(path).opened() as connection:
        PartitionStore.assert_sound(connection, path, ())
        table_hashes(connection)  # DuckDB holds each block that it reads to its checksum


def _of_registry(configuration: Configuration) -> Iterator[str]:
    for row in verify_artifacts(configuration.home).iter_rows(named=True):
        if row["state"] in FAULTS:
            yield f"the artifact of {row['model']} version {row['number']} is {row['state']}: {row['file']}"


def _of_brokers(configuration: Configuration) -> Iterator[str]:
    for path in sorted((configuration.home / "brokers").glob(f"*{_SQLITE}")):
        try:
            content_of_database(path)
        except sqlite3.DatabaseError as error:
            yield f"{path.name} cannot be read: {error}"


def _of_trail(configuration: Configuration) -> Iterator[str]:
    if not configuration.warehouse_path.exists():
        return
    found = verify_trail(Warehouse(configuration.warehouse_path), configuration)
    if found.broken is not None:
        yield found.broken
    yield from found.lost


def content_of_database(path: Path) -> str:
    """Return the SHA-256 of what a SQLite database says, whatever its pages are.

    Raises
    ------
    sqlite3.DatabaseError
        It cannot be read, or is damaged.
    """
    digest = hashlib.sha256()
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=60)) as connection:
        ((found,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        for line in connection.iterdump():
            digest.update(line.encode())
    return digest.hexdigest()


def rows_of_database(path: Path) -> set[str]:
    """Return the rows of a SQLite database as statements that write them.

    Raises
    ------
    sqlite3.DatabaseError
        It cannot be read.
    """
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=60)) as connection:
        return {line for line in connection.iterdump() if line.startswith("INSERT INTO")}


def _other_records(configuration: Configuration, manifest: Manifest) -> Iterator[str]:
    records = Protocol.of(configuration).read()
    there = f"{PROTOCOL}: the home has {len(records)} records, the copy {manifest.records}"
    if len(records) < manifest.records or (
        manifest.records and records[manifest.records - 1].row_hash != manifest.row_hash
    ):
        yield f"{there}, which are others"
    elif len(records) > manifest.records and any(each.kind != "restore" for each in records[manifest.records :]):
        yield there


def _other_tables(configuration: Configuration, manifest: Manifest) -> Iterator[str]:
    with Warehouse(configuration.warehouse_path).opened() as connection:
        here = table_hashes(connection)
    same_hash = duckdb.__version__ == manifest.duckdb
    for name in sorted({*here, *manifest.tables} - {"meta.sequence"}):
        own, copied = here.get(name), manifest.tables.get(name)
        if own is None or copied is None:
            yield f"table {name} is {'not in the home' if own is None else 'not in the copy'}"
            continue
        rows, copied_rows = own.partition(":")[0], copied.partition(":")[0]
        if rows != copied_rows:
            yield f"table {name} has {rows} rows, {copied_rows} in the copy"
        elif same_hash and own != copied:
            yield f"table {name} has other values than in the copy"


def _other_files(home: Path, copy: Path, manifest: Manifest) -> Iterator[str]:
    stated = {name.removeprefix(f"{HOME}/"): each for name, each in manifest.files.items() if name.startswith(HOME)}
    here = {str(inside) for inside in files_of(home)}
    for name in sorted(here | set(stated)):
        inside = Path(name)
        if inside.parts[0] in _MADE_ANEW or ".duckdb" in name:
            continue
        if name not in here or name not in stated:
            yield f"file {name} is {'not in the home' if name in stated else 'not in the copy'}"
        elif inside.suffix == _SQLITE:
            if content_of_database(home / name) != content_of_database(copy / HOME / name):
                yield f"database {name} has other rows than in the copy"
        elif sha256_of(home / name) != stated[name]:
            yield f"file {name} is not as in the copy"
