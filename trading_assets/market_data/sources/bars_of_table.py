"""A table of rows and columns, whatever it comes from, to bars."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence

import polars as pl

from trading_assets.config.sources import INTERVALS, SYMBOL_PLACE, ColumnSettings
from trading_assets.market_data.calendars import zone_of
from trading_assets.market_data.sources import daily, intraday, symbols
from trading_assets.market_data.sources.columns import ColumnError, find_columns, resembles_header
from trading_assets.market_data.sources.dates import DateColumnError, to_daily_times, to_local_times
from trading_assets.market_data.sources.errors import SourceError, shown
from trading_assets.market_data.sources.numbers import to_numbers
from trading_assets.market_data.sources.raw import NUMBERS, PRICES
from trading_assets.market_data.sources.tabular import CsvTable, Tabular
from trading_assets.market_data.sources.times_of_day import to_times_of_day

_FILENAME = "filename"
_LINES_TO_LOOK_AT = 20
_MARGIN = dt.timedelta(days=3)

logger = logging.getLogger(__name__)


def with_sessions(bars: pl.DataFrame, settings: ColumnSettings) -> pl.DataFrame:
    """Bars of sessions from those of `bars_of_table`: daily ones are, intraday ones are put together.

    Raises
    ------
    SourceError
        The sessions of daily bars fit the calendar much better a day later or earlier.
    """
    if settings.interval != "1d":
        return intraday.to_sessions(
            bars,
            calendar=settings.calendar,
            timezone=settings.timezone,
            interval=INTERVALS[settings.interval],
            stamped=settings.stamped,
        )
    placed = daily.to_sessions(bars, calendar=settings.calendar, timezone=settings.timezone, stamped=settings.stamped)
    shift = daily.shift_of(placed, settings.calendar)
    if shift is not None:
        raise _shifted(placed, shift, settings)
    return placed


def _shifted(bars: pl.DataFrame, shift: daily.Shift, settings: ColumnSettings) -> SourceError:
    own = bars.filter(pl.col("session").is_between(shift.first, shift.last), symbol=shift.symbol).sort("session")
    file, line = own.row(0, named=True)["source_file"], own.row(0, named=True)["source_line"]
    is_timed = (own["local"].dt.time() != dt.time()).any()
    keys = []
    if settings.stamped == "end" and shift.days > 0:
        keys.append("take out `stamped: end`")
    elif shift.days < 0 and settings.stamped == "start":
        keys.append("set `stamped: end` if a bar is stamped at its end")
    if is_timed and (zone := zone_of(settings.calendar)) != settings.timezone:
        keys.append(f"set `timezone: {zone}`, or the zone of the stamps (it is {settings.timezone})")
    keys.append("name the calendar of the symbols with `calendar`, or correct the dates")
    return SourceError(
        f"the sessions of {shown(shift.symbol)} fit the calendar {settings.calendar} better one day "
        f"{'later' if shift.days > 0 else 'earlier'}: {shift.fit:.0%} of the bars from {shift.first} to {shift.last} "
        f"are on a session, {shift.shifted_fit:.0%} would be",
        file=file,
        line=line,
        expected="stamps of the session that the bar covers",
        todo="; or ".join(keys),
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
    cells = _with_local_times(cells, source, file=table.name, theirs=theirs)
    cells = cells.filter(pl.col("local").dt.date().is_between(*_with_margin(start, end)))
    if of_file is None:
        symbol = symbols.from_column(cells, source.symbol_pattern, file=table.name, column=theirs["symbol"])
        cells = cells.with_columns(symbol)
    else:
        cells = cells.with_columns(symbol=pl.lit(of_file))
    if source.interval != "1d":
        _reject_equal_stamps(cells, source.interval, file=table.name, column=theirs["session"])
    return _with_numbers(cells, source, file=table.name, columns=theirs).select(
        "symbol",
        pl.lit(source.asset_class).alias("asset_class"),
        "local",
        *[pl.col(name) if name in columns else pl.lit(None, pl.Float64).alias(name) for name in NUMBERS],
        pl.lit(source.source).alias("source"),
        pl.lit(table.name).alias("source_file"),
        "source_line",
    )


def _reject_equal_stamps(cells: pl.DataFrame, interval: str, *, file: str, column: str) -> None:
    """Bars of minutes that carry a date only would all be taken for conflicting ones of midnight."""
    if cells.height < 2 or cells.select((pl.col("local").dt.time() != dt.time()).any()).item():
        return
    again = cells.filter(pl.struct("symbol", "local").is_duplicated())
    if not again.is_empty():
        raise SourceError(
            f"several bars of {interval} have the stamp {shown(again['session'][0])}, which has no time of day",
            file=file,
            line=again["source_line"][1],
            column=column,
            expected="the start or the end of each bar",
            todo="name the column of the stamps, `columns: {session: ...}`, or that of the times beside the dates, "
            "`columns: {time: ...}`",
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


def _with_local_times(
    cells: pl.DataFrame, source: ColumnSettings, *, file: str, theirs: Mapping[str, str]
) -> pl.DataFrame:
    column = theirs["session"]
    read = to_daily_times if source.interval == "1d" else to_local_times
    try:
        local = read(cells["session"], date_format=source.date_format, timezone=source.timezone)
    except DateColumnError as error:
        line = cells["source_line"][error.row]
        raise SourceError(
            str(error), file=file, line=line, column=column, expected=error.expected, todo=error.todo
        ) from None
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"not a column of dates: {str(error).splitlines()[0]}", file=file, column=column) from None
    if "time" in theirs:
        local = _with_times_of_day(local, cells, source, file=file, column=theirs["time"])
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


def _with_times_of_day(
    local: pl.Series, cells: pl.DataFrame, source: ColumnSettings, *, file: str, column: str
) -> pl.Series:
    """Dates and the times of day beside them; a column that is only called `time` and holds others is let alone."""
    times = to_times_of_day(cells["time"])
    unread = cells.filter(times.is_null() & local.is_not_null())
    is_date = bool((local.dt.time() == dt.time()).all())
    if "time" not in source.columns:
        return local + times if is_date and unread.is_empty() else local
    if not unread.is_empty():
        value = unread["time"][0]
        raise SourceError(
            "no time of day" if value is None else f"{shown(value)} is no time of day",
            file=file,
            line=unread["source_line"][0],
            column=column,
            expected="a time such as 09:30, 09:30:00 or 093000 beside each date",
            todo="correct the row, or take `time` out of `columns`",
        )
    if not is_date:
        raise SourceError(
            "the dates have a time of their own",
            file=file,
            column=column,
            expected="dates without a time beside a column of times",
            todo="take `time` out of `columns`",
        )
    return local + times


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
