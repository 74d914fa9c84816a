"""Dividends and splits that the rows of a file state."""

from __future__ import annotations

import polars as pl

from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.numbers import to_numbers
from trading_assets.market_data.sources.raw import ACTIONS, LONGEST_TEXT, PRICES, REJECTED_SCHEMA

#: A row without prices in whose place another row of the same symbol and session is a bar.
NO_PRICES = "no_prices_beside_a_bar"
_OHLC = PRICES[:4]
_RATIO = r"^\s*([0-9.]+)\s*(?::|/|for|-for-)\s*([0-9.]+)\s*(?:stock\s*splits?)?\s*$"
_DIVIDEND = r"^\s*[$€£¥]?\s*([0-9.]+)\s*(?:cash\s*)?dividend\s*$"
#: Actions on more rows than this share (of at least so many rows) are no amounts of ex-dates.
_MOST, _FEWEST_ROWS = 0.25, 20


def to_ratios(cells: pl.Series, *, decimal: str, thousands: str) -> pl.Series:
    """Return new shares for an old one: `2`, `2:1`, `3/2`, `2-for-1`; null or not above 0 for what is no ratio.

    Parameters
    ----------
    cells
        Numbers or texts as received.
    decimal, thousands
        Signs in numbers that are written as text.
    """
    numbers = to_numbers(cells, decimal=decimal, thousands=thousands)
    if cells.dtype.is_numeric() or numbers.null_count() == cells.null_count():
        return numbers
    return numbers.fill_null(_ratio(cells))


def actions_in_prices(cells: pl.DataFrame) -> pl.DataFrame:
    """cash_dividend, split_ratio that are written where a row's prices should be: `0.23 Dividend`, `4:1 Stock Splits`.

    Parameters
    ----------
    cells
        open, high, low, close as received.
    """
    texts = [cells[name].cast(pl.String) for name in _OHLC if not cells[name].dtype.is_numeric()]
    dividend = ratio = pl.repeat(None, cells.height, dtype=pl.Float64, eager=True)
    for text in texts:
        found = text.str.to_lowercase()
        dividend = dividend.fill_null(found.str.extract(_DIVIDEND, 1).cast(pl.Float64, strict=False))
        ratio = ratio.fill_null(_ratio(text.set(~found.str.contains("split").fill_null(False), None)))
    return pl.DataFrame({"cash_dividend": dividend, "split_ratio": ratio})


def priceless_rows(bars: pl.DataFrame) -> pl.DataFrame:
    """Return rows whose four prices are all missing or 0."""
    first, *others = ((pl.col(name) == 0).fill_null(value=True) for name in _OHLC)
    found = bars.filter(first)  # most files have none: one column tells
    return found if found.is_empty() else found.filter(*others)


def refuse_daily_actions(name: str, title: str, values: pl.Series, *, file: str, line: int) -> None:
    """Raise if a column states an action on a large share of all rows: a rate or a cumulative factor, no action.

    Parameters
    ----------
    name, title
        Our name and the file's.
    values
        Values of the column in all rows of the file.

    Raises
    ------
    SourceError
        Names the column and how to leave it out.
    """
    stated = int((values > 0).sum() if name == "cash_dividend" else ((values > 0) & (values != 1)).sum())
    if values.len() < _FEWEST_ROWS or stated <= _MOST * values.len():
        return
    what = "a cash dividend" if name == "cash_dividend" else "a split"
    raise SourceError(
        f"{what} on {stated} of {values.len()} rows",
        file=file,
        line=line,
        column=title,
        expected="amounts a share on ex-dates, 0 or nothing elsewhere"
        if name == "cash_dividend"
        else "new shares for an old one on ex-dates, 1, 0 or nothing elsewhere (no cumulative factor)",
        todo=f'if the column is something else, leave it out: `columns: {{{name}: ""}}`',
    )


def without_rows_beside_bars(bars: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take out the rows without a price (none, or all 0) that stand beside a bar of the same symbol and session.

    Parameters
    ----------
    bars
        symbol, session, open, high, low, close, cash_dividend, split_ratio, source, source_file, source_line, text
        (as received, of rows without a price).

    Returns
    -------
    DataFrame
        The bars that are left. Each of the session has the actions that the rows taken out stated, if it states none
        itself: dividends of a day are added, splits multiplied; what overlapping files repeat is one action. A row
        without a price that stands alone stays.
    DataFrame
        Columns of `raw.REJECTED_SCHEMA`.
    """
    key = ["symbol", "session"]
    bare = priceless_rows(bars.with_row_index("_row"))
    if bare.is_empty():
        return bars, pl.DataFrame(schema=REJECTED_SCHEMA)
    whole = pl.all_horizontal(pl.col(name) > 0 for name in _OHLC)
    there = bars.with_row_index("_row").filter(whole).join(bare.select(key).unique(), on=key, how="semi")
    beside = bare.join(there.select(key).unique(), on=key, how="semi", maintain_order="left")
    if beside.is_empty():
        return bars, pl.DataFrame(schema=REJECTED_SCHEMA)
    same = [*key, *ACTIONS]
    nth = pl.int_range(pl.len()).over("source_file", *same).alias("_nth")
    once = beside.with_columns(nth).unique([*same, "_nth"], keep="first", maintain_order=True)
    stated = once.group_by(key).agg(
        pl.col("cash_dividend").filter(pl.col("cash_dividend") > 0).sum(),
        pl.col("split_ratio").filter(pl.col("split_ratio") > 0).product(),
    )
    stated = stated.select(
        *key,
        _cash=pl.when(pl.col("cash_dividend") > 0).then("cash_dividend"),
        _split=pl.when(pl.col("split_ratio") != 1).then("split_ratio"),
    )
    kept = bars.with_row_index("_row").join(beside.select("_row"), on="_row", how="anti", maintain_order="left")
    kept = kept.join(stated, on=key, how="left", maintain_order="left")
    own = {
        "cash_dividend": pl.col("cash_dividend") > 0,
        "split_ratio": (pl.col("split_ratio") > 0) & (pl.col("split_ratio") != 1),
    }
    kept = kept.with_columns(
        pl.when(own[name].fill_null(False)).then(name).otherwise(pl.coalesce(other, name)).alias(name)
        for name, other in zip(ACTIONS, ("_cash", "_split"), strict=True)
    )
    rejected = beside.select(
        "source",
        "source_file",
        "source_line",
        "session",
        pl.lit(NO_PRICES).alias("reason"),
        pl.col("text").fill_null("").str.slice(0, LONGEST_TEXT),
    )
    return kept.select(bars.columns), rejected


def _ratio(text: pl.Series) -> pl.Series:
    lowered = text.cast(pl.String).str.to_lowercase()
    new, old = (lowered.str.extract(_RATIO, group).cast(pl.Float64, strict=False) for group in (1, 2))
    return (new / old.set(old <= 0, None)).rename(text.name)
