"""What versions before the protocol kept in each configuration's warehouse: verified, then put on record once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from trading_assets.protocol.chain import Chain, LedgerTamperedError, head_of, impossible_moment
from trading_assets.protocol.earlier_ledgers import (
    HOLDOUT_LEDGER,
    LEDGER,
    REGISTRATIONS,
    UPGRADES,
)
from trading_assets.protocol.head_file import HeadFile
from trading_assets.protocol.records import Entry, Kind, Record
from trading_assets.protocol.tables import TEXTS, TRIAL_ROWS
from trading_assets.protocol.trials_table import TRIALS
from trading_assets.warehouse import LockedError, Warehouse, WarehouseError
from trading_assets.warehouse.errors import block
from trading_assets.warehouse.table import ContractError

WAREHOUSE = "warehouse.duckdb"
#: Chains with the files of their ends and the kind of record that each row becomes.
_LEDGERS: tuple[tuple[Chain, str, Kind], ...] = (
    (LEDGER, "ledger.head", "look"),
    (UPGRADES, "upgrades.head", "upgrade"),
)
_RESULTS = "SELECT strategy, look FROM robustness.holdout ORDER BY ALL"


def homes(data: Path) -> list[Path]:
    """Return the folders of a data folder that have a warehouse, by name."""
    try:
        return sorted(path.parent for path in data.glob(f"*/{WAREHOUSE}"))
    except OSError:
        return []


def is_unread(home: Path, records: Sequence[Record]) -> bool:
    """Return whether a warehouse may hold what is not on record: nothing of it is, or its ledgers say more."""
    own = [record for record in records if record.configuration == home.name]
    last = last_import(own, home.name)
    if not own or (last is not None and "refused" in last.payload):
        return True
    kinds = Counter(record.kind for record in own)
    return any(HeadFile(home / name, chain).rows > kinds[kind] for chain, name, kind in _LEDGERS)


def last_import(records: Sequence[Record], configuration: str) -> Record | None:
    """Return the last import of a configuration's warehouse; None without one."""
    own = (each for each in reversed(records) if each.kind == "import" and each.configuration == configuration)
    return next(own, None)


def assert_imported(records: Sequence[Record], configuration: str) -> None:
    """Check that what earlier versions kept of a configuration is on record.

    Raises
    ------
    LedgerTamperedError
        It was refused, as it is not what was once written.
    """
    last = last_import(records, configuration)
    if last is not None and "refused" in last.payload:
        raise LedgerTamperedError(str(last.payload["refused"]))


def entries_of(home: Path, records: Sequence[Record], wait_seconds: float) -> list[Entry]:
    """Return what a warehouse adds to the protocol: the import, then registrations, looks and upgrades not on record.

    A warehouse that is not what was once written adds its refusal alone, unless that is on record already.

    Parameters
    ----------
    home
        Folder of the warehouse, whose name is that of its configuration.
    records
        Records of the protocol, oldest first.
    wait_seconds
        How long to wait for whoever has the warehouse open.

    Raises
    ------
    LockedError
        Another process has it open.
    """
    last = last_import(records, home.name)
    file = f"{home.name}/{WAREHOUSE}"
    try:
        found = _read(home, wait_seconds)
    except LockedError:
        raise
    except (WarehouseError, ContractError, duckdb.Error, OSError, ValueError, pl.exceptions.PolarsError) as error:
        reason = str(error)
        if last is not None and last.payload.get("refused") == reason:
            return []
        return [Entry("import", None, {"file": file, "refused": reason}, configuration=home.name)]
    ledger, upgrades, registrations, trials = found
    payload: dict[str, Any] = {
        "file": file,
        "rows": ledger.height,
        "row_hash": head_of(ledger).row_hash,
        "upgrades": upgrades.height,
        "upgrades_hash": head_of(upgrades).row_hash,
        "trials": trials.height,
    }
    contents = {TRIAL_ROWS: trials} if not trials.is_empty() else {}
    entries = [
        *_registrations(registrations, _known(records, home.name, "registration", ("registration_hash",))),
        *_looks(ledger, _known(records, home.name, "look", ("registration_hash",)) | _looks_at(records, home.name)),
        *_upgrades(upgrades, _known(records, home.name, "upgrade", ("new_hash", "new_version"))),
    ]
    if not entries and last is not None and last.payload.get("trials") == trials.height:
        return []  # a copy of what is on record
    imported = Entry("import", None, payload, contents)
    return [Entry(each.kind, each.subject, each.payload, each.contents, home.name) for each in (imported, *entries)]


