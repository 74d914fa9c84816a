"""The bars beside a bar, in rows sorted by symbol and session.

A comparison with the rows above and below says the same as a window over each symbol, in a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def previous(value: str | pl.Expr, bars: int = 1) -> pl.Expr:
    """The value that many bars of the same symbol before; null where there are not so many."""
    return _beside(value, bars)


def following(value: str | pl.Expr) -> pl.Expr:
    """The value of the same symbol's next bar; null at its last one."""
    return _beside(value, -1)


def repeated(key: Sequence[str]) -> pl.Expr:
    """Whether another row has the same key, in rows sorted by it."""
    same_above = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in key) & (
        pl.int_range(pl.len()) > 0
    )
    return same_above | same_above.shift(-1, fill_value=False)


def distinct(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The different rows of some columns, in no particular order: quick where equal ones are beside each other."""
    rows = frame.select(columns)
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in columns)
    return rows.filter(differs | (pl.int_range(pl.len()) == 0)).unique()


def _beside(value: str | pl.Expr, bars: int) -> pl.Expr:
    shown = pl.col(value) if isinstance(value, str) else value
    return pl.when(pl.col("symbol") == pl.col("symbol").shift(bars)).then(shown.shift(bars))
