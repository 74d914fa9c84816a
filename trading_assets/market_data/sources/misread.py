"""When cells that are no numbers are bad cells, and when a whole column is misread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from trading_assets.market_data.sources.errors import SourceError, shown
from trading_assets.market_data.sources.numbers import to_numbers
from trading_assets.market_data.sources.raw import NUMBERS, PRICES

#: What files write where there is no number.
_NOTHING = (
    "",
    "-",
    "--",
    "---",
    "\u2013",
    "\u2014",
    ".",
    "na",
    "n/a",
    "#n/a",
    "null",
    "none",
    "nan",
    "nil",
    "\\n",
    "?",
    "x",
)
#: So many numbers in another notation than the declared one are no accident.
_ENOUGH = 3
#: A larger share of the written cells that cannot be read is no accident either.
_MOST = 0.5
#: A notation that reads this share of the written cells is the file's.
_NEARLY_ALL = 0.9
#: (decimal, thousands): notations that a file may be in, the likelier first.
_NOTATIONS = ((".", ","), (",", ""), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"), (".", ""))


class Column(NamedTuple):
    """A column of numbers of one file.

    Attributes
    ----------
    name
        Ours.
    title
        The file's.
    text
        Cells of the column as received, all rows of the file.
    """

    name: str
    title: str
    text: pl.Series


class _Damage(NamedTuple):
    """What cannot be read of a column: row of the first such cell, counts of them and of all that are written."""

    column: Column
    first: int
    unreadable: int
    written: int


def refuse_misread(columns: Sequence[Column], lines: pl.Series, *, decimal: str, thousands: str, file: str) -> None:
    """Raise if a column of a file is written in another notation than declared, or is no column of numbers.

    A column is misread if, of its cells with something written in them (`N/A`, `-` and the like are nothing),

    - all, or at least three, would be numbers with other marks (`1,152.58` where no `thousands` is declared), or
    - more than half are no numbers at all.

    Any other cell that is no number is a bad cell: it is null, and its row is for the quality rules.

    Parameters
    ----------
    columns
        Text as received, of every row of the file.
    lines
        Line of each row.
    decimal, thousands
        As declared.

    Raises
    ------
    SourceError
        Names the column with most of them, the line and text of the first, and the key that mends it.
    """
    found = [each for each in (_damage(column, decimal, thousands) for column in columns) if each is not None]
    if not found:
        return
    # Prices before the rest, then the column that suffers most.
    worst = max(found, key=lambda each: (each.column.name in PRICES, each.unreadable / each.written, -_place(each)))
    cell = worst.column.text[worst.first]
    kind = worst.column.name if worst.column.name not in PRICES else "price"
    if worst.unreadable == worst.written:
        what = f"not one {kind} can be read, the first is {shown(cell)}"
    else:
        what = f"{worst.unreadable} of {worst.written} cells are no numbers, the first is {shown(cell)}"
    others = [each.column.title.strip() for each in found if each is not worst]
    written = sum(each.written for each in found)
    notation = _notation([each.column.text for each in found], written, decimal, thousands)
    marks = f"`decimal: {_quoted(decimal)}`" + (f" and `thousands: {_quoted(thousands)}`" if thousands else "")
    mend = notation or "check `columns`; other marks are declared by `decimal` and `thousands`"
    if worst.column.name not in PRICES[:4] and worst.column.name != "volume":
        mend += f'; if it is no such column: `columns: {{{worst.column.name}: ""}}`'
    raise SourceError(
        what,
        file=file,
        line=int(lines[worst.first]),
        column=worst.column.title.strip() + (f" (and {', '.join(others)})" if others else ""),
        expected=f"numbers with {marks}"
        if thousands or decimal != "."
        else "numbers with a decimal point and no mark between thousands",
        todo=mend,
    )


def is_unreadable(text: pl.Series, numbers: pl.Series) -> pl.Series:
    """Return whether a cell has something written in it that is no number; one too large is no such cell."""
    if text.dtype.is_numeric():
        return pl.zeros(text.len(), dtype=pl.Boolean, eager=True)
    if not numbers.null_count():
        return pl.zeros(text.len(), dtype=pl.Boolean, eager=True)
    left = numbers.is_null()
    written = text.filter(left).cast(pl.String).str.strip_chars()
    is_infinite = written.cast(pl.Float64, strict=False).is_infinite().fill_null(False)
    is_something = ~written.str.to_lowercase().is_in(_NOTHING) & ~is_infinite
    return left.scatter(left.arg_true(), is_something.fill_null(False))


def _damage(column: Column, decimal: str, thousands: str) -> _Damage | None:
    numbers = to_numbers(column.text, decimal=decimal, thousands=thousands)
    bad = is_unreadable(column.text, numbers)
    unreadable = int(bad.sum())
    if not unreadable:
        return None
    written = unreadable + numbers.len() - numbers.null_count()
    marked = _marked(column.text.filter(bad))
    if marked < _ENOUGH and marked < written and unreadable <= _MOST * written:
        return None
    return _Damage(column, int(bad.arg_true()[0]), unreadable, written)


def _marked(cells: pl.Series) -> int:
    """How many of these would be numbers in some notation, or look like numbers with marks in places of their own."""
    text = cells.cast(pl.String).str.strip_chars()
    # A number, then marks with digits between them: 1,234.5, 12.345,67, 1 234, 18,95,771, 1,2345.
    return int(
        text.str.contains(
            r"^[-+\u2212(]?[$€£¥₹₩₽₺₿]? ?[0-9]+(?:[.,'’`\s\u00a0\u202f\u2009\u2007][0-9]+)+\)?[KkMmBb%]?$"
        ).sum()
    )


def _notation(columns: Sequence[pl.Series], written: int, decimal: str, thousands: str) -> str:
    """Keys under which nearly all of the cells that are written are numbers; empty if no notation reads them."""
    counts: Mapping[tuple[str, str], int] = {
        (point, mark): sum(
            text.len() - to_numbers(text, decimal=point, thousands=mark).null_count() for text in columns
        )
        for point, mark in _NOTATIONS
        if (point, mark) != (decimal, thousands)
    }
    most = max(counts.values())
    if most < _NEARLY_ALL * written:
        return ""
    best = [notation for notation, count in counts.items() if count == most]
    # The one nearest to what is declared.
    point, mark = min(best, key=lambda each: (each[0] != decimal) + (each[1] != thousands))
    if (point, mark) == (".", ",") and (",", "") in best:
        return 'set `thousands: ","` if the comma parts thousands, `decimal: ","` if it is the decimal mark'
    return "set " + " and ".join(
        f"`{key}: {_quoted(value)}`"
        for key, value, is_now in (("decimal", point, decimal), ("thousands", mark, thousands))
        if value != is_now
    )


def _quoted(mark: str) -> str:
    return f'"{mark}"'


def _place(damage: _Damage) -> int:
    return NUMBERS.index(damage.column.name)
