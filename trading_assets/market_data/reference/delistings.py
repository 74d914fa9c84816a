"""Delistings on record: when an instrument ended, what a unit was worth then, and why."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.sources import RecordedSource
from trading_assets.market_data.reference.files import ReferenceError, ReferenceFile, reference_files

#: Units of a value: quote currency a share, or the return from the last close.
PER_SHARE, RETURN = "per_share", "return"
SCHEMA = {
    "symbol": pl.String,
    "session": pl.Date,
    "value": pl.Float64,
    "unit": pl.String,
    "reason": pl.String,
    "exchange": pl.String,
}
NO_DELISTINGS = pl.DataFrame(schema=SCHEMA)


def recorded_delistings(configuration: Configuration) -> pl.DataFrame:
    """Read the delistings of every source that names a file of them.

    Raises
    ------
    ReferenceError
        A file cannot be used, or two name one symbol and session.
    """
    patterns = [
        source.delistings
        for source in configuration.market_data
        if isinstance(source, RecordedSource) and source.delistings
    ]
    found = [read_delistings(pattern, configuration.directory) for pattern in dict.fromkeys(patterns)]
    return _one_each(pl.concat([NO_DELISTINGS, *found]), ", ".join(patterns))


def read_delistings(pattern: str, directory: Path) -> pl.DataFrame:
    """Read the delistings of all files of a glob.

    Parameters
    ----------
    pattern, directory
        Glob, and where a relative one starts. A file is a CSV with the columns symbol and session (YYYY-MM-DD), and
        optionally value and unit (`per_share`: quote currency a share; `return`: a fraction, from the last close to
        what holders were left with), reason (a merger, a bankruptcy, ...), and exchange (where it was listed last).

    Returns
    -------
    DataFrame
        Columns of `SCHEMA`, sorted by symbol; null where a cell is empty.

    Raises
    ------
    ReferenceError
        No file, a wrong cell, a value without a unit, or two rows of one symbol and session.
    """
    parts = [_of_file(file) for file in reference_files(pattern, directory, "delistings")]
    return _one_each(pl.concat([NO_DELISTINGS, *parts]), pattern)


def _of_file(file: ReferenceFile) -> pl.DataFrame:
    table = file.table(required=("symbol", "session"), optional=("value", "unit", "reason", "exchange"))
    rows = table.with_columns(session=file.dates(table, "session"), value=file.numbers(table, "value"))
    rows = rows.with_columns(pl.col("unit").str.to_lowercase())
    file.refuse(rows.filter(pl.col("symbol").is_null()), "symbol", "a name")
    file.refuse(rows.filter(pl.col("session").is_null()), "session", "a date")
    is_return, is_price = pl.col("unit") == RETURN, pl.col("unit") == PER_SHARE
    unknown = pl.col("value").is_not_null() & ~(is_return | is_price).fill_null(False)
    file.refuse(rows.filter(unknown | (pl.col("unit").is_not_null() & ~(is_return | is_price))), "unit",
                f"{PER_SHARE} or {RETURN}, with every value")  # fmt: skip
    file.refuse(rows.filter(is_price & (pl.col("value") < 0)), "value", "a price of at least 0")
    file.refuse(rows.filter(is_return & (pl.col("value") < -1)), "value", "a return of at least -1 (all of it is lost)")
    return rows.select(*SCHEMA)


def _one_each(rows: pl.DataFrame, pattern: str) -> pl.DataFrame:
    rows = rows.unique(maintain_order=True).sort("symbol", "session")
    twice = rows.filter(pl.struct("symbol", "session").is_duplicated())
    if not twice.is_empty():
        raise ReferenceError(
            f"{twice['symbol'][0]!r} is delisted twice on {twice['session'][0]}\n  file: {pattern}\n"
            "  expected: one row for a symbol and a session\n  do: leave the wrong one out"
        )
    return rows
