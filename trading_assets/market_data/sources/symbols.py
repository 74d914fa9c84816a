"""Symbols: text from a column or a file name, checked, never used as a path or a piece of SQL."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote

import polars as pl

from trading_assets.market_data.sources.errors import SourceError, shown

LONGEST = 64
_CONTAINERS = re.compile(r"\.(gz|zip)$", re.IGNORECASE)
_ENDINGS = re.compile(r"\.(csv|txt|tsv|json|jsonl|ndjson|parquet|pq|feather|arrow|ipc|h5|hdf|hdf5)$", re.IGNORECASE)


def from_filename(file: str, pattern: str | None) -> str:
    """Return the symbol of a file of one symbol: its name without the endings, or the part that `pattern` finds."""
    name = _ENDINGS.sub("", _CONTAINERS.sub("", PurePosixPath(file).name))
    return _checked(name, pattern, file=file, line=None, column=None)


def from_folder(file: str, pattern: str | None) -> str:
    """Return the symbol of a file in a folder of its own: the folder's name, or what `pattern` finds in all of them.

    A folder such as `symbol=AAPL` has the name AAPL.

    Raises
    ------
    SourceError
        The path, as `path` of the source writes it, has no folder.
    """
    folder = PurePosixPath(file).parent
    if not folder.name:
        raise SourceError(
            "no folder to take the symbol from",
            file=file,
            expected="a file in a folder with the name of its symbol, such as AAPL/daily.csv",
            todo="let `path` name the folders, such as prices/*/daily.csv, or change `symbol_from`",
        )
    if pattern is not None:
        return _checked(folder.as_posix(), pattern, file=file, line=None, column=None)
    key, equals, value = folder.name.partition("=")
    return _checked(unquote(value) if key and equals else folder.name, None, file=file, line=None, column=None)


def from_partition(file: str, names: Sequence[str], pattern: str | None) -> str | None:
    """Return the symbol of a file in a folder of a partitioned data set, such as `symbol=AAPL/part-0.parquet`.

    Parameters
    ----------
    file
        Path as `path` of the source writes it.
    names
        What the column may be called, letters and digits only.

    Returns
    -------
    str or None
        None if no folder states one of the names.
    """
    for folder in PurePosixPath(file).parent.parts:
        key, equals, value = folder.partition("=")
        if equals and plain(key) in names:
            # What a folder cannot be called, such as BRK/B, is percent-encoded.
            known = "" if value == "__HIVE_DEFAULT_PARTITION__" else unquote(value)
            return _checked(known, pattern, file=file, line=None, column=key)
    return None


def plain(name: str) -> str:
    """Return letters and digits of a column's name, in lower case."""
    return "".join(filter(str.isalnum, name.lower()))


def from_column(cells: pl.DataFrame, pattern: str | None, *, file: str, column: str) -> pl.Series:
    """Return symbols of a column.

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
