"""Borrow rates on record: what a short position of a symbol pays from a session on, and whether it can be had."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from trading_assets.config import Configuration
from trading_assets.market_data.reference.files import ReferenceError, ReferenceFile, reference_files

#: Key of the configuration that names the file.
KEY = "costs.borrow_rates"
#: Largest rate: a thousand times the value a year. What is above it is a slip of the pen.
MOST_BPS = 1e7
SCHEMA = {"symbol": pl.String, "session": pl.Date, "borrow_bps": pl.Float64, "borrowable": pl.Boolean}
NO_BORROW_RATES = pl.DataFrame(schema=SCHEMA)
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def recorded_borrow_rates(configuration: Configuration) -> pl.DataFrame:
    """Read the borrow rates of the file that the configuration names, if it names one (`read_borrow_rates`)."""
    pattern = configuration.costs.borrow_rates
    return read_borrow_rates(pattern, configuration.directory) if pattern else NO_BORROW_RATES


def read_borrow_rates(pattern: str, directory: Path) -> pl.DataFrame:
    """Read the borrow rates of all files of a glob.

    Parameters
    ----------
    pattern, directory
        Glob, and where a relative one starts. A file is a CSV with the column symbol and any of from (YYYY-MM-DD, the
        session at whose close the row comes into force; empty: from the first on), borrow_bps (of the position's
        value, a year), and borrowable (`false`: cannot be sold short; empty: it can).

    Returns
    -------
    DataFrame
        Columns of `SCHEMA`, sorted by symbol and session; null where a cell is empty, but for borrowable.

    Raises
    ------
    ReferenceError
        No file, a wrong cell, a row that says nothing, or two rows of one symbol and session.
    """
    parts = [_of_file(file) for file in reference_files(pattern, directory, KEY)]
    rows = pl.concat([NO_BORROW_RATES, *parts]).unique(maintain_order=True).sort("symbol", "session")
    twice = rows.filter(pl.struct("symbol", "session").is_duplicated())
    if not twice.is_empty():
        since = twice["session"][0] or "the beginning"
        raise ReferenceError(
            f"{twice['symbol'][0]!r} has two borrow rates from {since} on\n  file: {pattern}\n  key: {KEY}\n"
            "  expected: one row for a symbol and a session\n  do: leave the wrong one out"
        )
    return rows


def _of_file(file: ReferenceFile) -> pl.DataFrame:
    table = file.table(required=("symbol",), optional=("from", "borrow_bps", "borrowable"))
    rows = table.with_columns(
        session=file.dates(table, "from"),
        borrow_bps=file.numbers(table, "borrow_bps"),
        word=pl.col("borrowable").str.to_lowercase(),
    )
    file.refuse(rows.filter(pl.col("symbol").is_null()), "symbol", "a name")
    rate = pl.col("borrow_bps")
    file.refuse(rows.filter((rate < 0) | (rate > MOST_BPS)), "borrow_bps", f"bp a year, from 0 to {MOST_BPS:,.0f}")
    known = pl.col("word").is_null() | pl.col("word").is_in(list(_WORDS))
    file.refuse(rows.filter(~known), "borrowable", "true or false")
    rows = rows.with_columns(borrowable=pl.col("word").replace_strict(_WORDS, default=True, return_dtype=pl.Boolean))
    silent = rate.is_null() & pl.col("borrowable")
    file.refuse(rows.filter(silent), "borrow_bps", "a rate in bp a year, or borrowable: false")
    return rows.select(*SCHEMA)
