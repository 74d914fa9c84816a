"""What was made of the rows of a table that only grows: where they are still there, only what follows is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import polars as pl

Made = TypeVar("Made")


class KnownRows(Generic[Made]):
    """Rows that this process has seen, with what it made of each.

    Rows are compared with the known ones value by value, which takes a hundredth of the time of parsing and hashing
    them: a table in which one was edited, moved or cut off is made anew from its first row.
    """

    def __init__(self) -> None:
        self._known: tuple[pl.DataFrame, tuple[Made, ...]] | None = None

    def of(self, rows: pl.DataFrame, make: Callable[[pl.DataFrame, int], tuple[Made, ...]]) -> tuple[Made, ...]:
        """Return what is made of each row.

        Parameters
        ----------
        rows
            All rows of the table, in order.
        make
            Makes one value a row, given the rows that are not known and how many are before them. What it raises is
            raised, and nothing is known of these rows.
        """
        known = self._known  # read once: another thread puts another pair in its place
        if known is None or not rows.head(known[0].height).equals(known[0]):
            known = (rows.clear(), ())
        before, made = known
        if rows.height > before.height:
            made += make(rows[before.height :], before.height)
            self._known = (rows, made)
        return made
