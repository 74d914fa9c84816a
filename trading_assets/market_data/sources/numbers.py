"""Cells to numbers."""

from __future__ import annotations

import polars as pl

_CURRENCIES = "$€£¥₹₩₽₺₿"
#: Other characters that a mark between thousands is written with: no-break, narrow, thin and figure spaces; quotes.
_VARIANTS = {" ": "[\u00a0\u202f\u2009\u2007]", "'": "[\u2019\u02bc\u00b4`]"}
_MULTIPLES = {"K": 1e3, "M": 1e6, "B": 1e9}
_WRITTEN = rf"^(-?[{_CURRENCIES}]|[{_CURRENCIES}]? ?[-+]?) ?([0-9.]+(?:[eE][-+]?[0-9]+)?) ?([KkMmBb]?)$"


def to_numbers(cells: pl.Series, *, decimal: str = ".", thousands: str = "") -> pl.Series:
    """`cells` as Float64; whatever is no finite number is null.

    Parameters
    ----------
    cells
        Text or numbers. A sign of a currency before a number and K, M or B (thousands, millions, billions) after
        it are understood: `$189.25`, `55.63M`.
    decimal, thousands
        Marks of the file. Unless they are declared, `1,234` is no number: it is thousands to some and a fraction to
        others. Groups have three digits, or two before the last three, as in India (`18,95,771`). A space stands for
        every kind of space, an apostrophe for a typographic one, too.
    """
    if cells.dtype.is_numeric():
        numbers = cells.cast(pl.Float64)
        return numbers.set(~numbers.is_finite(), None)
    text = cells.cast(pl.String).str.strip_chars()
    if thousands in _VARIANTS:
        text = text.str.replace_all(_VARIANTS[thousands], thousands)
    if thousands:
        text = _without_groups(text, thousands, decimal)
    if decimal != ".":
        # A point is not the decimal mark here: `1.5` would be read as one and a half.
        text = text.set(text.str.contains(".", literal=True), None).str.replace(decimal, ".", literal=True)
    numbers = text.cast(pl.Float64, strict=False)
    left = numbers.is_null() & text.is_not_null()
    if left.any():
        numbers = numbers.scatter(left.arg_true(), _decorated(text.filter(left)))
    return numbers.set(~numbers.is_finite(), None)


def _without_groups(text: pl.Series, thousands: str, decimal: str) -> pl.Series:
    """Take the marks out of groups of three digits, or India's; a mark anywhere else makes a cell unreadable."""
    mark, point = ("\\" + character for character in (thousands, decimal))
    groups = rf"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|[0-9]{{1,2}}(?:{mark}[0-9]{{2}})+{mark}[0-9]{{3}}"
    grouped = text.str.contains(rf"^[^0-9]*(?:{groups})(?:{point}[0-9]*)?[^0-9{mark}]*$")
    marked = text.str.contains(thousands, literal=True)
    return text.set(marked & ~grouped, None).str.replace_all(thousands, "", literal=True)


def _decorated(text: pl.Series) -> pl.Series:
    parts = pl.DataFrame({"text": text.str.replace_all("\u2212", "-", literal=True)}).select(
        sign=pl.col("text").str.extract(_WRITTEN, 1),
        digits=pl.col("text").str.extract(_WRITTEN, 2).cast(pl.Float64, strict=False),
        multiple=pl.col("text").str.extract(_WRITTEN, 3).str.to_uppercase().replace_strict(_MULTIPLES, default=1.0),
    )
    signed = pl.when(pl.col("sign").str.contains("-", literal=True)).then(-pl.col("digits")).otherwise(pl.col("digits"))
    return parts.select((signed * pl.col("multiple")).alias("number"))["number"]
