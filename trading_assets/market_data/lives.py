"""Tickers that one instrument gave up and another took over: two lives of a name, and nothing reaches over the break.

A year without a bar is no hole of a delivery and no halt that anyone trades through. What comes after it is an
instrument of its own, with a symbol of its own: `NAME@2016` for one that begins in 2016, while the first one keeps the
name. So its features start their warm-up anew, and no label, position or adjustment joins the two.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from trading_assets.market_data.bar_windows import distinct, previous

SCHEMA = {"ticker": pl.String, "symbol": pl.String, "start": pl.Date}
NO_LIVES = pl.DataFrame(schema=SCHEMA)
#: With fewer bars nothing was ever entered: no entry before as many clean sessions, no mean of 20.
FEWEST_BARS = 20


def find_lives(
    raw: pl.DataFrame, least_days: int, overridden: pl.DataFrame, on_record: pl.Series | None = None
) -> pl.DataFrame:
    """Find the later instruments of reused tickers.

    Parameters
    ----------
    raw
        symbol (the ticker), session, close; any order. Rows without a positive close are no bars.
    least_days
        Days from one bar to the next after which the ticker is another instrument's.
    overridden
        symbol, session: first bars after such a break that are the same instrument's all the same.
    on_record
        Symbols that a table of tickers has as one instrument each, whatever the gaps.

    Returns
    -------
    DataFrame
        ticker, symbol (`TICKER@YEAR`), start (its first bar); sorted by ticker and start. Two of one ticker never begin
        in the same year, so that the symbol is the same whatever was delivered first, and whatever comes after. The
        first instrument has no row and keeps the ticker; if it has fewer than `FEWEST_BARS` bars before the break, it
        has a row, and the next one a row with the ticker for its symbol.
    """
    bars = raw.filter(pl.col("close") > 0)
    quarter = pl.col("session").dt.year() * 4 + pl.col("session").dt.quarter()
    quarters = distinct(bars.select("symbol", quarter=quarter), ["symbol", "quarter"]).sort("symbol", "quarter")
    # Few symbols lack the bars of a whole quarter, and only they are looked at closely.
    paused = quarters.filter(pl.col("quarter") - previous("quarter") > 1)["symbol"].unique()
    known = on_record.unique() if on_record is not None else pl.Series(dtype=pl.String)
    some = bars.filter(pl.col("symbol").is_in(paused.implode()) & ~pl.col("symbol").is_in(known.implode()))
    some = some.select("symbol", "session").unique().sort("symbol", "session")
    if some.is_empty():
        return NO_LIVES
    days = (pl.col("session") - previous("session")).dt.total_days()
    starts = some.filter(days >= least_days).join(overridden, on=["symbol", "session"], how="anti")
    # How many bars there were before each break is known at the break.
    parts = some.join(starts.select("symbol", start="session"), on="symbol").group_by("symbol", "start")
    before = parts.agg(
        past=(pl.col("session") < pl.col("start")).sum().cast(pl.Int64), begins=pl.col("session").min()
    ).sort("symbol", "start")
    taken = set(raw["symbol"].unique())

    def named(ticker: str, start: dt.date) -> tuple[str, str, dt.date]:
        symbol = f"{ticker}@{start.year}"
        while symbol in taken:
            symbol += "@"
        return ticker, symbol, start

    rows: list[tuple[str, str, dt.date]] = []
    for (ticker,), breaks in before.group_by("symbol", maintain_order=True):
        begun, counted = breaks["begins"][0], 0
        holds = False  # whether an instrument has the ticker for good
        for start, past in breaks.select("start", "past").iter_rows():
            holds = holds or past - counted >= FEWEST_BARS
            if holds:
                rows.append(named(str(ticker), start))
            else:
                rows = [row for row in rows if row[:2] != (ticker, ticker)]
                rows += [named(str(ticker), begun), (str(ticker), str(ticker), start)]
                begun, counted = start, past
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("ticker", "start")


def later_lives(lives: pl.DataFrame) -> pl.DataFrame:
    """Return those of `find_lives` that came after the instrument which has the ticker for its symbol."""
    holders = lives.filter(pl.col("symbol") == pl.col("ticker")).select("ticker", _since="start")
    placed = lives.join(holders, on="ticker", how="left")
    return placed.filter((pl.col("start") > pl.col("_since")).fill_null(True)).drop("_since")


def by_life(rows: pl.DataFrame, lives: pl.DataFrame, date: str = "session") -> pl.DataFrame:
    """Return rows under the symbols of the instruments that their tickers named at `date`, in the order they came in.

    Parameters
    ----------
    rows
        symbol (the ticker), `date` and anything else; a null date stays with the instrument that keeps the ticker.
    lives
        Rows of `find_lives`.
    """
    if lives.is_empty() or rows.is_empty():
        return rows
    symbol = pl.col("symbol")
    for ticker, name, start in lives.sort("ticker", "start").iter_rows():
        is_later = (pl.col("symbol") == ticker) & (pl.col(date) >= start).fill_null(False)
        symbol = pl.when(is_later).then(pl.lit(name)).otherwise(symbol)
    return rows.with_columns(symbol=symbol)


def for_each_life(rows: pl.DataFrame, lives: pl.DataFrame) -> pl.DataFrame:
    """Rows, and those of a ticker again for each later instrument of it: what holds for a name holds for all."""
    others = lives.filter(pl.col("symbol") != pl.col("ticker")).select(symbol="ticker", _name="symbol")
    later = rows.join(others, on="symbol").with_columns(symbol="_name")
    return pl.concat([rows, later.select(rows.columns)])


def revives(raw: pl.DataFrame, last: pl.DataFrame, since: dt.date, least_days: int) -> bool:
    """Return whether a symbol's first bar from `since` on comes so long after its last one that it is another life.

    Parameters
    ----------
    raw
        Received bars: symbol, session, close.
    last
        symbol, session: last bar of each symbol before `since`.
    since, least_days
        First session that is new, and the calendar days from which on a gap ends a life.
    """
    new = raw.filter(pl.col("session") >= since, pl.col("close") > 0).group_by("symbol").agg(pl.col("session").min())
    both = new.join(last.select("symbol", last="session"), on="symbol")
    return both.filter((pl.col("session") - pl.col("last")).dt.total_days() >= least_days).height > 0


def took_over_a_ticker() -> pl.Expr:
    """Return whether a row of `market_data.instruments` shares its ticker with the instrument whose symbol that is."""
    prefix = pl.col("tickers").list.first() + "@"
    return pl.col("symbol").str.starts_with(prefix) & pl.col("symbol").str.contains(r"@\d{4}@*$")


def is_named(wanted: Sequence[str]) -> pl.Expr:
    """Return whether a row of `market_data.instruments` is meant by a name: its symbol, or one that it took over."""
    return pl.col("symbol").is_in(list(wanted)) | (
        took_over_a_ticker() & pl.col("tickers").list.first().is_in(list(wanted))
    )


def delivered_as() -> pl.Expr:
    """Return the symbol in `market_data.raw_bars` of an instrument: its own, or the ticker that it took over."""
    return pl.when(took_over_a_ticker()).then(pl.col("tickers").list.first()).otherwise("symbol")
