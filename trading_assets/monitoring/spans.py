"""Which rows are the reference of drift, its windows and the newest window."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.sections import Monitoring

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Spans:
    """Rows of one asset class in session order: where the reference, its windows and the newest window lie.

    Attributes
    ----------
    sessions
        Of a window.
    """

    reference: slice
    windows: tuple[slice, ...]
    newest: slice
    sessions: int

    @cached_property
    def windows_of_rows(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Of each row of the reference the first window that holds it, and the first after that which does not."""
        rows = np.arange(self.reference.stop)
        first, after = (
            np.searchsorted([getattr(each, end) for each in self.windows], rows, "right") for end in ("stop", "start")
        )
        return first.astype(np.int32), after.astype(np.int32)


@dataclass(frozen=True)
class Group:
    """Rows of one asset class.

    Attributes
    ----------
    known
        What its rows of the table share.
    rows
        Places of its rows in the whole, by session.
    """

    known: dict[str, Any]
    spans: Spans
    rows: pl.Series

    def values(self, column: pl.Series, *, in_order: bool) -> tuple[Floats, Floats]:
        """Values of the reference, if need be by session, and of the newest window; NaN where there is none.

        Parameters
        ----------
        column
            Values of the whole.
        in_order
            Whether those of the reference have to be by session.
        """
        reference = self.rows[self.spans.reference] if in_order else self._reference
        newest = column.gather(self.rows[self.spans.newest])
        found = column[reference] if isinstance(reference, slice) else column.gather(reference)
        return found.fill_null(np.nan).to_numpy(), newest.fill_null(np.nan).to_numpy()

    @cached_property
    def _reference(self) -> pl.Series | slice:
        """The places of the reference as they stand, which takes less to read than any other order."""
        places = self.rows[self.spans.reference].sort()
        first, last = int(places[0]), int(places[-1])
        return slice(first, last + 1) if last - first + 1 == places.len() else places


def spans_of(session: Counts, before: int, length: int) -> Spans:
    """Cut rows, given the number of their session (0, 1, ...), into reference, its windows and the newest window.

    Parameters
    ----------
    session
        Number of the session of each row, ascending.
    before
        How many rows the reference has.
    length
        Sessions of a window, if so many have come since.
    """
    first = np.searchsorted(session, np.arange(int(session[-1]) + 2))  # first row of each session, and the end
    in_reference = int(session[before - 1]) + 1
    sessions = len(first) - 1
    length = min(length, sessions - in_reference)
    windows = tuple(
        slice(int(first[at]), int(first[at + length]))
        for at in range(0, in_reference - length + 1, max(length // 2, 1))
        if in_reference >= 2 * length
    )
    return Spans(slice(0, before), windows, slice(int(first[sessions - length]), len(session)), length)


def newest_since(keys: pl.DataFrame, end: dt.date, settings: Monitoring) -> dt.date:
    """Return a session from which on the rows after the reference are enough: no newest window begins before it.

    Parameters
    ----------
    keys
        asset_class and session of each row.
    end
        Last date of the reference.
    settings
        As `drift_table` takes them.
    """
    later = keys.filter(pl.col("session") > end, pl.col("asset_class").is_not_null())
    sessions = later.select("asset_class", "session").unique().sort("session")
    starts = sessions.group_by("asset_class").agg(pl.col("session").tail(settings.window_sessions).first())
    first = starts["session"].min()
    return first if isinstance(first, dt.date) else end + dt.timedelta(days=1)
