"""The sample that comes with the dependencies: five US stocks and the S&P 500 index.

Stocks: `bokeh_sampledata.stocks` (AAPL, FB, GOOG, IBM, MSFT; 2000-03-01 to 2013-03-01), raw OHLCV and a
split- and dividend-adjusted close. Its module states "License: Public Domain", taken from Quandl WIKI
Prices. Its adjusted close also knows actions after 2013, which scales a whole series and moves no ratio
of neighbouring sessions.

Index: `arch.data.sp500` (1999-01-04 to 2018-12-31), a price index without dividends. The package is under
the NCSA licence; it states no other licence for the series.

Both are read from the installed files: importing `arch` takes seconds.
"""

from __future__ import annotations

import datetime as dt
from importlib import metadata

import polars as pl

from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.raw import NUMBERS, arrange

INDEX = "SPX"
_NAMES = {name: name.title() for name in NUMBERS[:5]} | {"adj_close": "Adj Close"}


def read(start: dt.date, end: dt.date) -> pl.DataFrame:
    """Return stocks and index of the sample with sessions in [start, end], in the raw columns."""
    return arrange(pl.concat([_stocks(), _index()]), start, end)


def index_bars(start: dt.date, end: dt.date) -> pl.DataFrame:
    """Return the index alone (symbol `SPX`, asset_class `index`): the benchmark when other sources lack one."""
    return arrange(_index(), start, end)


def _stocks() -> pl.DataFrame:
    table = _table("bokeh-sampledata", "bokeh_sampledata/_data/stocks.csv.gz")
    return _bars(table, pl.col("Ticker"), "equity", "%Y-%m-%d")


def _index() -> pl.DataFrame:
    return _bars(_table("arch", "arch/data/sp500/sp500.csv.gz"), pl.lit(INDEX), "index", "%m/%d/%Y")


def _table(package: str, path: str) -> pl.DataFrame:
    file = metadata.distribution(package).locate_file(path)
    try:
        return pl.read_csv(str(file), infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(
            f"the sample data of {package} cannot be read: {error}",
            file=path,
            todo="install the locked versions of the dependencies again",
        ) from None


def _bars(table: pl.DataFrame, symbol: pl.Expr, asset_class: str, date_format: str) -> pl.DataFrame:
    return table.select(
        symbol.alias("symbol"),
        pl.lit(asset_class).alias("asset_class"),
        pl.col("Date").str.to_date(date_format).alias("session"),
        *[pl.col(column).cast(pl.Float64).alias(name) for name, column in _NAMES.items()],
        pl.lit("sample").alias("source"),
    )
