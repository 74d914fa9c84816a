"""Frames as HTML tables: headings, formats, colours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

Format = Callable[[float], str]


@dataclass(frozen=True)
class Cell:
    """A cell: its text, CSS class and link."""

    text: str
    kind: str = ""
    href: str = ""


@dataclass(frozen=True)
class Head:
    """A column heading."""

    text: str
    number: bool = False


@dataclass(frozen=True)
class HtmlTable:
    """A table ready to be written as HTML."""

    heads: list[Head] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    caption: str = ""


def percent(value: float) -> str:
    """Return a fraction as a percentage."""
    return _unsigned_zero(f"{value:.1%}")


def number(value: float) -> str:
    """Thousands with commas; small values with two decimals."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return _unsigned_zero(f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.2f}")


def price(value: float) -> str:
    """Return a price with as many digits as tell it apart.

    Examples
    --------
    >>> price(1234.5), price(0.0001234567)
    ('1,234.50', '0.000123457')
    """
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.6g}"


def grid(
    frame: pl.DataFrame,
    *,
    formats: Mapping[str, Format] | None = None,
    heads: Mapping[str, str] | None = None,
    links: Mapping[str, Callable[[str], str]] | None = None,
    caption: str = "",
) -> HtmlTable:
    """Return a frame as a table; what is undefined is an en dash, never a zero.

    Parameters
    ----------
    formats, heads, links
        How numbers are written, headings, and the address that a cell links to, by name of the column.
    caption
        Text above the table; empty for none.
    """
    formats, heads, links = formats or {}, heads or {}, links or {}
    columns = [
        Head(heads.get(name, name.replace("_", " ")), number=dtype.is_numeric()) for name, dtype in frame.schema.items()
    ]
    rows = [
        [
            Cell("–", "unknown number" if head.number else "unknown")
            if value is None
            else _cell(value, formats.get(name), links.get(name))
            for head, (name, value) in zip(columns, row.items(), strict=True)
        ]
        for row in frame.iter_rows(named=True)
    ]
    return HtmlTable(columns, rows, caption)


def _unsigned_zero(text: str) -> str:
    return text.removeprefix("-") if not text.strip("-0.%") else text


def _cell(value: object, form: Format | None, link: Callable[[str], str] | None) -> Cell:
    if isinstance(value, bool):
        return Cell("yes", "yes") if value else Cell("no", "no")
    if isinstance(value, int | float):
        return Cell((form or number)(float(value)), "number")
    if isinstance(value, dt.datetime):
        return Cell(f"{value:%Y-%m-%d %H:%M}")
    text = str(value)
    return Cell(text, href=link(text) if link else "")
