"""Closings of running accounts on the record of the protocol: from when on an account is left for good.

A closing acts at closes that nobody has published by then: what is published stays. Which one is the first follows from
the record alone, so that every replay leaves at the same close.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from trading_assets.protocol import Record
from trading_assets.trading.runs_on_record import runs_on_record

#: What a record of the kind `account` says that closes one.
CLOSE = "close"
_A_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Closing:
    """A closing as it stands on record.

    Attributes
    ----------
    account
        Name of the account.
    row
        Its row in the protocol.
    acts_from
        It acts at the first close of this day or after it.
    by, reason
        Who closes it, and why.
    recorded_at
        When it went on record, UTC.
    """

    account: str
    row: int
    acts_from: dt.date
    by: str
    reason: str
    recorded_at: dt.datetime


def closing_of(records: Iterable[Record], configuration: str, account: str) -> Closing | None:
    """Return the closing of an account; None where there is none.

    Parameters
    ----------
    records
        Records of the protocol.
    configuration, account
        Names of the configuration and of the account.
    """
    found, through = None, None
    for record in records:
        said = record.payload
        if record.configuration != configuration or said.get("account") != account:
            continue
        if record.kind == "account" and said["action"] == CLOSE and found is None:
            found = record
        elif record.kind == "evidence" and "through" in said:
            if found is not None and said.get("closing") == found.row:
                break
            # A run that did not know of it has decided otherwise, also where it was under way at the time.
            through = max(dt.date.fromisoformat(said["through"]), through or dt.date.min)
    if found is None:
        return None
    first = dt.date.fromisoformat(found.payload["session"])
    return Closing(
        account=account,
        row=found.row,
        acts_from=first if through is None else max(first, through + _A_DAY),
        by=found.payload["by"],
        reason=found.payload["reason"],
        recorded_at=found.recorded_at,
    )


def left_on_record(records: Iterable[Record], configuration: str, account: str) -> bool:
    """Return whether the last run of an account has put on record that it holds nothing any more, and never will.

    One before it may have said so, too, and have been killed before it wrote rows: it was made again.

    Parameters
    ----------
    records
        Records of the protocol.
    configuration, account
        Names of the configuration and of the account.
    """
    said = runs_on_record(records, configuration, account)
    return bool(said) and said[-1].get("left") is True


def is_left(closing: Closing, equity: pl.DataFrame) -> bool:
    """Return whether an account held nothing at a close at which its closing acted: nothing waits then either.

    Parameters
    ----------
    closing, equity
        Closing, and the rows of `trading.equity` of the account.
    """
    return not equity.filter(pl.col("session") >= closing.acts_from, pl.col("positions") == 0).is_empty()
