"""Verify the trail: every entry, the chain between them, its end, and that the tables have what it says."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from trading_assets.config import Configuration
from trading_assets.protocol import Protocol
from trading_assets.trading.audit_trail.monthly_files import (
    Month,
    TrailBrokenError,
    first_wrong,
    months_on,
    read_month,
    trail_folder,
    unnamed_files,
)
from trading_assets.trading.audit_trail.tables import AUDIT_TRAIL
from trading_assets.trading.tables import FILLS, SUBMISSION_EVENTS, SUBMISSIONS
from trading_assets.warehouse import Table, Warehouse

#: Tables that only grow, with the events of their rows: what is on the trail has to be there.
_GROWING: dict[Table, tuple[tuple[str, ...], str]] = {
    SUBMISSIONS: (SUBMISSION_EVENTS, "client_order_id || '/' || event"),
    FILLS: (("fill",), "account || '/' || broker_fill_id"),
}


@dataclass(frozen=True)
class Verified:
    """What a verification has found.

    Attributes
    ----------
    entries, months
        How many entries, in how many months, were verified.
    broken
        What is wrong with the first entry that is not as it was entered; None: nothing.
    lost
        What the trail says that a table of the warehouse has not.
    left_over
        Files that no record names, and that a killed append may have left: no part of the trail.
    """

    entries: int
    months: int
    broken: str | None
    lost: tuple[str, ...]
    left_over: int

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return self.broken is None and not self.lost


def verify_trail(
    warehouse: Warehouse,
    configuration: Configuration,
    *,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> Verified:
    """Verify the entries of the months of some days against their hashes and what is on record.

    Parameters
    ----------
    warehouse, configuration
        Tables that are held to the trail, and the configuration that it is of.
    first, last
        Days whose months are verified; None: from the beginning, to the end.
    """
    root = trail_folder(configuration)
    months = months_on(Protocol.of(configuration).read(), configuration.name)
    asked = [
        month for month in months if f"{first or dt.date.min:%Y-%m}" <= month.month <= f"{last or dt.date.max:%Y-%m}"
    ]
    found = [AUDIT_TRAIL.empty()]
    for before, month in zip([None, *months], months, strict=False):
        if month not in asked:
            continue
        wrong = _not_following(before, month)
        if wrong is None:
            try:
                rows = read_month(root, month)
                wrong = first_wrong(rows, month)
            except TrailBrokenError as error:
                wrong = str(error)
        if wrong is not None:
            return Verified(sum(rows.height for rows in found), len(found) - 1, wrong, (), 0)
        found.append(rows)
    entries = pl.concat(found)
    lost = tuple(_lost(warehouse, entries))
    return Verified(entries.height, len(asked), None, lost, len(unnamed_files(root, months)))


def _not_following(before: Month | None, month: Month) -> str | None:
    if before is not None and (before.last + 1, before.head) != (month.first, month.previous_hash):
        return f"entry {month.first} of {month.month} does not follow entry {before.last} of {before.month}"
    return None


def _lost(warehouse: Warehouse, entries: pl.DataFrame) -> list[str]:
    """Entries whose row of a table that only grows is gone, and entries that the copy of the trail has otherwise."""
    said = []
    for table, (events, reference) in _GROWING.items():
        own = entries.filter(pl.col("event").is_in(events))
        there: list[str] = []
        if warehouse.exists(table.name):
            there = warehouse.query(f"SELECT {reference} AS reference FROM {table.name}")["reference"].to_list()
        gone = own.filter(~pl.col("reference").is_in(there))
        said += [
            f"{table.name} has lost the row of entry {number} ({event} {name})"
            for number, event, name in gone.select("entry", "event", "reference").iter_rows()
        ]
    copy = warehouse.read_or_empty(AUDIT_TRAIL).select("entry", copied="entry_hash")
    other = entries.join(copy, on="entry", how="left").filter(pl.col("copied").ne_missing(pl.col("entry_hash")))
    said += [f"{AUDIT_TRAIL.name} has entry {number} otherwise, or not" for number in other["entry"].head(5)]
    return said
