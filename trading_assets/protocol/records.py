"""A record of the protocol: what happened, to whom, when, and what is to be remembered of it."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NoReturn

import polars as pl

from trading_assets.config.canonical import canonical
from trading_assets.warehouse.table import Table

Kind = Literal[
    "folder",
    "registration",
    "batch",
    "look",
    "result",
    "exposure",
    "evidence",
    "trials",
    "upgrade",
    "decision",
    "account",
    "import",
    "export",
    "restore",
]
#: Key of a payload under which the hashes of its contents are.
CONTENTS_KEY = "contents"


@dataclass(frozen=True)
class Entry:
    """What is to be put on record.

    Attributes
    ----------
    subject
        Strategy or model that it is about; None: the configuration as a whole.
    payload
        What JSON can say: no NaN, no infinity; dates become ISO texts. The key `contents` is taken.
    contents
        Side table (`TRIAL_ROWS`, `RETURNS`, `TEXTS`) -> rows without `content` and `position`, at most one frame each.
    configuration
        Name of the configuration; None: the one that writes.
    """

    kind: Kind
    subject: str | None
    payload: Mapping[str, Any]
    contents: Mapping[Table, pl.DataFrame] = field(default_factory=lambda: MappingProxyType({}))
    configuration: str | None = None


@dataclass(frozen=True)
class Record:
    """A row of `protocol.records`, its payload read.

    Attributes
    ----------
    contents
        Name of a side table -> hash of the rows in it that belong to this record.
    """

    row: int
    kind: str
    recorded_at: dt.datetime
    configuration: str
    subject: str | None
    payload: Mapping[str, Any]
    row_hash: str

    @property
    def contents(self) -> Mapping[str, str]:
        """Hashes of the rows in side tables that belong to it, by the name of the table."""
        found: Mapping[str, str] = self.payload.get(CONTENTS_KEY, {})
        return found


def record_of(row: Mapping[str, Any]) -> Record:
    """Return the record that a row of the table says.

    Raises
    ------
    ValueError
        The payload is no JSON object, or holds what JSON does not know.
    """
    payload = json.loads(row["payload"], parse_constant=_refuse, parse_float=_finite)
    if not isinstance(payload, dict):
        raise ValueError(f"the payload of row {row['row']} is no object")
    contents = payload.get(CONTENTS_KEY, {})
    if not isinstance(contents, dict) or not all(isinstance(each, str) for each in contents.values()):
        raise ValueError(f"the contents of row {row['row']} are no hashes")
    return Record(
        row=row["row"],
        kind=row["kind"],
        recorded_at=row["recorded_at"],
        configuration=row["configuration"],
        subject=row["subject"],
        payload=payload,
        row_hash=row["row_hash"],
    )


def payload_text(payload: Mapping[str, Any], contents: Mapping[str, str]) -> str:
    """Return the canonical JSON of a payload with the hashes of its contents.

    Raises
    ------
    ValueError
        It has a number that JSON does not know, or a key of its own called `contents`.
    """
    if CONTENTS_KEY in payload:
        raise ValueError(f"{CONTENTS_KEY!r} is taken: give the rows themselves as contents")
    return canonical({**payload, **({CONTENTS_KEY: dict(contents)} if contents else {})})


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
