"""Which sector a symbol belongs to, as the configuration says."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from trading_assets.config import Configuration


class SectorsError(Exception):
    """The table of sectors cannot be used; `str()` is one block for people."""


def read_sectors(configuration: Configuration) -> dict[str, str]:
    """Symbol -> sector: the mapping of the configuration, or the table that it names (`read_sector_table`).

    Symbols that the data do not have do no harm, and a symbol without a sector is of none.
    """
    setting = configuration.sectors
    return read_sector_table(configuration.directory / setting) if isinstance(setting, str) else dict(setting)


def read_sector_table(path: Path) -> dict[str, str]:
    """Read a CSV with the columns symbol (or ticker) and sector.

    Raises
    ------
    SectorsError
        No such file, a missing column, an empty cell, a symbol that is there twice: with the line.
    """
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SectorsError(
            f"cannot read the table of sectors\n  file: {path}\n  cause: {error}\n  key: sectors"
        ) from None
    table = table.rename({"ticker": "symbol"}, strict=False) if "symbol" not in table.columns else table
    absent = [name for name in ("symbol", "sector") if name not in table.columns]
    if absent:
        raise SectorsError(
            f"the table of sectors has no column {absent[0]!r}\n  file: {path}, line 1\n"
            f"  expected: symbol,sector; found: {', '.join(table.columns)}"
        )
    rows = table.select(pl.col("symbol", "sector").str.strip_chars().replace("", None)).with_row_index("line", 2)
    for wrong, what, expected in (
        (pl.col("symbol").is_null(), "an empty symbol", "a symbol"),
        (pl.col("sector").is_null(), "an empty sector", "a sector, or no line for the symbol"),
        (~pl.col("symbol").is_first_distinct(), "a symbol that it had before", "one line a symbol"),
    ):
        bad = rows.filter(wrong)
        if not bad.is_empty():
            line, symbol = bad["line"][0], bad["symbol"][0]
            raise SectorsError(
                f"the table of sectors has {what}\n  file: {path}, line {line} (symbol {symbol})\n"
                f"  expected: {expected}"
            )
    return dict(rows.select("symbol", "sector").iter_rows())
