"""The values of a received bar."""

import polars as pl

PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume", "adj_close", "market_cap", "cash_dividend", "split_ratio", "coverage")


def finite_or_null(bars: pl.DataFrame) -> pl.DataFrame:
    """Return bars whose `VALUES` are null where they are not finite; a column that has no such value is not copied."""
    unsound = bars.select((~pl.col(name).is_finite()).any() for name in VALUES).row(0)
    names = [name for name, found in zip(VALUES, unsound, strict=True) if found]
    return bars.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in names)
