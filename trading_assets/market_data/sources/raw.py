"""The shape in which every source hands over its bars."""

from __future__ import annotations

import datetime as dt

import polars as pl

PRICES = ("open", "high", "low", "close", "adj_close")
NUMBERS = (*PRICES[:4], "volume", "adj_close", "market_cap")
SCHEMA = pl.Schema(
    {
        "symbol": pl.String,
        "asset_class": pl.String,
        "session": pl.Date,
        **dict.fromkeys(NUMBERS, pl.Float64),
        "coverage": pl.Float64,
        "source": pl.String,
        "source_file": pl.String,
        "source_line": pl.Int64,
    }
)


def arrange(frame: pl.DataFrame, start: dt.date, end: dt.date) -> pl.DataFrame:
    """Keep the sessions of [start, end], give the frame the columns of `SCHEMA`, sort it by symbol and session.

    Columns of `SCHEMA` that the frame lacks become null. Several bars of one symbol and session stay, in
    the order of their files and lines.
    """
    columns = [
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in SCHEMA.items()
    ]
    kept = frame.filter(pl.col("session").is_between(start, end)).select(columns)
    return kept.sort("symbol", "session", "source_file", "source_line", maintain_order=True)
