"""Bars in the order that indicators and features are computed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from trading_assets.market_data.quality import EXTREME_MOVE

#: What identifies a bar.
KEY = ("symbol", "session")

#: Columns of `market_data.bars` that indicators and features are computed from.
BAR_COLUMNS = (
    "symbol",
    "asset_class",
    "session",
    "adj_open",
    "adj_high",
    "adj_low",
    "adj_close",
    "dollar_volume",
    "flags",
)


def in_order(bars: pl.DataFrame) -> pl.DataFrame:
    """Sort each symbol's usable bars; a missing session is no row, so one hole does not void what follows."""
    return bars if is_in_order(bars) else bars.sort("symbol", "session")


def is_in_order(rows: pl.DataFrame) -> bool:
    """Return whether rows are by symbol and session already: to see that takes a tenth of a sort of wide rows."""
    return _by_symbol(rows, pl.col("session") >= pl.col("session").shift(1))


def is_in_order_of_keys(rows: pl.DataFrame) -> bool:
    """Return whether rows are by symbol and session, and no two have the same."""
    return _by_symbol(rows, pl.col("session") > pl.col("session").shift(1))


def _by_symbol(rows: pl.DataFrame, follows: pl.Expr) -> bool:
    """Whether rows are by symbol, and each that is not the first of its symbol follows the one before."""
    runs = rows["symbol"].rle_id()  # texts are compared once a run, not once a row
    names = rows["symbol"].filter(runs.is_first_distinct())
    in_runs = rows.select(((runs != runs.shift(1)) | follows).all()).item()
    return bool(in_runs) and names.is_sorted() and names.n_unique() == names.len()


def usable_for_signals() -> pl.Expr:
    """Return False for a bar whose move no later bar has confirmed yet at its own close."""
    return ~pl.col("flags").list.contains(EXTREME_MOVE.name)


def split_factor() -> pl.Expr:
    """Return what one unit of a symbol's first bar has become by splits alone: raw prices times it are a price index.

    Dividends are not in it, as they are in `forward_factor`: a benchmark that goes ex-dividend has fallen.
    """
    return pl.col("split_ratio").fill_null(1.0).cum_prod().over("symbol", order_by="session")


def with_defined(rows: pl.DataFrame, columns: Mapping[str, pl.Expr], over: Sequence[str]) -> pl.DataFrame:
    """Add columns computed within groups; NaN and infinity become null.

    Parameters
    ----------
    rows
        Rows in the order that the expressions need.
    columns
        Numeric expression by name of the new column.
    over
        Columns that a group shares: an expression never reaches another group.
    """
    computed = rows.with_columns(**{name: values.over(over) for name, values in columns.items()})
    return computed.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in columns)
