"""A table of rows and columns, whatever it comes from, to bars."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from trading_assets.config.sources import INTERVALS, SYMBOL_PLACE, ColumnSettings
from trading_assets.market_data.calendars import zone_of
from trading_assets.market_data.sources import daily, intraday, symbols
from trading_assets.market_data.sources.columns import (
    ColumnError,
    find_columns,
    refuse_headerless,
    resembles_header,
    usual_names,
)
from trading_assets.market_data.sources.dates import (
    DateColumnError,
    to_daily_times,
    to_local_times,
    unread_date_advice,
)
from trading_assets.market_data.sources.errors import EmptyFileError, SourceError, shown
from trading_assets.market_data.sources.misread import Column, is_unreadable, refuse_misread
from trading_assets.market_data.sources.numbers import to_numbers
from trading_assets.market_data.sources.raw import (
    ACTIONS,
    NO_REJECTED,
    NO_SPANS,
    NUMBERS,
    PRICES,
    Received,
    arrange,
)
from trading_assets.market_data.sources.row_texts import undated_rows, with_texts
from trading_assets.market_data.sources.stated_actions import (
    actions_in_prices,
    refuse_daily_actions,
    to_ratios,
    without_rows_beside_bars,
)
from trading_assets.market_data.sources.tabular import CsvTable, Tabular
from trading_assets.market_data.sources.times_of_day import to_times_of_day
from trading_assets.market_data.sources.unused_intraday import unused_intraday_bars

_FILENAME, _FOLDER = "filename", "folder"
#: What Interactive Brokers and others write where there is no volume.
_NO_VOLUME = -1.0
_LINES_TO_LOOK_AT = 20
_MARGIN = dt.timedelta(days=3)


class TableRows(NamedTuple):
    """What `bars_of_table` makes of a table.

    Attributes
    ----------
    bars
        The raw columns, `local` (local time of the stamp) for the session, and `text` (as received, of rows without
        a price).
    rejected, span
        As in `raw.Received`, of this table.
    """

    bars: pl.DataFrame
    rejected: pl.DataFrame
    span: pl.DataFrame


def received_of(parts: Sequence[TableRows], source: ColumnSettings, start: dt.date, end: dt.date) -> Received:
    """Return the bars of sessions in [start, end] from all tables of a source, and the rows that are no bar.

    Parameters
    ----------
    parts, source
        Rows of each table as `bars_of_table` returns them, and the settings that they were read with.
    """
    every = pl.concat([part.bars for part in parts])
    bars = with_sessions(every, source)
    if source.interval == "1d":
        bars, unused = without_rows_beside_bars(bars)
        unused = unused.filter(pl.col("session").is_between(start, end))
    else:
        unused = unused_intraday_bars(every, start, end)
    return Received(
        arrange(bars, start, end),
        pl.concat([NO_REJECTED, *[part.rejected for part in parts], unused]),
        pl.concat([NO_SPANS, *[part.span for part in parts]]),
    )


def with_sessions(bars: pl.DataFrame, settings: ColumnSettings) -> pl.DataFrame:
    """Return bars of sessions from those of `bars_of_table`: daily ones are, intraday ones are put together.

    Raises
    ------
    SourceError
        Daily bars are none, or their sessions fit the calendar much better a day later or earlier.
    """
    if settings.interval != "1d":
        return intraday.to_sessions(
            bars.drop("text", strict=False),
            calendar=settings.calendar,
            timezone=settings.timezone,
            interval=INTERVALS[settings.interval],
            stamped=settings.stamped,
        )
    placed = daily.to_sessions(bars, calendar=settings.calendar, timezone=settings.timezone, stamped=settings.stamped)
    daily.refuse_intraday(placed)
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


def bars_of_table(table: Tabular, source: ColumnSettings, start: dt.date, end: dt.date) -> TableRows:
    """Return the bars of one table in its order.

    Those with sessions in [start, end] are there, and few others: numbers of rows that nobody asked for are not read.

    Parameters
    ----------
    table, source
        Table to read, and the settings of its columns.

    Raises
    ------
    SourceError
        A column is missing, a date or a column of numbers cannot be read, a symbol is none.
    """
    of_file = _symbol_of_file(table, source)
    columns = _columns(table, source, of_file)
    conditions = {_position_of(table, name): value for name, value in source.where.items()}
    cells = table.read([*columns.values(), *conditions])
    if cells.is_empty():
        raise EmptyFileError(
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
    every, undated = _with_local_times(cells, source, file=table.name, theirs=theirs)
    cells = every.filter(pl.col("local").dt.date().is_between(*_with_margin(start, end)))
    if of_file is None:
        symbol = symbols.from_column(cells, source.symbol_pattern, file=table.name, column=theirs["symbol"])
        cells = cells.with_columns(symbol)
    else:
        cells = cells.with_columns(symbol=pl.lit(of_file))
    if source.interval != "1d":
        _reject_equal_stamps(cells, source.interval, file=table.name, column=theirs["session"])
    bars = with_texts(_with_numbers(cells, every, source, file=table.name, columns=theirs), table).select(
        "symbol",
        pl.lit(source.asset_class).alias("asset_class"),
        "local",
        *NUMBERS,
        pl.lit(source.source).alias("source"),
        pl.lit(table.name).alias("source_file"),
        "source_line",
        "text",
    )
    days = every["local"].dt.date()
    span = pl.DataFrame([(table.name, every.height, days.min(), days.max())], schema=NO_SPANS.schema, orient="row")
    return TableRows(bars, undated_rows(table, source, undated), span)


def _symbol_of_file(table: Tabular, source: ColumnSettings) -> str | None:
    """The symbol that holds for all rows of a table; None if a column states it."""
    if source.symbol_from == _FILENAME:
        return symbols.from_filename(table.name, source.symbol_pattern)
    if source.symbol_from == _FOLDER:
        found = symbols.from_partition(table.name, usual_names("symbol"), source.symbol_pattern)
        return symbols.from_folder(table.name, source.symbol_pattern) if found is None else found
    names = usual_names("symbol") if source.symbol_from == "symbol" else (symbols.plain(source.symbol_from),)
    if "symbol" in source.columns or any(symbols.plain(column) in names for column in table.header):
        return None
    found = symbols.from_partition(table.name, names, source.symbol_pattern)
    return table.ticker if found is None and isinstance(table, CsvTable) else found


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
            refuse_headerless(table, source)
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
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with `local`, and those without a readable date."""
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
                todo=unread_date_advice(str(value) if bad.height == cells.height else ""),
            )
    return cells.with_columns(local.alias("local")).filter(pl.col("local").is_not_null()), bad


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
    cells: pl.DataFrame, every: pl.DataFrame, source: ColumnSettings, *, file: str, columns: Mapping[str, str]
) -> pl.DataFrame:
    """`cells` with all of `NUMBERS`.

    Parameters
    ----------
    cells
        Text of the rows wanted.
    every
        Text of all rows of the file: what a column is does not depend on the sessions wanted.
    columns
        Our name -> the file's.
    """
    marks = {"decimal": source.decimal, "thousands": source.thousands}
    numbers = {
        name: (to_ratios if name == "split_ratio" else to_numbers)(cells[name], **marks)
        for name in NUMBERS
        if name in columns
    }
    if any(is_unreadable(cells[name], numbers[name]).any() for name in numbers):
        text = [Column(name, columns[name], every[name]) for name in numbers if not every[name].dtype.is_numeric()]
        refuse_misread(text, every["source_line"], file=file, **marks)
    numbers |= _stated_actions(cells, every, numbers, source, file=file, columns=columns)
    scaled = [name for name in (*PRICES, "cash_dividend") if name in numbers] if source.price_scale != 1.0 else []
    numbers |= {name: numbers[name] * source.price_scale for name in scaled}
    if "volume" in numbers:
        numbers["volume"] = _volume(numbers["volume"], every["volume"], source)
    absent = [pl.lit(None, pl.Float64).alias(name) for name in NUMBERS if name not in numbers]
    read = cells.with_columns(*absent, **numbers)
    if source.volume_in == "quote" and {"volume", "close"} <= numbers.keys():
        return read.with_columns(volume=pl.when(pl.col("close") > 0).then(pl.col("volume") / pl.col("close")))
    return read


