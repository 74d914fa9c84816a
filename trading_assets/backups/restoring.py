"""Restore a copy: built and verified beside its place, then swapped in; never half, never in place of a later protocol.

What is newer than the copy and can be read stays: the protocol (`backups.ledger`), the files of the audit trail, which
are on record in it, what was sent to brokers (`backups.sent_orders`), and the books of simulated ones.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import os
import secrets
import shutil
import sqlite3
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from trading_assets.backups import ledger
from trading_assets.backups.copying import WAIT_SECONDS, copy_database, copy_file
from trading_assets.backups.manifest import HOME, PROTOCOL, CopyError, Manifest, read_manifest, sync_folder
from trading_assets.backups.sent_orders import enter_again
from trading_assets.backups.verification import content_of_database, faults_of_copy, rows_of_database
from trading_assets.config import Configuration
from trading_assets.models.registry import database_of
from trading_assets.protocol import Protocol
from trading_assets.protocol.earlier import is_unread
from trading_assets.trading.halt import halt_on
from trading_assets.warehouse.errors import block
from trading_assets.warehouse.lock import Patience, file_lock

#: Folder of the data folder with what is being restored, and what restores have taken the place of.
FOLDER = ".restored"
_AT_CWD, _EXCHANGE = -100, 2
_TRAIL, _BROKERS = "audit_trail", "brokers"


@dataclass(frozen=True)
class Restored:
    """What a restore has done.

    Attributes
    ----------
    manifest
        What the copy holds.
    choice
        Which protocol goes on, and what is lost.
    kept
        Files that are other than in the copy, and stayed.
    before
        Folder of what was there before; None: nothing was.
    halted
        Why trading is halted by it; None: it is not.
    replaced
        Brokers' books that could not be kept, and why: those of the copy are in their place.
    """

    manifest: Manifest
    choice: ledger.Choice
    kept: tuple[str, ...]
    before: Path | None
    halted: str | None = None
    replaced: tuple[str, ...] = ()


def restore_copy(configuration: Configuration, copy: Path, now: dt.datetime, *, lose_records: bool = False) -> Restored:
    """Put a copy in place of the home of a configuration, which may be whole, damaged or not there.

    Parameters
    ----------
    configuration, copy
        Configuration, and the folder of the copy.
    now
        Time of the restore, UTC.
    lose_records
        Whether somebody said that a protocol that is newer, and cannot be read, may be lost.

    Raises
    ------
    CopyError
        The copy is damaged, of another configuration, or its protocol would take the place of another. Nothing was
        changed.
    LockedError
        A step did not end in time. Nothing was changed. Of a run between two steps nothing is noticed.
    """
    manifest = read_manifest(copy)
    _assert_sound(configuration, copy, manifest)
    place = configuration.data / FOLDER
    building = place / f"{configuration.name}.{secrets.token_hex(4)}.new"
    before = place / f"{configuration.name}.{now:%Y%m%dT%H%M%S}.{secrets.token_hex(2)}"
    try:
        with ExitStack() as held:
            home = configuration.home
            for database in (configuration.warehouse_path, database_of(home)):
                if home.is_dir():
                    held.enter_context(file_lock(database, exclusive=True, patience=Patience(WAIT_SECONDS)))
            choice = ledger.choose(configuration.data, configuration.name, copy, manifest)
            ledger.assert_told(choice, manifest, lose_records=lose_records)
            _build(copy, manifest, building)
            kept, replaced = _keep_newer(home, building / HOME) if home.is_dir() else ((), ())
            doubt = _enter_sent(configuration, copy, building / HOME, choice)
            _share_locks(home, building / HOME)
            for folder in {path.parent for path in building.rglob("*")}:
                sync_folder(folder)
            while not choice.is_kept:
                ledger.prepared(choice, building / PROTOCOL, copy, manifest, now)
                _halt(Protocol(building / PROTOCOL, configuration.name), doubt, now)
                if ledger.put_in_place(building / PROTOCOL, configuration.data, before, choice):
                    break
                # Somebody, of any configuration, put something on record meanwhile: nothing of it may be forgotten.
                shutil.rmtree(building / PROTOCOL)
                choice = ledger.choose(configuration.data, configuration.name, copy, manifest)
                ledger.assert_told(choice, manifest, lose_records=lose_records)
            if choice.is_kept:
                _halt(Protocol.of(configuration), doubt, now)
            # Before the swap, as an interrupt after it would leave no record; but not where to write it would read the
            # home that is locked here.
            is_first = choice.is_kept and bool(manifest.records) and not _is_unread(configuration)
            if is_first:
                ledger.record_kept(configuration.data, choice, manifest, now)
            was_there = _swap(building / HOME, home, before)
        if choice.is_kept and manifest.records and not is_first:
            ledger.record_kept(configuration.data, choice, manifest, now)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        with suppress(OSError):
            place.rmdir()
    return Restored(manifest, choice, kept, before if was_there or before.exists() else None, doubt, replaced)


def _assert_sound(configuration: Configuration, copy: Path, manifest: Manifest) -> None:
    if manifest.configuration != configuration.name:
        raise CopyError(
            block(
                f"this is a copy of the configuration {manifest.configuration}, not of {configuration.name}",
                folder=copy,
                what_to_do=f"name its file: --config {copy / 'configuration.yaml'}, or your own",
            )
        )
    faults = faults_of_copy(copy, manifest)
    if faults:
        more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise CopyError(
            block(
                f"the copy is damaged: {', '.join(faults[:3])}{more}",
                folder=copy,
                what_to_do="restore another copy; nothing was changed",
            )
        )


def _build(copy: Path, manifest: Manifest, building: Path) -> None:
    """Copy the home to the folder beside its place, each file held to its hash."""
    building.mkdir(parents=True)
    for name, stated in manifest.files.items():
        if name.startswith(f"{HOME}/") and copy_file(copy / name, building / name) != stated:
            raise CopyError(block("the copy changed while it was restored", file=copy / name))


def _keep_newer(home: Path, built: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Take over what the home has of the audit trail and of brokers; return that, and the books that give way."""
    kept, replaced = [], []
    for path in sorted((home / _TRAIL).rglob("*.parquet")):
        inside = path.relative_to(home)
        if not (built / inside).exists():  # named by its bytes: what is on record of it says whether it is whole
            copy_file(path, built / inside)
            kept.append(str(inside))
    for path in sorted((home / _BROKERS).glob("*.db")):
        inside = path.relative_to(home)
        is_copied = (built / inside).exists()
        try:
            if is_copied and content_of_database(path) == content_of_database(built / inside):
                continue
            lacks = len(rows_of_database(built / inside) - rows_of_database(path)) if is_copied else 0
            is_empty = is_copied and not rows_of_database(path)
            if not is_empty:
                partial = built / f"{inside}.partial"
                copy_database(path, partial)
                partial.replace(built / inside)
        except (sqlite3.DatabaseError, CopyError) as error:
            replaced.append(f"{inside} ({str(error).splitlines()[0]})")
            continue
        if is_empty:
            replaced.append(f"{inside} (it has no rows)")
        else:
            kept.append(f"{inside} (without {lacks} rows as the copy has them)" if lacks else str(inside))
    return tuple(kept), tuple(replaced)


