"""Bars of a few closes, and the features at the last of them: for values that are worked out by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from trading_assets.features.daily import daily_features
from trading_assets_tests.features.markets import MONDAY


def bars(
    closes: Sequence[float],
    opens: Sequence[float] | None = None,
    dollars: Sequence[float] | None = None,
    symbol: str = "AAA",
) -> pl.DataFrame:
    """Make usable bars on days in a row, highs and lows at the larger and smaller of open and close."""
    opens = closes if opens is None else opens
    return pl.DataFrame(
        {
            "symbol": symbol,
            "asset_class": "equity",
            "session": [MONDAY + dt.timedelta(days=number) for number in range(len(closes))],
            "adj_open": [float(value) for value in opens],
            "adj_high": [float(max(pair)) for pair in zip(opens, closes, strict=True)],
            "adj_low": [float(min(pair)) for pair in zip(opens, closes, strict=True)],
            "adj_close": [float(value) for value in closes],
            "dollar_volume": [1000.0] * len(closes) if dollars is None else [float(value) for value in dollars],
            "flags": [[] for _ in closes],
        },
        schema_overrides={"flags": pl.List(pl.String)},
    )


def last(rows: pl.DataFrame, column: str, symbol: str = "AAA") -> float | None:
    """Return a feature at the last bar of a symbol; the benchmark is AAA."""
    found = daily_features(rows, {"equity": "AAA"}).filter(symbol=symbol)
    value = found.sort("session")[column][-1]
    assert value is None or isinstance(value, float)
    return value
