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
    number = pl.col("number")
    finite = pl.when(number.is_finite()).then(number).alias("number")
    if cells.dtype.is_numeric():
        return cells.cast(pl.Float64).to_frame("number").select(finite)["number"].alias(cells.name)
    text = pl.col("text").cast(pl.String).str.strip_chars()
    if thousands in _VARIANTS:
        text = text.str.replace_all(_VARIANTS[thousands], thousands)
    if thousands:
        text = _without_groups(text, thousands, decimal)
    if decimal != ".":
        # A point is not the decimal mark here: `1.5` would be read as one and a half.
        text = pl.when(~text.str.contains(".", literal=True)).then(text).str.replace(decimal, ".", literal=True)
    read = cells.to_frame("text").select(text).with_columns(number=pl.col("text").cast(pl.Float64, strict=False))
    if read["number"].null_count() > read["text"].null_count():
        left = read["number"].is_null() & read["text"].is_not_null()
        decorated = _decorated(read["text"].filter(left))
        read = read.with_columns(read["number"].scatter(left.arg_true(), decorated))
    return read.select(finite)["number"].alias(cells.name)


def _without_groups(text: pl.Expr, thousands: str, decimal: str) -> pl.Expr:
    """Take the marks out of groups of three digits, or India's; a mark anywhere else makes a cell unreadable."""
    mark, point = ("\\" + character for character in (thousands, decimal))
    groups = rf"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|[0-9]{{1,2}}(?:{mark}[0-9]{{2}})+{mark}[0-9]{{3}}"
    grouped = text.str.contains(rf"^[^0-9]*(?:{groups})(?:{point}[0-9]*)?[^0-9{mark}]*$")
    marked = text.str.contains(thousands, literal=True)
    return pl.when(~marked | grouped).then(text).str.replace_all(thousands, "", literal=True)


def _decorated(text: pl.Series) -> pl.Series:
    parts = pl.DataFrame({"text": text.str.replace_all("\u2212", "-", literal=True)}).select(
        sign=pl.col("text").str.extract(_WRITTEN, 1),
        digits=pl.col("text").str.extract(_WRITTEN, 2).cast(pl.Float64, strict=False),
        multiple=pl.col("text").str.extract(_WRITTEN, 3).str.to_uppercase().replace_strict(_MULTIPLES, default=1.0),
    )
    signed = pl.when(pl.col("sign").str.contains("-", literal=True)).then(-pl.col("digits")).otherwise(pl.col("digits"))
    return parts.select((signed * pl.col("multiple")).alias("number"))["number"]
