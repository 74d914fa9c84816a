"""Which rows of a table one write replaces, or one read depends on."""

from __future__ import annotations

import calendar
import datetime as dt
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple


class Bounds(NamedTuple):
    """Rows whose `column` lies between two values, both inclusive."""

    column: str
    lower: str | dt.date
    upper: str | dt.date


@dataclass(frozen=True)
class Slice(ABC):
    """Some rows of a table, the same ones whenever it is asked: what is replaced together.

    Use `Whole`, `Sessions` or `Rows`.
    """

    @property
    @abstractmethod
    def bounds(self) -> Bounds | None:
        """The rows; None for all of them."""

    def __str__(self) -> str:
        if self.bounds is None:
            return "all rows"
        column, lower, upper = self.bounds
        return f"{column} {lower}" if lower == upper else f"{column} {lower} to {upper}"


@dataclass(frozen=True)
class Whole(Slice):
    """All rows."""

    @property
    def bounds(self) -> None:
        """No bounds."""
        return


@dataclass(frozen=True)
class Sessions(Slice):
    """Rows with ``start <= session <= end``."""

    start: dt.date
    end: dt.date

    @property
    def bounds(self) -> Bounds:
        """The span of sessions."""
        return Bounds("session", self.start, self.end)


@dataclass(frozen=True)
class Rows(Slice):
    """Rows whose `column` equals `value`, e.g. ``Rows("strategy", "equity_momentum")``."""

    column: str
    value: str

    @property
    def bounds(self) -> Bounds:
        """The one value."""
        return Bounds(self.column, self.value, self.value)


def last_of_month(day: dt.date) -> dt.date:
    """Return the last day of a day's month.

    Examples
    --------
    >>> str(last_of_month(dt.date(2024, 2, 3)))
    '2024-02-29'
    """
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
