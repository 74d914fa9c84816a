"""Rows that come symbols by symbols and are taken month by month, so that few are held at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from trading_assets.warehouse.put_aside import Batches, PutAside

#: Partition of the rows without a date.
UNDATED = "undated"
#: Rows that are taken back together, unless a month has more; a frame on disk takes as long as thousands of its rows.
_ROWS_AT_A_TIME = 150_000
_MOST_MONTHS = 12

Rows = pl.DataFrame | Iterable[pl.DataFrame]


class Transposed:
    """Frames, split by month.

    Parameters
    ----------
    rows
        A frame, or frames of the same columns, of which one at a time is held.
    column
        Column of dates.
    aside
        Where frames wait until all are there; a single one does not have to.
    height
        Rows of all frames, about; None where that is not known.

    Attributes
    ----------
    first
        First of the frames, without its rows; None where there are none.
    """

    def __init__(self, rows: Rows, column: str, aside: PutAside, height: int | None = None) -> None:
        self._column, self._aside = column, aside
        self._single = rows if isinstance(rows, pl.DataFrame) else None
        self._spans: set[int] = set()
        self._months = 0
        self.first = None if self._single is None else self._single.clear()
        for frame in () if isinstance(rows, pl.DataFrame) else rows:
            if self.first is None:
                known = rows.height if isinstance(rows, Batches) else height
                self.first, self._months = frame.clear(), _months_at_a_time(frame, column, known)
            for span, part in _split(frame, frame.select(self._span()).to_series()):
                self._spans.add(span)
                aside.put(("span", span), part)

    def take(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield each month that has rows, as ``2016-01``, and its rows in the order in which they came."""
        if self._single is not None:
            yield from self._by_month(self._single)
        for span in sorted(self._spans):
            yield from self._by_month(pl.concat(self._aside.take(("span", span))))

    def _by_month(self, frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
        month = pl.col(self._column).dt.strftime("%Y-%m").fill_null(UNDATED)
        yield from _split(frame, frame.select(month).to_series())

    def _span(self) -> pl.Expr:
        return _number_of_month(self._column) // self._months


def _number_of_month(column: str) -> pl.Expr:
    number = pl.col(column).dt.year().cast(pl.Int32) * 12 + pl.col(column).dt.month().cast(pl.Int32) - 1
    return number.fill_null(-_MOST_MONTHS)


def _months_at_a_time(frame: pl.DataFrame, column: str, height: int | None) -> int:
    """How many months are taken back together, if all frames are spread over months as the first is."""
    months = max(frame.select(_number_of_month(column).n_unique()).item(), 1)
    return min(max(_ROWS_AT_A_TIME * months // max(height or 0, 1), 1), _MOST_MONTHS) if height else 1


def _split(frame: pl.DataFrame, keys: pl.Series) -> Iterator[tuple[Any, pl.DataFrame]]:
    """Rows of each key, in the order in which they stand."""
    if keys.n_unique() <= 1:
        if frame.height:
            yield keys[0], frame
        return
    places = pl.DataFrame({"key": keys}).with_row_index("row").group_by("key", maintain_order=True)
    for (key,), rows in places:
        yield key, frame[rows["row"]]
