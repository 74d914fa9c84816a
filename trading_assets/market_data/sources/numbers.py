"""Cells to numbers."""

from __future__ import annotations

import polars as pl


def to_numbers(cells: pl.Series) -> pl.Series:
    """`cells` as Float64; whatever is no finite number is null.

    Numbers have a decimal point and no grouping: `1,234` is thousands to some and a fraction to others, so
    it is not read at all.
    """
    if not cells.dtype.is_numeric():
        cells = cells.cast(pl.String).str.strip_chars()
    numbers = cells.cast(pl.Float64, strict=False)
    return numbers.set(~numbers.is_finite(), None)
