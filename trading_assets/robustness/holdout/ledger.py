"""The holdout ledger: every look at a holdout, in a chain that shows when somebody touched it.

Each row carries the hash of the row before it, and its own hash over all that it says. The number of rows and
the last hash are also kept in a file outside the database (`protocol/head_file.py`). So a row that is edited, deleted,
moved or cut off the end is noticed, and named. What cannot be noticed is somebody who rewrites both the whole
ledger and that file: keep a copy of the file elsewhere if that matters.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets.protocol.chain import GENESIS, Head, LedgerTamperedError, head_of
from trading_assets.protocol.earlier_ledgers import LEDGER
from trading_assets.protocol.looks import LookRefusedError
from trading_assets.robustness.tables import HOLDOUT_LEDGER
from trading_assets.warehouse.errors import block

__all__ = ["GENESIS", "LEDGER", "Head", "LedgerTamperedError", "Look", "LookRefusedError", "head_of", "look_of"]


@dataclass(frozen=True)
class Look:
    """One evaluation of a holdout that is about to be made.

    Attributes
    ----------
    changed
        What differs from the registration that was looked at last, in words.
    number
        Which look it is by the protocol of the data folder, which has allowed it; None: this ledger decides.
    """

    strategy: str
    registration_hash: str
    config_hash: str
    evaluated_at: dt.datetime
    override: str | None = None
    changed: Sequence[str] = ()
    number: int | None = None


def rows_to_add(ledger: pl.DataFrame, look: Look) -> pl.DataFrame:
    """Return what a look adds to the ledger: one row, or none if the same registration was looked at before.

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
    if earlier.height and look.number is None:
        _assert_excused(earlier, look)
    number = look.number or earlier.height + 1
    return LEDGER.link(
        ledger,
        {
            "strategy": look.strategy,
            "registration_hash": look.registration_hash,
            "config_hash": look.config_hash,
            "look": number,
            "evaluated_at": look.evaluated_at,
            "override": look.override if number > 1 else None,
        },
    )


def look_of(ledger: pl.DataFrame, strategy: str, registration_hash: str) -> int:
    """Return the number of the look of a registration that is in the ledger.

    Parameters
    ----------
    ledger
        Rows of `robustness.holdout_ledger`.
    strategy, registration_hash
        Name of the strategy, and the hash of its registration.

    Raises
    ------
    ValueError
        The ledger has no row of the registration.
    """
    rows = ledger.filter(strategy=strategy, registration_hash=registration_hash)
    return int(rows["look"].item())


def verify(ledger: pl.DataFrame, heads: Sequence[Head], head_file: str = "ledger.head") -> None:
    """Check every row of the ledger, the chain between them, and its end; see `Chain.verify`.

    Parameters
    ----------
    ledger
        Rows of `robustness.holdout_ledger`, in order.
    heads, head_file
        Ends of the chain as they were kept outside the warehouse, and the name of the file for the message.

    Raises
    ------
    LedgerTamperedError
        Naming the first row that is wrong.
    """
    LEDGER.verify(ledger, heads, head_file)


def row_hash(row: Mapping[str, Any]) -> str:
    """Return SHA-256 over the canonical JSON of all columns of a row of the ledger but itself."""
    return LEDGER.row_hash(row)


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
            **({"changed": "; ".join(look.changed)} if look.changed else {}),
            expected=expected,
            what_to_do="go back to what robustness.registrations has on record, or write down the reason",
        )
    )
