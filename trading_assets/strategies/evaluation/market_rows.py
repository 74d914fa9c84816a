"""Rows of a market, some symbols at a time: what is held at once does not grow with the market."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import polars as pl

from trading_assets.features.history import in_order
from trading_assets.warehouse import Table, Warehouse, by_symbol
from trading_assets.warehouse.by_symbol import read_by_symbol
from trading_assets.warehouse.put_aside import PutAside


class MarketRows(NamedTuple):
    """Rows of some symbols, by symbol and session.

    Attributes
    ----------
    symbols
        Ascending; all of them before those of the next part.
    bars, indicators, daily, predictions
        As `Frames` has them.
    """

    symbols: list[str]
    bars: pl.DataFrame
    indicators: pl.DataFrame
    daily: pl.DataFrame
    predictions: pl.DataFrame


_TABLES = MarketRows._fields[1:]


class RowParts(Protocol):
    """Rows of a market, gone through again and again.

    Attributes
    ----------
    folder
        Where others that are made of them may wait.
    days
        Sessions with a bar, ascending.
    """

    folder: Path
    days: pl.Series

    def __iter__(self) -> Iterator[MarketRows]:
        """Yield some symbols at a time, ascending."""


@dataclass
class ChangedRows:
    """What a function makes of each part, each time that somebody goes through them; `days` are those of that."""

    parts: RowParts
    change: Callable[[MarketRows], MarketRows]
    days: pl.Series

    def __post_init__(self) -> None:
        self.folder = self.parts.folder

    def __iter__(self) -> Iterator[MarketRows]:
        return map(self.change, self.parts)


class RowsAside:
    """Rows of a market that wait on disk, read as often as somebody asks for them.

    Parameters
    ----------
    parts
        Taken one after the other.
    folder
        Where they wait; one that cannot be written, and None, stands for the system's own.
    """

    def __init__(self, parts: Iterable[MarketRows], folder: Path | None = None) -> None:
        usable = folder is not None and os.access(folder, os.W_OK)
        self.folder = folder if folder is not None and usable else Path(tempfile.gettempdir())
        self._aside = PutAside(self.folder)
        self._parts: list[MarketRows] = []  # without rows
        self.days = pl.Series("session", [], dtype=pl.Date)
        for part in parts:
            for name, rows in zip(_TABLES, part[1:], strict=True):
                if rows.height:
                    self._aside.put((len(self._parts), name), rows)
            self._parts.append(MarketRows(part.symbols, *(rows.clear() for rows in part[1:])))
            self.days = days_of([self.days.to_frame(), part.bars])

    def __iter__(self) -> Iterator[MarketRows]:
        for number, part in enumerate(self._parts):
            tables = zip(_TABLES, part[1:], strict=True)
            rows = (next(self._aside.take((number, name)), none) for name, none in tables)
            yield MarketRows(part.symbols, *rows)

    def __reduce__(self) -> tuple[type[RowsAside], tuple[list[MarketRows]]]:
        return RowsAside, (list(self),)  # a worker keeps them on its own disk


def days_of(bars: Iterable[pl.DataFrame]) -> pl.Series:
    """Return the sessions of any bar, ascending."""
    return pl.concat(rows["session"].unique() for rows in bars if rows.height or rows.width).unique().sort()


def read_rows(warehouse: Warehouse, table: Table, **asked: Any) -> RowsAside:
    """Return all rows of bars for which a condition holds, put aside beside the warehouse.

    Parameters
    ----------
    warehouse, table
        Where the bars are.
    asked
        Columns, condition and its parameters, as `Warehouse.read` takes them.
    """
    none = pl.DataFrame()
    batches = read_by_symbol(warehouse, table, **asked)
    parts = (MarketRows(rows["symbol"].unique().sort().to_list(), rows, none, none, none) for rows in batches)
    return RowsAside(parts, warehouse.path.parent)


def split_by_symbol(whole: MarketRows) -> Iterator[MarketRows]:
    """Yield rows that are in memory in parts of `by_symbol.ROWS_AT_A_TIME` bars, unless one symbol has more.

    Parameters
    ----------
    whole
        In any order of its rows; those of symbols that it does not name are left out.
    """
    counts = whole.bars.group_by("symbol").len("rows")
    own = pl.DataFrame({"symbol": whole.symbols}, schema={"symbol": pl.String})
    own = own.join(counts, on="symbol", how="left", maintain_order="left").with_columns(pl.col("rows").fill_null(0))
    bounds = by_symbol.symbol_bounds(own, by_symbol.ROWS_AT_A_TIME)
    if len(bounds) < 2:
        yield whole
        return
    ordered = [in_order(rows) if rows.width else rows for rows in whole[1:]]
    for part in parts_within(whole.symbols, bounds):
        yield MarketRows(part, *(rows_between(rows, part[0], part[-1]) for rows in ordered))


def parts_within(symbols: Sequence[str], bounds: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the symbols within each of some bounds; symbols without rows are in the part before them.

    Parameters
    ----------
    symbols
        Ascending.
    bounds
        First and last symbol of each part, ascending.

    Examples
    --------
    >>> parts_within(["A", "B", "C", "D"], [("A", "B"), ("D", "D")])
    [['A', 'B', 'C'], ['D']]
    """
    parts: list[list[str]] = [[] for _ in bounds]
    number = 0
    for symbol in symbols:
        while number + 1 < len(bounds) and symbol >= bounds[number + 1][0]:
            number += 1
        parts[number].append(symbol)
    return parts


def rows_between(rows: pl.DataFrame, first: str, last: str) -> pl.DataFrame:
    """Return the rows of all symbols from one to another.

    Parameters
    ----------
    rows
        In order of their symbols, or none.
    first, last
        Both inclusive.
    """
    if rows.is_empty():
        return rows
    start, end = rows["symbol"].search_sorted(first, "left"), rows["symbol"].search_sorted(last, "right")
    return rows.slice(start, end - start)
