"""Anchors: one line that stands for all records up to a moment, to be kept outside of the data folder.

Who rewrites the whole protocol, head included, cannot rewrite a line that somebody else has. The line says the id of
the folder, how many records there were, the hash of the last, and when: with it, nothing before can change unnoticed.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trading_assets.config.canonical import canonical
from trading_assets.protocol.protocol import Protocol
from trading_assets.protocol.records import Entry, Record
from trading_assets.warehouse import WarehouseError
from trading_assets.warehouse.errors import block

_LONGEST = 1_000_000  # bytes of a file of anchors; a line has about 170
_HASH = re.compile(r"[0-9a-f]{64}")


class AnchorError(WarehouseError):
    """A file of anchors cannot be read, or is of other records than those that are there."""


@dataclass(frozen=True)
class Anchor:
    """What an exported line says.

    Attributes
    ----------
    folder
        Id of the data folder.
    count
        Records that there were.
    head
        `row_hash` of the last of them.
    date
        When it was exported, UTC.
    """

    folder: str
    count: int
    head: str
    date: dt.datetime

    @property
    def line(self) -> str:
        """The line to keep: canonical JSON."""
        return canonical({"folder": self.folder, "count": self.count, "head": self.head, "date": self.date})


def export_anchor(protocol: Protocol, now: dt.datetime) -> Anchor:
    """Return the anchor of all records, after the export itself was put on record."""

    def decide(records: Sequence[Record]) -> list[Entry]:
        last = records[-1]
        payload = {"folder": records[0].payload["id"], "count": last.row, "row_hash": last.row_hash, "date": now}
        return [Entry("export", None, payload)]

    record = protocol.append_decided(decide, now=now)[-1]
    said = record.payload
    return Anchor(said["folder"], said["count"], said["row_hash"], now)


def write_anchor(file: Path, anchor: Anchor) -> None:
    """Add the line of an anchor to a file; lines that are there stay.

    Raises
    ------
    AnchorError
        The file cannot be written.
    """
    try:
        with file.open("a", encoding="ascii") as target:
            target.write(f"{anchor.line}\n")
    except OSError as error:
        what_to_do = "give a file that can be written; the export is on record, and the next one says as much"
        raise AnchorError(
            block("cannot write the exported line", file=file, cause=error, what_to_do=what_to_do)
        ) from None


def read_anchors(file: Path) -> list[Anchor]:
    """Return what the lines of a file say, in their order.

    Raises
    ------
    AnchorError
        The file cannot be read, or a line is none of an export; names the line.
    """
    try:
        with file.open("rb") as source:
            data = source.read(_LONGEST + 1)
    except OSError as error:
        raise AnchorError(block("cannot read the exported line", file=file, cause=error)) from None
    if len(data) > _LONGEST:
        raise AnchorError(block("this is no file of exported lines", file=file, cause="it is too large"))
    lines = [(number, line) for number, line in enumerate(data.splitlines(), start=1) if line.strip()]
    if not lines:
        raise AnchorError(block("there is no exported line", file=file, expected=_EXPECTED))
    return [_anchor(line, file, number) for number, line in lines]


def assert_anchored(records: Sequence[Record], anchor: Anchor) -> None:
    """Check that the records that an anchor stands for are the first of those that are there.

    Raises
    ------
    AnchorError
        The folder is another one, records are gone, or one was replaced.
    """
    folder = records[0].payload.get("id") if records else None
    if folder is None:
        what = "the data folder has no protocol"
    elif folder != anchor.folder:
        what = f"the data folder is another one: {folder}"
    elif anchor.count > len(records):
        what = f"there are {len(records)} records now: the protocol was cut and written anew"
    elif records[anchor.count - 1].row_hash != anchor.head:
        what = f"record {anchor.count} is another one now: the protocol was written anew"
    else:
        return
    raise AnchorError(
        block(
            f"the protocol is not the one that was exported: {what}",
            exported=f"{anchor.count} records of folder {anchor.folder} on {anchor.date:%Y-%m-%d %H:%M} UTC",
            expected=f"record {anchor.count} with the hash {anchor.head}",
            what_to_do="restore the data folder from a backup; results of this one are not those that were anchored",
        )
    )


_EXPECTED = "a line as `trading-assets protocol export` writes it: folder, count, head, date"


def _anchor(line: bytes, file: Path, number: int) -> Anchor:
    try:
        found = json.loads(line.decode("ascii"))
        if not isinstance(found, dict) or found.keys() != {"folder", "count", "head", "date"}:
            raise ValueError("it does not have these four")
        folder, count, head, date = (found[key] for key in ("folder", "count", "head", "date"))
        if not isinstance(count, int) or isinstance(count, bool) or not 0 < count < 2**63:
            raise ValueError("count is not a number of records")
        if not isinstance(head, str) or not _HASH.fullmatch(head):
            raise ValueError("head is not a hash of 64 hexadecimal digits")
        if not isinstance(folder, str) or not isinstance(date, str):
            raise ValueError("folder and date are texts")
        return Anchor(folder, count, head, dt.datetime.fromisoformat(date))
    except (ValueError, RecursionError) as error:
        what = "this is no exported line"
        raise AnchorError(block(what, file=file, line=number, cause=error, expected=_EXPECTED)) from None
