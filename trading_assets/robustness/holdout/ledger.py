"""The holdout ledger: every look at a holdout, in a chain that shows when somebody touched it.

Each row carries the hash of the row before it, and its own hash over all that it says. The number of rows and
the last hash are also kept in a file outside the database (`ledger_head.py`). So a row that is edited, deleted,
moved or cut off the end is noticed, and named. What cannot be noticed is somebody who rewrites both the whole
ledger and that file: keep a copy of the file elsewhere if that matters.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from trading_assets.robustness.tables import HOLDOUT_LEDGER
from trading_assets.warehouse.errors import WarehouseError, block

GENESIS = "0" * 64
_HASHED = tuple(name for name in HOLDOUT_LEDGER.columns if name != "row_hash")


class LedgerTamperedError(WarehouseError):
    """A row of the ledger is not what was once written; nothing that rests on it may go on."""


class LookRefusedError(Exception):
    """The holdout has been seen, what is to be evaluated has changed since, and no reason is given."""


class Head(NamedTuple):
    """Where the ledger ends: how many rows it has, and the hash of the last."""

    rows: int
    row_hash: str


@dataclass(frozen=True)
class Look:
    """One evaluation of a holdout that is about to be made."""

    strategy: str
    registration_hash: str
    config_hash: str
    evaluated_at: dt.datetime
    override: str | None = None


def head_of(ledger: pl.DataFrame) -> Head:
    """The end of a ledger whose rows are in order."""
    return Head(ledger.height, ledger["row_hash"][-1]) if ledger.height else Head(0, GENESIS)


def rows_to_add(ledger: pl.DataFrame, look: Look) -> pl.DataFrame:
    """What a look adds to the ledger: one row, or none if the same registration was looked at before.

    The first look of a strategy needs nothing. A look at another registration needs an override, and each
    override is good for one: a reason that is on record already does not excuse the next change.

    Raises
    ------
    LookRefusedError
        The registration differs from those on record and there is no new reason for it.
    """
    earlier = ledger.filter(pl.col("strategy") == look.strategy)
    if look.registration_hash in earlier["registration_hash"]:
        return HOLDOUT_LEDGER.empty()
    if earlier.height:
        _assert_excused(earlier, look)
    end = head_of(ledger)
    row: dict[str, Any] = {
        "row": end.rows + 1,
        "strategy": look.strategy,
        "registration_hash": look.registration_hash,
        "config_hash": look.config_hash,
        "look": earlier.height + 1,
        "evaluated_at": look.evaluated_at,
        "override": look.override if earlier.height else None,
        "previous_hash": end.row_hash,
    }
    row["row_hash"] = row_hash(row)
    return pl.DataFrame([row], schema=HOLDOUT_LEDGER.empty().schema)


def look_of(ledger: pl.DataFrame, strategy: str, registration_hash: str) -> int:
    """Number of the look of a registration that is in the ledger."""
    rows = ledger.filter(strategy=strategy, registration_hash=registration_hash)
    return int(rows["look"].item())


def verify(ledger: pl.DataFrame, heads: Sequence[Head], head_file: str = "ledger.head") -> None:
    """Check every row, the chain between them, and its end.

    Parameters
    ----------
    ledger
        All rows, by `row`.
    heads
        What the file outside the database says; two after a run was killed while it wrote (before and after
        the last row), none if the file does not exist.
    head_file
        Its name, for the message.

    Raises
    ------
    LedgerTamperedError
        Naming the first row that is wrong.
    """
    expected = GENESIS
    for position, row in enumerate(ledger.iter_rows(named=True), start=1):
        if row["row"] is None or row["row"] > position:
            raise _tampered(f"row {position} is missing: it was deleted", "a row for every number")
        if row["row"] < position:
            raise _tampered(f"row {row['row']} is there twice", "one row for every number")
        if row_hash(row) != row["row_hash"]:
            raise _tampered(f"{_named(row)} was edited or moved", f"values with the hash {row['row_hash']}")
        if row["previous_hash"] != expected:
            raise _tampered(
                f"row {position - 1} was edited or replaced: {_named(row)} does not follow it",
                f"row {position - 1} with the hash {row['previous_hash']}",
            )
        expected = row["row_hash"]
    _verify_end(ledger, heads, head_file)


def row_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of all columns but itself."""
    values = [_plain(row[name]) for name in _HASHED]
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _verify_end(ledger: pl.DataFrame, heads: Sequence[Head], head_file: str) -> None:
    found = head_of(ledger)
    if found in heads or (not heads and not ledger.height):
        return
    if not heads:
        raise _tampered(f"{head_file} is missing", f"the file, which says {found.rows} rows")
    head = heads[0]
    if found.rows < head.rows:
        first = found.rows + 1
        gone = f"row {first} is" if first == head.rows else f"rows {first} to {head.rows} are"
        raise _tampered(f"{gone} missing: cut off the end", f"{head.rows} rows, as {head_file} says")
    last = ledger.row(head.rows if found.rows > head.rows else -1, named=True)
    what = "was added by hand" if found.rows > head.rows else "was edited or replaced"
    raise _tampered(f"{_named(last)} {what}", f"{head.rows} rows that end with {head.row_hash}, as {head_file} says")


def _assert_excused(earlier: pl.DataFrame, look: Look) -> None:
    if look.override is not None and look.override not in earlier["override"]:
        return
    last = earlier.row(-1, named=True)
    expected = "a reason for a further look, which stays on record for ever"
    if look.override is not None:
        excused = earlier.filter(override=look.override)["look"][0]
        expected += f"; the one that is there was given for look {excused}"
    raise LookRefusedError(
        block(
            f"the holdout of {look.strategy} has been looked at, and what would be evaluated has changed since",
            key=f"registration.{look.strategy}.override",
            last_look=f"number {last['look']}, {last['evaluated_at']:%Y-%m-%d %H:%M} UTC",
            registered_then=last["registration_hash"],
            registered_now=look.registration_hash,
            expected=expected,
            what_to_do="go back to what robustness.registrations has on record, or write down the reason",
        )
    )


def _named(row: Mapping[str, Any]) -> str:
    return f"row {row['row']} ({row['strategy']}, look {row['look']})"


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="microseconds") if isinstance(value, dt.datetime) else value


def _tampered(what: str, expected: str) -> LedgerTamperedError:
    return LedgerTamperedError(
        block(
            f"the holdout ledger was tampered with: {what}",
            table=HOLDOUT_LEDGER.name,
            expected=expected,
            what_to_do="restore the warehouse and ledger.head together from a backup; no verdict is made until then",
        )
    )
