"""Hashes of rows by part of their table, of all rows at once or batch by batch: see `written_rows`."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.warehouse import Table

#: Of a hash, in hexadecimal digits.
_DIGITS = 16
#: Column -> hash of its values in a part.
Hashes = Mapping[str, str]


@dataclass(frozen=True)
class WrittenRows:
    """Hashes of rows of a table, by part.

    Attributes
    ----------
    parts
        Part (a month as ``2016-01``, a model, a strategy, or `ALL`) -> column -> hash of its values in the
        order of the table's key.
    """

    table: str
    parts: Mapping[str, Hashes]


class RowHashes:
    """Hashes by part of rows that come in batches: those of all of them at once, whatever the batches.

    Parameters
    ----------
    table
        Declaration of the table.
    part
        Part that a row belongs to, by its other columns.
    expected
        Parts that have hashes even if no row belongs to them.
    columns
        Columns that count beside the key; None: all of them.
    """

    def __init__(
        self, table: Table, part: pl.Expr, expected: Sequence[str], columns: Sequence[str] | None = None
    ) -> None:
        self._table, self._part, self._columns, self._expected = table, part, columns, expected
        self._found: dict[str, dict[str, _Values]] = {}

    def add(self, frame: pl.DataFrame) -> None:
        """Add rows, none of which is before one that was added, by the table's key within its part.

        Rows are put in order column by column: a frame of many columns is not copied for it.
        """
        key = self._table.key
        order = frame.select(self._part.alias("part"), *(pl.col(name).alias(f"key {name}") for name in key))
        order = order.with_row_index("row").sort("part", *(f"key {name}" for name in key))
        sizes = {_name(part): size for part, size in order.group_by("part", maintain_order=True).len().iter_rows()}
        names, rows = [*sizes, *(each for each in self._expected if each not in sizes)], order["row"].to_numpy()
        bounds = np.cumsum([0, *(sizes.get(name, 0) for name in names)]).tolist()
        parts = [self._found.setdefault(name, {}) for name in names]
        for column in _counting(self._table, frame, self._columns):
            known = frame[column].is_not_null().to_numpy()[rows] if frame[column].null_count() else None
            values = _values(frame[column], rows, known)
            for part, first, last in zip(parts, bounds, bounds[1:], strict=False):
                part.setdefault(column, _Values()).add(values[first:last], None if known is None else known[first:last])

    def rows(self) -> WrittenRows:
        """Return the hashes of the rows that were added."""
        found = {name: {column: each.hash() for column, each in of.items()} for name, of in self._found.items()}
        return WrittenRows(self._table.name, {name: found[name] for name in sorted(found)})


class _Values:
    """Hash of the values of one column in one part."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        #: A list of texts as JSON: what stands between this value and the next; None of numbers.
        self._between: bytes | None = None
        #: Which values are known, as bits or, where all are, as their number; no bits: all of them are.
        self._known: list[NDArray[np.bool_] | int] = []
        self._has_nulls = False

    def add(self, values: NDArray[Any] | list[object], known: NDArray[np.bool_] | None) -> None:
        if isinstance(values, list):
            if self._between is None:
                self._digest.update(b"[")
                self._between = b""
            if values:
                self._digest.update(self._between + json.dumps(values).encode()[1:-1])
                self._between = b", "
        else:
            self._digest.update(values.tobytes())
        if known is None or known.all():
            self._known.append(len(values))
        else:
            self._known.append(known.copy())
            self._has_nulls = True

    def hash(self) -> str:
        digest = self._digest.copy()
        if self._between is not None:
            digest.update(b"]")
        if self._has_nulls:
            bits = [np.ones(each, dtype=np.bool_) if isinstance(each, int) else each for each in self._known]
            digest.update(np.packbits(np.concatenate(bits)).tobytes())
        return digest.hexdigest()[:_DIGITS]


def _counting(table: Table, frame: pl.DataFrame, columns: Sequence[str] | None) -> list[str]:
    """Names of the columns that count, by name: their order in a frame says nothing."""
    return sorted(frame.columns if columns is None else {*table.key, *columns})


def _name(part: object) -> str:
    return f"{part:%Y-%m}" if isinstance(part, dt.date) else str(part)


def _values(
    column: pl.Series, rows: NDArray[np.uint32], known: NDArray[np.bool_] | None
) -> NDArray[np.float64] | NDArray[np.int64] | list[object]:
    """Values in the order of `rows`, that have the same bytes on every machine; what is null is 0.

    Polars is asked as little as may be: a table has many columns, and each question takes longer than the hash.
    """
    if column.dtype.is_float():
        numbers = column.to_numpy()[rows].astype("<f8", copy=False)
        if known is not None:
            numbers[~known] = 0.0
        return numbers
    if column.dtype.is_integer() or column.dtype.is_temporal():
        whole = column.to_physical()
        return (whole if known is None else whole.fill_null(0)).to_numpy()[rows].astype("<i8", copy=False)
    return column.gather(rows).to_list()
