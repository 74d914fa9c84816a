"""A table of rows and columns, whatever it comes from, to bars."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence

import polars as pl

from trading_assets.config.sources import INTERVALS, SYMBOL_PLACE, ColumnSettings
from trading_assets.market_data.sources import symbols
from trading_assets.market_data.sources.columns import ColumnError, find_columns, resembles_header
from trading_assets.market_data.sources.dates import DateColumnError, to_local_times
from trading_assets.market_data.sources.errors import SourceError, shown
from trading_assets.market_data.sources.intraday import to_sessions
from trading_assets.market_data.sources.numbers import to_numbers
from trading_assets.market_data.sources.raw import NUMBERS, PRICES
from trading_assets.market_data.sources.tabular import CsvTable, Tabular

_FILENAME = "filename"
_LINES_TO_LOOK_AT = 20
_MARGIN = dt.timedelta(days=3)

logger = logging.getLogger(__name__)


def with_sessions(bars: pl.DataFrame, settings: ColumnSettings) -> pl.DataFrame:
    """Bars of sessions from those of `bars_of_table`: daily ones are, intraday ones are put together."""
    if settings.interval == "1d":
        return bars.with_columns(session=pl.col("local").dt.date())
    return to_sessions(
        bars,
        calendar=settings.calendar,
        timezone=settings.timezone,
        interval=INTERVALS[settings.interval],
        stamped=settings.stamped,
    )


def bars_of_table(table: Tabular, source: ColumnSettings, start: dt.date, end: dt.date) -> pl.DataFrame:
    """Bars of one table in its order: the raw columns, with `local` (local time of the stamp) for the session.

    Those with sessions in [start, end] are there, and few others: numbers of rows that nobody asked for are not read.

    Raises
    ------
    SourceError
        A column is missing, a date or every price cannot be read, a symbol is none.
    """
    of_file = symbols.from_filename(table.name, source.symbol_pattern) if source.symbol_from == _FILENAME else None
    columns = _columns(table, source, of_file)
    conditions = {_position_of(table, name): value for name, value in source.where.items()}
    cells = table.read([*columns.values(), *conditions])
    if cells.is_empty():
        raise SourceError(
            "a header without rows",
            file=table.name,
            line=table.header_line,
            expected="at least one bar below the header",
            todo="deliver the file again, or take it out of `path`",
        )
    for position, value in conditions.items():
        cells = cells.filter(pl.col(str(position)).cast(pl.String).str.strip_chars() == value)
    cells = cells.select("source_line", **{ours: pl.col(str(position)) for ours, position in columns.items()})
    theirs = {ours: table.header[position] for ours, position in columns.items()}
    cells = _with_local_times(cells, source, file=table.name, column=theirs["session"])
    cells = cells.filter(pl.col("local").dt.date().is_between(*_with_margin(start, end)))
    if of_file is None:
        symbol = symbols.from_column(cells, source.symbol_pattern, file=table.name, column=theirs["symbol"])
        cells = cells.with_columns(symbol)
    else:
        cells = cells.with_columns(symbol=pl.lit(of_file))
    return _with_numbers(cells, source, file=table.name, columns=theirs).select(
        "symbol",
        pl.lit(source.asset_class).alias("asset_class"),
        "local",
        *[pl.col(name) if name in columns else pl.lit(None, pl.Float64).alias(name) for name in NUMBERS],
        pl.lit(source.source).alias("source"),
        pl.lit(table.name).alias("source_file"),
        "source_line",
    )


def _with_margin(start: dt.date, end: dt.date) -> tuple[dt.date, dt.date]:
    """Days whose bars may be of sessions in [start, end]: one can begin the evening before."""
    return start - min(_MARGIN, start - dt.date.min), end + min(_MARGIN, dt.date.max - end)


def _columns(table: Tabular, source: ColumnSettings, symbol: str | None) -> dict[str, int]:
    mapped = {ours: theirs.replace(SYMBOL_PLACE, symbol or "") for ours, theirs in source.columns.items()}
    symbol_column = None if symbol is not None else source.symbol_from

    def find(header: Sequence[str], hint: str = "") -> dict[str, int]:
        return find_columns(
            header, mapped=mapped, symbol_column=symbol_column, file=table.name, line=table.header_line, hint=hint
        )

    try:
        return find(table.header)
    except ColumnError:
        if isinstance(table, CsvTable) and not resembles_header(table.header, mapped):
            for line in range(1, table.header_line + _LINES_TO_LOOK_AT):
                if resembles_header(table.names_on(line), mapped):
                    find(table.header, f"set `skip_rows: {line - 1}`: line {line} looks like the header")
        raise


def _position_of(table: Tabular, name: str) -> int:
    if name not in table.header:
        raise SourceError(
            f"no column {name!r} for the condition in `where`",
            file=table.name,
            line=table.header_line,
            column=name,
            expected=f"one of {', '.join(table.header[:20])}",
            todo="correct `where`",
        )
    return table.header.index(name)


def _with_local_times(cells: pl.DataFrame, source: ColumnSettings, *, file: str, column: str) -> pl.DataFrame:
    try:
        local = to_local_times(cells["session"], date_format=source.date_format, timezone=source.timezone)
    except DateColumnError as error:
        line = cells["source_line"][error.row]
        raise SourceError(
            str(error), file=file, line=line, column=column, expected=error.expected, todo=error.todo
        ) from None
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"not a column of dates: {str(error).splitlines()[0]}", file=file, column=column) from None
    bad = cells.filter(local.is_null())
    if not bad.is_empty():
        line, value = bad["source_line"][0], bad["session"][0]
        what = "no date" if value is None else f"{shown(value)} is no date"
        if source.bad_dates == "error":
            raise SourceError(
                f"{what} ({bad.height} such row{'s' * (bad.height > 1)})",
                file=file,
                line=line,
                column=column,
                expected="a date"
                if source.date_format == "auto"
                else f"a date as `date_format` says: {source.date_format}",
                todo="correct the row, set `date_format`, or leave such rows out with `bad_dates: skip`",
            )
        logger.warning(
            "%s: %d rows without a readable date left out, the first on line %d: %s", file, bad.height, line, what
        )
    return cells.with_columns(local.alias("local")).filter(pl.col("local").is_not_null())


def _with_numbers(
    cells: pl.DataFrame, source: ColumnSettings, *, file: str, columns: Mapping[str, str]
) -> pl.DataFrame:
    numbers = {
        name: to_numbers(cells[name], decimal=source.decimal, thousands=source.thousands)
        for name in NUMBERS
        if name in columns
    }
    prices = [name for name in PRICES if name in numbers]
    if cells.height and all(numbers[name].null_count() == cells.height for name in prices):
        _reject_unreadable(cells, prices, file, columns)
    scaled = {name: numbers[name] * source.price_scale for name in prices} if source.price_scale != 1.0 else {}
    read = cells.with_columns(**{**numbers, **scaled})
    if source.volume_in == "quote" and {"volume", "close"} <= numbers.keys():
        return read.with_columns(volume=pl.when(pl.col("close") > 0).then(pl.col("volume") / pl.col("close")))
    return read


def _reject_unreadable(cells: pl.DataFrame, prices: Sequence[str], file: str, columns: Mapping[str, str]) -> None:
    """A file with text in its price columns and not one number has other columns than thought; empty cells may be."""
    for name in prices:
        written = cells.filter(pl.col(name).is_not_null())
        if not written.is_empty():
            raise SourceError(
                f"not one price can be read, the first is {shown(written[name][0])}",
                file=file,
                line=written["source_line"][0],
                column=columns[name],
                expected="numbers with a decimal point and no mark between thousands",
                todo="check `columns`; other marks are declared by `decimal` and `thousands`",
            )
