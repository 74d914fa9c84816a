"""Symbols: text from a column or a file name, checked, never used as a path or a piece of SQL."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

import polars as pl

from trading_assets.market_data.sources.errors import SourceError, shown

LONGEST = 64


def from_filename(file: str, pattern: str | None) -> str:
    """The symbol of a file of one symbol: its name without the endings, or the part that `pattern` finds."""
    name = PurePosixPath(file).name
    for ending in (".gz", ".zip"):
        name = name.removesuffix(ending)
    for ending in (".csv", ".txt", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".h5", ".hdf", ".hdf5"):
        name = name.removesuffix(ending)
    return _checked(name, pattern, file=file, line=None, column=None)


def from_column(cells: pl.DataFrame, pattern: str | None, *, file: str, column: str) -> pl.Series:
    """Symbols of a column.

    Parameters
    ----------
    cells
        `symbol` as in the file, and `source_line`.
    pattern
        Regular expression with one group: the part to keep.

    Raises
    ------
    SourceError
        An empty, too long or unprintable symbol, or one that `pattern` does not fit.
    """
    text = cells.select(pl.col("symbol").cast(pl.String), "source_line")
    spellings = text.unique("symbol", keep="first", maintain_order=True)
    symbols = [
        _checked(spelling or "", pattern, file=file, line=line, column=column)
        for spelling, line in spellings.iter_rows()
    ]
    table = spellings.select("symbol", clean=pl.Series(symbols, dtype=pl.String))
    return text.join(table, on="symbol", how="left", maintain_order="left")["clean"].alias("symbol")


def _checked(text: str, pattern: str | None, *, file: str, line: int | None, column: str | None) -> str:
    symbol = text.strip()
    if pattern is not None:
        match = re.search(pattern, symbol)
        if match is None or match.group(1) is None:
            raise SourceError(
                f"{shown(symbol)} does not fit `symbol_pattern`",
                file=file,
                line=line,
                column=column,
                expected=f"text that matches {pattern!r}",
                todo="change `symbol_pattern`, or take the file out of `path`",
            )
        symbol = match.group(1).strip()
    unprintable = any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") for character in symbol)
    if not symbol or len(symbol) > LONGEST or unprintable:
        what = "no symbol" if not symbol else f"{shown(symbol)} cannot be a symbol"
        raise SourceError(
            what,
            file=file,
            line=line,
            column=column,
            expected=f"1 to {LONGEST} printable characters",
            todo="correct the symbol or remove the row",
        )
    return symbol
