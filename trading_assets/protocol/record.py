"""Records of the protocol as values: what is on record, and what shall be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """One row of the protocol of a data folder.

    Attributes
    ----------
    row
        Position in the chain, from 1: what has a lower number was on record before.
    recorded_at
        UTC, naive.
    configuration, subject
        Name of the configuration that wrote it, and of the strategy or model that it is about; None for neither.
    payload
        What it says, as JSON has it.
    """

    row: int
    kind: str
    recorded_at: dt.datetime
    configuration: str
    subject: str | None
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """What shall go on record; the row, the clock and the name of the configuration are added by who writes it."""

    kind: str
    subject: str | None
    payload: Mapping[str, Any]