def _enter_sent(configuration: Configuration, copy: Path, built: Path, choice: ledger.Choice) -> str | None:
    """Put back what was sent after the copy; return why it may not be all."""
    records = (Protocol.of(configuration) if choice.is_kept else Protocol(copy / PROTOCOL, "")).read()
    warehouse = configuration.warehouse_path
    return enter_again(warehouse, built / warehouse.name, built / _TRAIL, records, configuration.name)


def _halt(protocol: Protocol, doubt: str | None, now: dt.datetime) -> None:
    if doubt is not None:
        reason = f"restored from a copy, and orders that were sent after it may not be on record: {doubt}"
        halt_on(protocol, by="restore", reason=reason, now=now)


def _is_unread(configuration: Configuration) -> bool:
    home = configuration.home
    return home.is_dir() and is_unread(home, Protocol.of(configuration).read())


def _share_locks(home: Path, built: Path) -> None:
    """Give the new folder the lock files of the old one: whoever waits for a lock then waits for that of both."""
    for path in sorted(home.glob("*")):
        if path.name.endswith((".lock", ".queue")):
            (built / path.name).unlink(missing_ok=True)
            os.link(path, built / path.name)


def _swap(built: Path, home: Path, before: Path) -> bool:
    """Exchange a folder with the home in one step; what was there goes to `before`. Return whether anything was."""
    home.parent.mkdir(parents=True, exist_ok=True)
    if not home.exists():
        built.rename(home)
        sync_folder(home.parent)
        return False
    before.mkdir(parents=True, exist_ok=True)
    if not _exchanged(built, home):
        # The file system cannot: a kill between the two leaves no home, which a further restore makes.
        home.rename(before / HOME)
        built.rename(home)
    else:
        built.rename(before / HOME)
    for folder in (home.parent, before):
        sync_folder(folder)
    return True


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange the names of two folders, as Linux can; return whether it was done."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    return int(call(_AT_CWD, os.fsencode(one), _AT_CWD, os.fsencode(other), _EXCHANGE)) == 0
