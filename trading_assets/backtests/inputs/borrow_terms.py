"""What it costs to be short of each symbol at each close, and whether it may be sold short."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import Flags, Floats


def borrow_terms(
    rates: pl.DataFrame, symbols: Sequence[str], sessions: Sequence[dt.date], otherwise: float
) -> tuple[Floats, Flags]:
    """Return rates (bp a year) and whether a symbol can be borrowed, (sessions, symbols); one row where none changes.

    Parameters
    ----------
    rates
        Rows of `market_data.borrow_rates`; a row is in force at the close of its session, and until the next of its
        symbol.
    otherwise
        Rate of a symbol at the closes before its first row. A row without a rate leaves the rate as it was: what is
        held already pays it.
    """
    own = rates.filter(pl.col("symbol").is_in(list(symbols))).sort("symbol", "session", nulls_last=False)
    dated = own["session"].drop_nulls()
    count = len(sessions) if len(dated) else 1
    bps = np.full((count, len(symbols)), otherwise)
    borrowable = np.ones((count, len(symbols)), dtype=np.bool_)
    columns = {symbol: i for i, symbol in enumerate(symbols)}
    days = np.array(sessions, dtype="datetime64[D]")
    for symbol, since, rate, can_be_had in own.select("symbol", "session", "borrow_bps", "borrowable").iter_rows():
        i, first = columns[symbol], 0 if since is None else int(np.searchsorted(days, np.datetime64(since)))
        borrowable[first:, i] = can_be_had
        if rate is not None:
            bps[first:, i] = rate
    return bps, borrowable
