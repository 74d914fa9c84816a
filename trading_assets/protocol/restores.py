"""Restored protocols: what a copy that took the place of a later protocol forgets, and what that does to a verdict.

Whoever restores an older protocol could look at a holdout again, or with fewer trials on record. So a restore keeps the
protocol that is there wherever it can be read and goes on from the copy. Where it cannot be read, or is gone, the copy
is taken, and the first record after it says so, with how many records are known to be lost. It is written before the
copy is put in place: no protocol that forgot anything is without it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from trading_assets.protocol.protocol import Protocol
from trading_assets.protocol.records import Record

RESTORE = "restore"


def record_restore(
    protocol: Protocol, *, copied: int, made_at: dt.datetime, lost: int | None, cause: str, now: dt.datetime
) -> Record:
    """Put on record that a copy was restored.

    Parameters
    ----------
    protocol
        Protocol that goes on: that of the data folder, or the copy that is about to take its place.
    copied, made_at
        Records that the copy has, and when it was made, UTC.
    lost
        Records that came after it and are lost; None: nothing says how many.
    cause
        Why these are lost, or that none is.
    now
        Time of the record, UTC.
    """
    payload = {"copied": copied, "made_at": made_at.isoformat(timespec="seconds"), "lost": lost, "cause": cause}
    return protocol.append("restore", None, payload, now=now)


def forgetful_restores(records: Sequence[Record]) -> list[Record]:
    """Return the restores after which records are lost, or may be."""
    return [record for record in records if record.kind == RESTORE and record.payload["lost"] != 0]


def said_of(restore: Record) -> str:
    """Return in words what a restore forgot."""
    said: Any = restore.payload
    lost = "nobody knows which records" if said["lost"] is None else f"{said['lost']} records"
    return (
        f"the protocol was restored on {restore.recorded_at:%Y-%m-%d} from a copy of {str(said['made_at'])[:10]}; "
        f"{lost} after it are lost ({said['cause']})"
    )


def caps_of_restores(records: Sequence[Record], begins: dt.date) -> list[str]:
    """Return why a verdict is at best conditional; empty if no restore can have forgotten anything that it counts.

    A verdict counts every trial on record, also one that is made again of a look that the copy has. Trials may have
    been lost of each market that was there before the restore; what begins later nobody can have tried.

    Parameters
    ----------
    records, begins
        Records of the protocol, and the first session of the trials that the verdict counts.
    """
    return [said_of(restore) for restore in forgetful_restores(records) if begins <= restore.recorded_at.date()]
