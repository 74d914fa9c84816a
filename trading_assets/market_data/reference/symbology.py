"""Tickers and the instruments they named: one symbol for an instrument through all its names."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from trading_assets.config import Configuration
from trading_assets.market_data.quality.values import VALUES
from trading_assets.market_data.reference.files import ReferenceError, ReferenceFile, reference_files

SCHEMA = {"symbol": pl.String, "ticker": pl.String, "start": pl.Date, "end": pl.Date, "delisted": pl.Date}
NO_SYMBOLOGY = pl.DataFrame(schema=SCHEMA)
#: Lean writes this for an instrument that still trades.
_STILL_TRADES = dt.date(2050, 1, 1)


def recorded_symbology(configuration: Configuration) -> pl.DataFrame:
    """`read_symbology` of every source that names a table of them."""
    found = [
        read_symbology(source.symbology, configuration.directory)
        for source in configuration.market_data
        if source.symbology
    ]
    return pl.concat([NO_SYMBOLOGY, *found])


def read_symbology(pattern: str, directory: Path) -> pl.DataFrame:
    """Return spells of tickers of all files of a glob.

    Parameters
    ----------
    pattern, directory
        Glob, and where a relative one starts. A file is a CSV with the columns symbol, ticker, start, end
        (YYYY-MM-DD, an empty end: still so) and optionally delisted, or a map file of Lean: no header, a row for
        the last day of each ticker (the first row: the day of the listing); its symbol is the file's name.

    Returns
    -------
    DataFrame
        symbol (the instrument's, for good), ticker (its name then), start, end (null while it lasts), delisted (of the
        symbol; null if it still trades); sorted by ticker and start.

    Raises
    ------
    ReferenceError
        No file, one that cannot be used, or a ticker that names two instruments at once.
    """
    parts = [NO_SYMBOLOGY]
    for file in reference_files(pattern, directory, "symbology"):
        parts.append(_of_map(file) if file.is_headerless else _of_table(file))
    spells = pl.concat(parts).sort("ticker", "start")
    previous_end = pl.col("end").fill_null(dt.date.max).shift(1).over("ticker")
    clashing = spells.filter(pl.col("start") <= previous_end)
    if not clashing.is_empty():
        row = clashing.row(0, named=True)
        raise ReferenceError(
            f"ticker {row['ticker']!r} names two instruments from {row['start']} on, {row['symbol']!r} among them\n"
            f"  file: {pattern}\n  expected: spells that do not overlap"
        )
    return spells


def identified(bars: pl.DataFrame, symbology: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return bars under the symbols of their instruments.

    Parameters
    ----------
    bars
        symbol (the ticker that the source wrote), session, ...
    symbology
        Rows of `read_symbology`. A ticker that it does not have is a symbol itself.

    Returns
    -------
    DataFrame
        The bars, `symbol` replaced.
    DataFrame
        Bars of sessions on which their ticker, though in the table, named no instrument.
    """
    if symbology.is_empty():
        return bars, bars.clear()
    known = pl.col("symbol").is_in(symbology["ticker"].unique().implode())
    others, named = bars.filter(~known), bars.filter(known).sort("session")
    spells = symbology.select("ticker", "end", _symbol="symbol", _start="start").sort("_start")
    placed = named.join_asof(
        spells, left_on="session", right_on="_start", by_left="symbol", by_right="ticker", check_sortedness=False
    )
    inside = pl.col("_start").is_not_null() & (pl.col("session") <= pl.col("end")).fill_null(True)
    found = placed.filter(inside).with_columns(symbol=pl.col("_symbol")).select(bars.columns)
    return pl.concat([others, found]), placed.filter(~inside).select(bars.columns)


def _of_table(file: ReferenceFile) -> pl.DataFrame:
    table = file.table(required=("symbol", "ticker", "start"), optional=("end", "delisted"))
    rows = table.select(
        "line", "symbol", "ticker", **{name: file.dates(table, name) for name in ("start", "end", "delisted")}
    )
    for name in ("symbol", "ticker", "start"):
        file.refuse(rows.filter(pl.col(name).is_null()), name, "a date" if name == "start" else "a name")
    file.refuse(rows.filter(pl.col("end") < pl.col("start")), "end", "a date not before the start")
    return rows.select(*SCHEMA)


def _of_map(file: ReferenceFile) -> pl.DataFrame:
    table = file.headerless(("last", "ticker"))
    rows = table.select("line", "ticker", last=file.dates(table, "last", "%Y%m%d")).sort("last", maintain_order=True)
    file.refuse(rows.filter(pl.col("last").is_null() | pl.col("ticker").is_null()), "row", "a date and a ticker")
    final = rows["last"].max()
    ended = isinstance(final, dt.date) and final < _STILL_TRADES
    spells = rows.with_columns(start=pl.col("last").shift(1) + dt.timedelta(days=1)).slice(1)
    # The first row is the listing itself.
    spells = spells.with_columns(
        start=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(rows["last"][0])).otherwise(pl.col("start")),
        end=pl.when(pl.col("last") < _STILL_TRADES).then("last"),
    )
    return spells.select(
        pl.lit(file.stem).alias("symbol"),
        "ticker",
        "start",
        "end",
        delisted=pl.lit(final if ended else None, pl.Date),
    )


def without_instrument(nobody: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `tables.REJECTED_ROWS` for bars whose ticker named no instrument then."""
    values = [pl.col(name).cast(pl.String).fill_null("") for name in ("symbol", "session", *VALUES[:5])]
    return nobody.select(
        "source",
        pl.col("source_file").fill_null(""),
        pl.col("source_line").fill_null(0),
        "session",
        pl.lit("no_instrument").alias("reason"),
        pl.concat_str(values, separator=",").alias("text"),
    )
