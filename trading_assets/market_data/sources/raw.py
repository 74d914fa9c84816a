"""The shape in which every source hands over its bars."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import polars as pl

from trading_assets.market_data.bar_windows import repeated
from trading_assets.warehouse.checking import in_order

PRICES = ("open", "high", "low", "close", "adj_close")
#: Corporate actions that a row states: cash a share and new shares for an old one, going ex at its open.
ACTIONS = ("cash_dividend", "split_ratio")
NUMBERS = (*PRICES[:4], "volume", "adj_close", "market_cap", *ACTIONS)
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
REJECTED_SCHEMA = pl.Schema(
    {
        "source": pl.String,
        "source_file": pl.String,
        "source_line": pl.Int64,
        "session": pl.Date,
        "reason": pl.String,
        "text": pl.String,
    }
)
#: A row whose date cannot be read: it belongs to no session.
NO_DATE = "no_date"
#: Longest text of a rejected row that is kept.
LONGEST_TEXT = 200
NO_REJECTED = pl.DataFrame(schema=REJECTED_SCHEMA)
NO_SPANS = pl.DataFrame(schema={"source_file": pl.String, "rows": pl.Int64, "first": pl.Date, "last": pl.Date})


class Received(NamedTuple):
    """What a source handed over.

    Attributes
    ----------
    bars
        Columns of `SCHEMA`.
    rejected
        Columns of `REJECTED_SCHEMA`: rows that are no bar. `session` is null where there is no date.
    spans
        source_file, rows (that are wanted and have a date), first, last (date): what each file holds, whichever
        sessions were asked for.
    """

    bars: pl.DataFrame
    rejected: pl.DataFrame = NO_REJECTED
    spans: pl.DataFrame = NO_SPANS


def arrange(frame: pl.DataFrame, start: dt.date, end: dt.date) -> pl.DataFrame:
    """Keep the sessions of [start, end], give the frame the columns of `SCHEMA`, sort it by symbol and session.

    Columns of `SCHEMA` that the frame lacks become null. Several bars of one symbol and session stay, in
    the order of their files and lines.

    Parameters
    ----------
    frame
        Bars with `symbol`, `session`, `source_file`, `source_line` and any other columns of `SCHEMA`.
    start, end
        First and last session, both inclusive.
    """
    columns = [
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in SCHEMA.items()
    ]
    inside = pl.col("session").is_between(start, end).fill_null(False)
    # Whole files of sorted bars are the rule, and neither filter nor sort leaves their columns where they are.
    kept = (frame if frame.select(inside.all()).item() else frame.filter(inside)).select(columns)
    key = ("symbol", "session")
    rows = in_order(kept, key)
    if rows.select(repeated(key).any()).item():
        return rows.sort(*key, "source_file", "source_line", maintain_order=True)
    return rows
