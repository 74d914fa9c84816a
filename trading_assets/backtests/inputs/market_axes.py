"""The axes of a market's arrays: sessions and symbols."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import Flags, Integers

#: (rows,) whether a row is on the axes, its session and its symbol.
Places = tuple[Flags, Integers, Integers]


@dataclass(frozen=True)
class MarketAxes:
    """The axes of a market: sessions ascending, symbols ascending with what they are."""

    sessions: list[dt.date]
    symbols: list[str]
    asset_classes: list[str]
    calendars: list[str]

    def of(self, columns: Sequence[int]) -> MarketAxes:
        """Return the axes of some of the symbols, by their numbers."""
        named = (self.symbols, self.asset_classes, self.calendars)
        return MarketAxes(self.sessions, *([names[number] for number in columns] for names in named))

    def places(self, frame: pl.DataFrame) -> Places:
        """Return which rows of a frame are on the axes, and at which row and column."""
        days = np.array(self.sessions, dtype="datetime64[D]").astype(np.int64)
        own = frame["session"].to_physical().to_numpy().astype(np.int64)
        # A search a row would take longer than all the rest: days are numbers, and few.
        first, last = int(days[0]), int(days[-1])
        row_of_day = np.full(last - first + 2, -1, dtype=np.int64)
        row_of_day[days - first] = np.arange(days.size)
        rows = row_of_day[np.where((own >= first) & (own <= last), own - first, last - first + 1)]
        runs = frame["symbol"].rle().struct.unnest()
        numbers = {symbol: number for number, symbol in enumerate(self.symbols)}
        columns = np.repeat(
            np.array([numbers.get(symbol, -1) for symbol in runs["value"]], dtype=np.int64), runs["len"].to_numpy()
        )
        return (rows >= 0) & (columns >= 0), rows, columns


def build_axes(symbols: list[str], instruments: pl.DataFrame, sessions: pl.DataFrame, last: dt.date) -> MarketAxes:
    """Return sessions of the calendars of `symbols`, from the first bar of any of them to `last`.

    Parameters
    ----------
    instruments, sessions
        Rows of `market_data.instruments` and `market_data.sessions`.
    """
    rows = instruments.filter(pl.col("symbol").is_in(symbols)).sort("symbol")
    first = rows["first_session"].min()
    days = sessions.filter(
        pl.col("calendar").is_in(rows["calendar"].unique().to_list()), pl.col("session").is_between(first, last)
    )["session"]
    return MarketAxes(
        sessions=days.unique().sort().to_list(),
        symbols=rows["symbol"].to_list(),
        asset_classes=rows["asset_class"].to_list(),
        calendars=rows["calendar"].to_list(),
    )
