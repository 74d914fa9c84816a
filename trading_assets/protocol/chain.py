"""Append-only tables whose rows are chained by their hashes, so that a row that was touched is noticed, and named."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl
import polars.selectors as cs

from trading_assets.protocol.known_rows import KnownRows
from trading_assets.warehouse.errors import WarehouseError, block
from trading_assets.warehouse.table import Table

GENESIS = "0" * 64
#: Microseconds since 1970 of the first and the last moment that Python can name.
_EARLIEST, _LATEST = (
    round((moment - dt.datetime(1970, 1, 1)) / dt.timedelta(microseconds=1))
    for moment in (dt.datetime.min, dt.datetime.max)
)


class LedgerTamperedError(WarehouseError):
    """A row of a chained table is not what was once written; nothing that rests on it may go on."""


class Head(NamedTuple):
    """Where a chained table ends: how many rows it has, and the hash of the last.

    `folder` is the hash of the first row where that row stands for a data folder, else None.
    """

    rows: int
    row_hash: str
    folder: str | None = None


def head_of(rows: pl.DataFrame) -> Head:
    """Return the end of a chained table whose rows are in order."""
    return Head(rows.height, rows["row_hash"][-1]) if rows.height else Head(0, GENESIS)


def folder_of(rows: pl.DataFrame) -> str | None:
    """Return the hash of the first row, which stands for the data folder; None without rows."""
    return str(rows["row_hash"][0]) if rows.height else None


def impossible_moment(rows: pl.DataFrame) -> str | None:
    """Return the first column with a moment that Python cannot name, such as infinity; None without one.

    They are compared as numbers: Polars panics where it is to make a moment of one.
    """
    for name, column in rows.select(cs.datetime()).to_dict().items():
        ticks = column.to_physical()
        if ((ticks < _EARLIEST) | (ticks > _LATEST)).any():
            return name
    return None


@dataclass(frozen=True)
class Chain:
    """A chained table: `row` counts from 1, `previous_hash` is the `row_hash` of the row before.

    Attributes
    ----------
    noun
        What the table is called in messages.
    describe
        What a row is about, in words.
    identify
        What a head file says of the folder whose table it is of, from all rows; None where it says nothing.
    known
        Rows that were verified, with their hashes.
    """

    table: Table
    noun: str
    describe: Callable[[Mapping[str, Any]], str]
    identify: Callable[[pl.DataFrame], str | None] = lambda rows: None
    known: KnownRows[str] = field(default_factory=KnownRows, compare=False, repr=False)

    def head_of(self, rows: pl.DataFrame) -> Head:
        """Return the end of the table, with the folder that it is of."""
        return head_of(rows)._replace(folder=self.identify(rows))

    def row_hash(self, row: Mapping[str, Any]) -> str:
        """Return SHA-256 over the canonical JSON of all columns but itself."""
        values = [_plain(row[name]) for name in self.table.columns if name != "row_hash"]
        text = json.dumps(values, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def link(self, rows: pl.DataFrame, values: Mapping[str, Any]) -> pl.DataFrame:
        """Return the row that follows `rows` and says `values`."""
        end = head_of(rows)
        row = {**values, "row": end.rows + 1, "previous_hash": end.row_hash}
        row["row_hash"] = self.row_hash(row)
        return pl.DataFrame([row], schema=self.table.empty().schema)

    def verify(self, rows: pl.DataFrame, heads: Sequence[Head], head_file: str) -> None:
        """Check every row, the chain between them, and its end.

        Parameters
        ----------
        rows
            All rows, by `row`.
        heads
            What the file outside the database says; two after a run was killed while it wrote (before and after
            the last row), none if the file does not exist.
        head_file
            Name of the file that keeps the end, for the message.

        Raises
        ------
        LedgerTamperedError
            Naming the first row that is wrong.
        """
        self.known.of(rows, lambda new, before: self._verified(rows, new, before, head_file))
        self._verify_end(rows, heads, head_file)

    def _verified(self, rows: pl.DataFrame, new: pl.DataFrame, before: int, head_file: str) -> tuple[str, ...]:
        """Hashes of rows that follow `before` others, after every check of each."""
        expected = rows["row_hash"][before - 1] if before else GENESIS
        for position, row in enumerate(self._rows(new, head_file), start=before + 1):
            if row["row"] is None or row["row"] > position:
                raise self.tampered(f"row {position} is missing: it was deleted", "a row for every number", head_file)
            if row["row"] < position:
                raise self.tampered(f"row {row['row']} is there twice", "one row for every number", head_file)
            if self.row_hash(row) != row["row_hash"]:
                what = f"{self._named(row)} was edited or moved"
                raise self.tampered(what, f"values with the hash {row['row_hash']}", head_file)
            if row["previous_hash"] != expected:
                what = f"row {position - 1} was edited or replaced: {self._named(row)} does not follow it"
                raise self.tampered(what, f"row {position - 1} with the hash {row['previous_hash']}", head_file)
            expected = row["row_hash"]
        return tuple(new["row_hash"])

    def _rows(self, rows: pl.DataFrame, head_file: str) -> Iterator[dict[str, Any]]:
        """Rows as Python values; some that the database can hold have none, such as a date of the year 0."""
        impossible = impossible_moment(rows)
        if impossible is not None:
            what = f"a row holds what was never written (a {impossible} out of all time)"
            raise self.tampered(what, "rows as written", head_file)
        try:
            yield from rows.iter_rows(named=True)
        except (ValueError, OverflowError, pl.exceptions.PolarsError) as error:
            raise self.tampered(f"a row holds what was never written ({error})", "rows as written", head_file) from None

    def _verify_end(self, rows: pl.DataFrame, heads: Sequence[Head], head_file: str) -> None:
        found, folder = head_of(rows), self.identify(rows)
        for head in heads:
            if head.folder is not None and folder is not None and head.folder != folder:
                what = f"{head_file} is the head of another folder's {self.noun}"
                raise self.tampered(what, f"the head of the folder whose first row is {folder}", head_file)
        if any(head[:2] == found[:2] for head in heads) or (not heads and not rows.height):
            return
        if not heads:
            raise self.tampered(f"{head_file} is missing", f"the file, which says {found.rows} rows", head_file)
        head = heads[0]
        says = f"{head.rows} rows that end with {head.row_hash}, as {head_file} says"
        if found.rows < head.rows:
            first = found.rows + 1
            gone = f"row {first} is" if first == head.rows else f"rows {first} to {head.rows} are"
            what = f"{gone} missing: cut off the end"
            raise self.tampered(what, f"{head.rows} rows, as {head_file} says", head_file)
        last = rows.row(head.rows if found.rows > head.rows else -1, named=True)
        what = "was added by hand" if found.rows > head.rows else "was edited or replaced"
        raise self.tampered(f"{self._named(last)} {what}", says, head_file)

    def _named(self, row: Mapping[str, Any]) -> str:
        return f"row {row['row']} ({self.describe(row)})"

    def tampered(self, what: str, expected: str, head_file: str) -> LedgerTamperedError:
        """Return the error that says `what` is wrong with the table.

        Parameters
        ----------
        what, expected
            What is wrong, and what should be there.
        head_file
            Name of the file that keeps the end of the chain.
        """
        advice = f"restore the database and {head_file} together from a backup; no verdict is made until then"
        return LedgerTamperedError(
            block(
                f"the {self.noun} was tampered with: {what}",
                table=self.table.name,
                expected=expected,
                what_to_do=advice,
            )
        )


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="microseconds") if isinstance(value, dt.datetime) else value
