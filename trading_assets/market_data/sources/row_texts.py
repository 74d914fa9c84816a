"""The texts of rows that are no bars, as received."""

from __future__ import annotations

import polars as pl

from trading_assets.config.sources import ColumnSettings
from trading_assets.market_data.sources.raw import (
    LONGEST_TEXT,
    NO_DATE,
    NO_REJECTED,
    REJECTED_SCHEMA,
)
from trading_assets.market_data.sources.stated_actions import (
    priceless_rows,
)
from trading_assets.market_data.sources.tabular import CsvTable, Tabular


def with_texts(bars: pl.DataFrame, table: Tabular) -> pl.DataFrame:
    """Add `text`, the row as received where it has no price at all, else null."""
    lines = priceless_rows(bars)["source_line"]
    if lines.is_empty():
        return bars.with_columns(text=pl.lit(None, pl.String))
    texts = pl.DataFrame({"source_line": lines, "text": texts_of(table, lines)})
    return bars.join(texts, on="source_line", how="left", maintain_order="left")


def texts_of(table: Tabular, lines: pl.Series) -> list[str]:
    """Return rows as received, by their lines."""
    if isinstance(table, CsvTable):
        return [table.text_on(line)[:LONGEST_TEXT] for line in lines]
    rows = table.read(range(len(table.header))).filter(pl.col("source_line").is_in(lines.implode()))
    cells = rows.select(pl.all().exclude("source_line").cast(pl.String).fill_null(""))
    by_line = dict(zip(rows["source_line"], (",".join(row)[:LONGEST_TEXT] for row in cells.iter_rows()), strict=True))
    return [by_line[line] for line in lines]


def undated_rows(table: Tabular, source: ColumnSettings, undated: pl.DataFrame) -> pl.DataFrame:
    """Return rows whose date cannot be read as rejected ones, with their texts as received.

    Parameters
    ----------
    table, source
        Table that the rows are of, and its settings.
    undated
        `source_line` of each row.
    """
    if undated.is_empty():
        return NO_REJECTED
    return undated.select(
        pl.lit(source.source).alias("source"),
        pl.lit(table.name).alias("source_file"),
        "source_line",
        pl.lit(None, pl.Date).alias("session"),
        pl.lit(NO_DATE).alias("reason"),
        pl.Series("text", texts_of(table, undated["source_line"]), dtype=pl.String),
    ).cast(REJECTED_SCHEMA)
