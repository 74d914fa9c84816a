"""Received bars made by hand, for the tests of what comes after the sources."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from trading_assets.market_data import calendars
from trading_assets.market_data.tables import RAW_BARS

NOW = dt.datetime(2024, 3, 1, 22, 30)
#: The first 60 XNYS sessions of 2024: Monday 15 January and Monday 19 February are holidays.
SESSIONS = calendars.sessions("XNYS", dt.date(2024, 1, 2), dt.date(2024, 3, 27)).to_list()
CALENDAR = pl.DataFrame({"calendar": ["XNYS"] * len(SESSIONS), "session": SESSIONS})
AS_OF = SESSIONS[-1]


def received(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows of `raw_bars` in the order given; what a row leaves out is that of a sound bar around its close."""
    complete = []
    for line, row in enumerate(rows, start=2):
        close = row.get("close", 100.0)
        around = close if isinstance(close, float) and 0 < close < float("inf") else 100.0
        complete.append(
            {
                "symbol": "AAA",
                "occurrence": 1,
                "asset_class": "equity",
                "open": around,
                "high": around * 1.01,
                "low": around * 0.99,
                "close": close,
                "volume": 1000.0,
                "adj_close": None,
                "source": "files",
                "source_file": "bars.csv",
                "source_line": line,
                "calendar": "XNYS",
                "ingested_at": NOW,
                **row,
            }
        )
    return pl.DataFrame(complete, schema={name: column.dtype for name, column in RAW_BARS.columns.items()})


def path(closes: Iterable[float], symbol: str = "AAA", **more: Any) -> pl.DataFrame:
    """One sound bar a session with these closes."""
    return received(
        {"symbol": symbol, "session": s, "close": float(c), **more} for s, c in zip(SESSIONS, closes, strict=False)
    )