def _read(home: Path, wait_seconds: float) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return the ledgers of looks and upgrades, the registrations and the trials, all checked."""
    warehouse = Warehouse(home / WAREHOUSE, wait_seconds=wait_seconds)
    ledger, upgrades = (_verified(warehouse, HeadFile(home / name, chain)) for chain, name, _ in _LEDGERS)
    registrations = warehouse.read_or_empty(REGISTRATIONS)
    impossible = impossible_moment(registrations)
    if impossible is not None:
        raise _tampered(f"a {impossible} of a registration is out of all time", home, REGISTRATIONS.name, "a moment")
    for strategy, registration_hash, content in registrations.select(
        "strategy", "registration_hash", "content"
    ).iter_rows():
        if hashlib.sha256(content.encode()).hexdigest() != registration_hash:
            raise _tampered(f"a registration of {strategy} was edited", home, REGISTRATIONS.name, registration_hash)
    looks = Counter(ledger["strategy"].to_list())
    if warehouse.exists("robustness.holdout"):
        for strategy, look in warehouse.query(_RESULTS).iter_rows():
            if look > looks[strategy]:
                what = f"{strategy} has results of look {look} at its holdout, and {looks[strategy]} are on record"
                raise _tampered(what, home, HOLDOUT_LEDGER.name, "a look on record before each result")
    return ledger, upgrades, registrations, warehouse.read_or_empty(TRIALS)


def _verified(warehouse: Warehouse, head: HeadFile) -> pl.DataFrame:
    def checked(rows: pl.DataFrame) -> pl.DataFrame:
        head.verify(rows)
        return rows

    return warehouse.examine(head.chain.table, checked)


def _registrations(registrations: pl.DataFrame, known: set[tuple[str | None, ...]]) -> list[Entry]:
    return [
        Entry(
            "registration",
            row["strategy"],
            {
                "registration_hash": row["registration_hash"],
                "registered_on": row["registered_on"],
                "product_version": row["product_version"],
                "imported": {"recorded_at": row["recorded_at"]},
            },
            {TEXTS: pl.DataFrame({"text": [row["content"]]})},
        )
        for row in registrations.sort("recorded_at", "strategy", "registration_hash").iter_rows(named=True)
        if (row["strategy"], row["registration_hash"]) not in known
    ]


def _looks(ledger: pl.DataFrame, known: set[tuple[str | None, ...]]) -> list[Entry]:
    return [
        Entry(
            "look",
            row["strategy"],
            {
                **{key: row[key] for key in ("registration_hash", "config_hash", "look", "override")},
                "imported": {"evaluated_at": row["evaluated_at"]},
            },
        )
        for row in ledger.sort("row").iter_rows(named=True)
        if not {(row["strategy"], row["registration_hash"]), (row["strategy"], row["evaluated_at"].isoformat())} & known
    ]


def _upgrades(upgrades: pl.DataFrame, known: set[tuple[str | None, ...]]) -> list[Entry]:
    keys = ("old_hash", "new_hash", "old_version", "new_version", "reason")
    return [
        Entry(
            "upgrade",
            row["strategy"],
            {**{key: row[key] for key in keys}, "imported": {"recorded_at": row["recorded_at"]}},
        )
        for row in upgrades.sort("row").iter_rows(named=True)
        if (row["strategy"], row["new_hash"], row["new_version"]) not in known
    ]


def _looks_at(records: Sequence[Record], configuration: str) -> set[tuple[str | None, ...]]:
    """Return when each strategy was looked at: a look is known by its moment, too, whatever hash its copy has."""
    looks = [each for each in records if each.kind == "look" and each.configuration == configuration]
    return {
        (each.subject, each.payload.get("imported", {}).get("evaluated_at") or each.recorded_at.isoformat())
        for each in looks
    }


def _known(
    records: Sequence[Record], configuration: str, kind: Kind, keys: Sequence[str]
) -> set[tuple[str | None, ...]]:
    own = (each for each in records if each.kind == kind and each.configuration == configuration)
    return {(each.subject, *(each.payload.get(key) for key in keys)) for each in own}


def _tampered(what: str, home: Path, table: str, expected: str) -> LedgerTamperedError:
    return LedgerTamperedError(
        block(
            f"the holdout ledger was tampered with: {what}",
            file=home / WAREHOUSE,
            table=table,
            expected=expected,
            what_to_do="restore it and its .head files together from a backup; no verdict is made until then",
        )
    )
