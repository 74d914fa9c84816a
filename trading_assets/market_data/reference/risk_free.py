"""What cash earns: a constant, or a file of rates as they were published."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.sections import RiskFree
from trading_assets.market_data.reference.files import ReferenceError, ReferenceFile
from trading_assets.market_data.tables import RISK_FREE

#: No table of rates.
NO_INTEREST = RISK_FREE.empty()
#: What FRED, the Bank of England and others write where there is none.
MISSING = [".", "n/a", "NA", "ND", "NaN"]
#: A rate beyond this a year is in another unit, or no rate.
_MOST = 1.0
#: No central bank has gone below -1.25 % (Sveriges Riksbank, deposits, 2016); what is lower would only flatter.
_LEAST = -0.02
_DATES = ("date", "observation_date", "session", "day", "time_period")


def read_risk_free(configuration: Configuration) -> pl.DataFrame:
    """Read the rates of the section `risk_free`: rows of `RISK_FREE`, none without interest.

    Raises
    ------
    ReferenceError
        The file is not there, has no such column, or a cell that is no rate: with the line.
    """
    setting = configuration.risk_free
    if setting.file is None:
        constant = {"session": [dt.date.min], "rate": [setting.rate]} if setting.rate else {"session": [], "rate": []}
        return RISK_FREE.conform(pl.DataFrame(constant, schema={"session": pl.Date, "rate": pl.Float64}))
    return read_rates(configuration.directory / setting.file, setting)


def read_rates(path: Path, setting: RiskFree) -> pl.DataFrame:
    """Read a CSV of a date and rates, ascending; days without a rate are left out."""
    try:
        file = ReferenceFile(path, path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ReferenceError(
            f"cannot read the risk-free rates\n  file: {path}\n  key: risk_free.file\n  cause: {error}"
        ) from None
    names = [name.strip().lower() for name in file.text.split("\n", 1)[0].split(",")]
    date, column = _columns(path, names, setting)
    table = file.table([date, column], []).with_columns(pl.col(column).replace(dict.fromkeys(MISSING)))
    dates, rates = file.dates(table, date), file.numbers(table, column)
    file.refuse(table.filter(dates.is_null()), date, "a date")
    file.refuse(table.filter(~dates.is_first_distinct()), date, "one line a day")
    rates = rates / 100 if setting.unit == "percent" else rates
    file.refuse(
        table.filter(((rates > _MOST) | (rates < _LEAST)).fill_null(False)),
        column,
        f"{_LEAST:.0%} to {_MOST:.0%} a year, in the unit `{setting.unit}` (key risk_free.unit)",
    )
    if setting.quoted == "discount":
        rates = money_market_yield(rates, setting.maturity_days)
    known = pl.DataFrame({"session": dates, "rate": rates}).drop_nulls()
    if known.is_empty():
        raise ReferenceError(f"no rate\n  file: {path}, column {column!r}\n  expected: a date and a rate a line")
    return RISK_FREE.conform(known.sort("session"))


def money_market_yield(discount: pl.Series, days: int) -> pl.Series:
    """Return simple interest on what is invested, of a discount of the face value, both a year of 360 days.

    A bill of 1 costs 1 - d x days / 360 and earns the rest: d / (1 - d x days / 360) (Stigum, Money Market
    Calculations).

    Examples
    --------
    A discount of 5 % for 90 days: 0.05 / (1 - 0.05 x 90 / 360).

    >>> round(money_market_yield(pl.Series([0.05]), days=90)[0], 6)
    0.050633
    """
    return discount / (1 - discount * days / 360)


def _columns(path: Path, names: list[str], setting: RiskFree) -> tuple[str, str]:
    date = next((name for name in names if name in _DATES), names[0])
    others = [name for name in names if name != date]
    column = setting.column.lower() if setting.column else (others[0] if others else "")
    if column not in others:
        raise ReferenceError(
            f"no column {setting.column or 'of rates'!r}\n  file: {path}, line 1\n  key: risk_free.column\n"
            f"  found: {', '.join(names)}"
        )
    return date, column