def _volume(volume: pl.Series, every: pl.Series, source: ColumnSettings) -> pl.Series:
    """Units or value traded; null for -1 in a file without another negative volume: it says that there is none."""
    is_none = (volume == _NO_VOLUME).fill_null(False)
    if is_none.any():
        of_file = to_numbers(every, decimal=source.decimal, thousands=source.thousands)
        if not ((of_file < 0) & (of_file != _NO_VOLUME)).any():
            volume = volume.set(is_none, None)
    return volume * source.volume_scale if source.volume_scale != 1.0 else volume


def _stated_actions(
    cells: pl.DataFrame,
    every: pl.DataFrame,
    numbers: Mapping[str, pl.Series],
    source: ColumnSettings,
    *,
    file: str,
    columns: Mapping[str, str],
) -> dict[str, pl.Series]:
    """Dividends and splits of columns of their own, and of rows that have them in place of prices."""
    found = {name: numbers[name] for name in ACTIONS if name in numbers}
    for name in found:
        read = to_ratios if name == "split_ratio" else to_numbers
        values = read(every[name], decimal=source.decimal, thousands=source.thousands)
        refuse_daily_actions(name, columns[name], values, file=file, line=int(every["source_line"][0]))
    if not all(numbers[name].null_count() for name in PRICES[:4]):
        return found
    written = actions_in_prices(cells.select(PRICES[:4]))
    for name in ACTIONS:
        if written[name].null_count() < written.height:
            found[name] = written[name].fill_null(found[name]) if name in found else written[name]
    return found
