"""A user's file of factor returns: the lines with dates, whatever is said above and below them."""

from __future__ import annotations

import csv
import datetime as dt
import math
from pathlib import Path
from statistics import median

import polars as pl

from trading_assets.market_data.reference.files import ReferenceError

#: How the library of French writes that it knows none.
_MISSING = (-99.99, -999.0)
#: Median size of a daily return from which on, or below which, it is in percent, or a fraction.
_PERCENT_FROM, _FRACTION_BELOW = 0.10, 0.05
#: A daily return beyond this is none, whatever its unit.
_MOST = 1.0
#: The riskless return of such a file: no factor.
RISK_FREE_NAMES = ("rf", "risk_free")
_PATTERNS = ("%Y%m%d", "%Y-%m-%d")
_KEY = "analytics.factors"


def read_factors(path: Path, unit: str) -> pl.DataFrame:
    """Read daily factor returns as fractions.

    The header is the last line before the first date; the table ends at the first line after it that begins with none,
    which is where files of several tables have the next. -99.99 and -999 are unknown. A column of the riskless rate is
    left out.

    Parameters
    ----------
    path
        CSV; dates as 20240102 or 2024-01-02 in the first column.
    unit
        ``percent``, ``fraction``, or ``auto``: by the median size of the returns.

    Returns
    -------
    polars.DataFrame
        session, then a column a factor, null where it is unknown; ascending.

    Raises
    ------
    ReferenceError
        With file, line and key: there is no table, a cell is no number, a date comes twice, or the unit is in doubt.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReferenceError(f"cannot read factors\n  file: {path}\n  key: {_KEY}\n  cause: {error}") from None
    cells = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    days = [_day(row[0]) if row else None for row in cells]
    first = next((number for number, day in enumerate(days) if day is not None), None)
    if first is None or first == 0:
        what = "no line begins with a date" if first is None else "no line with names above the first date"
        raise ReferenceError(
            f"{what}\n  file: {path}\n  key: {_KEY}\n  expected: a line of names, then lines as 2024-01-02,0.1,-0.2"
        )
    last = next((number for number in range(first, len(days)) if days[number] is None), len(days))
    names = [name.lower().replace("-", "_").replace(" ", "_") for name in cells[first - 1][1:]]
    rows: dict[dt.date, list[float | None]] = {}
    for number in range(first, last):
        day, values = days[number], cells[number][1:]
        if day is None or len(values) != len(names):
            raise _wrong(path, number, f"{len(names)} returns, as the names in line {first}")
        if day in rows:
            raise _wrong(path, number, "one line a day")
        rows[day] = [_number(path, number, value) for value in values]
    frame = pl.DataFrame(
        [[day, *values] for day, values in rows.items()],
        schema={"session": pl.Date, **dict.fromkeys(names, pl.Float64)},
        orient="row",
    ).sort("session")
    return _in_fractions(frame.drop(set(names) & set(RISK_FREE_NAMES)), unit, path)


def _day(text: str) -> dt.date | None:
    for pattern in _PATTERNS:
        try:
            return dt.datetime.strptime(text, pattern).date()
        except ValueError:
            continue
    return None


def _wrong(path: Path, number: int, expected: str) -> ReferenceError:
    return ReferenceError(
        f"a wrong line of factors\n  file: {path}, line {number + 1}\n  key: {_KEY}\n  expected: {expected}"
    )


def _number(path: Path, number: int, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _wrong(path, number, f"a number, not {text!r}")
    return None if value in _MISSING else value


def _in_fractions(frame: pl.DataFrame, unit: str, path: Path) -> pl.DataFrame:
    names = [name for name in frame.columns if name != "session"]
    sizes = [abs(value) for name in names for value in frame[name].drop_nulls().to_list() if value]
    if not sizes:
        raise ReferenceError(f"no factor returns\n  file: {path}\n  key: {_KEY}\n  expected: a factor beside the dates")
    size = median(sizes)
    if unit == "auto":
        if _FRACTION_BELOW <= size < _PERCENT_FROM:
            raise ReferenceError(
                f"percent or fractions? the median size of a return is {size:.3g}\n  file: {path}\n  key: {_KEY}\n"
                "  what to do: say which, with the key analytics.factor_unit"
            )
        unit = "percent" if size >= _PERCENT_FROM else "fraction"
    scale = 100.0 if unit == "percent" else 1.0
    if max(sizes) / scale > _MOST:
        raise ReferenceError(
            f"a daily return of {max(sizes) / scale:.0%}\n  file: {path}\n  key: {_KEY}\n"
            f"  expected: daily returns in the unit `{unit}` (key analytics.factor_unit)"
        )
    return frame.with_columns(pl.col(names) / scale)
