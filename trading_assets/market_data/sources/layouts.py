"""Which known layout a file has.

A layout fits if all that it says of its files is true of the first rows: names of columns, shapes of cells, the unit of
volume by the value traded, the order of prices. Two that fit are a question for the user, never a choice made here.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from trading_assets.config.file_layouts import AUTO, GENERIC, FileLayout, Turnover, file_layouts, with_layout
from trading_assets.config.sources import INTERVALS, FilesSource, default_calendar
from trading_assets.market_data.sources.columns import ColumnError, find_columns
from trading_assets.market_data.sources.dates import DateColumnError, to_local_times
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.numbers import to_numbers
from trading_assets.market_data.sources.samples import Sample, SampleTable, parted, sample_of
from trading_assets.market_data.sources.stated_actions import to_ratios
from trading_assets.market_data.sources.times_of_day import to_times_of_day

_PRICES = ("open", "high", "low", "close")
_MOST = 0.95  # of the rows: a file may have bad ones
_FACTOR = 5.0  # units of volume that are mistaken for each other are further apart
_DAY = dt.timedelta(days=1)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """A layout that fits a file: the settings that read it, and why it fits."""

    layout: FileLayout
    settings: FilesSource
    reasons: tuple[str, ...]


def settings_of_files(source: FilesSource, files: Sequence[tuple[Path, str]]) -> list[FilesSource]:
    """Return settings of each file: those of its layout where there is one, else those of the source.

    Parameters
    ----------
    source
        Source whose layout is known, to be recognised (`auto`), or not asked for (`generic`, or columns of its own).
    files
        Where to read, and how to name it.

    Raises
    ------
    SourceError
        Several layouts fit: which, and what differs between them.
    """
    if not _is_looked_at(source):
        return [source] * len(files)
    samples = [sample_of(path, name, source.encoding) for path, name in files]
    layout = file_layouts().get(source.layout)
    stated = source.model_fields_set
    if layout is not None:
        found = [_as_found(sample, source, layout, "interval" in stated) for sample in samples]
        for sample, settings in zip(samples, found, strict=True):
            _ask(layout, settings, stated, sample.name)
        return found
    candidates = _candidates(source)
    fitting = [_fitting(sample, candidates) for sample in samples]
    common = set.intersection(*(set(readings) for readings in fitting if readings), set(file_layouts()))
    chosen = []
    for sample, readings in zip(samples, fitting, strict=True):
        # Files of one source are of one kind: what only one layout can be of all, each of them is.
        agreed = {name: reading for name, reading in readings.items() if name in common} or readings
        if len(agreed) > 1:
            raise ambiguous(sample.name, list(agreed.values()))
        reading = next(iter(agreed.values()), None)
        if reading is not None:
            _ask(reading.layout, reading.settings, stated, sample.name)
            _compare_calendars(reading.layout, reading.settings, sample.name)
            logger.info("%s: read as layout %s", sample.name, reading.layout.name)
        chosen.append(source if reading is None else reading.settings)
    return chosen


def readings_of(sample: Sample, source: FilesSource) -> list[Reading]:
    """Return every known layout that fits a file, by name."""
    return list(_fitting(sample, _candidates(source)).values())


def ambiguous(file: str, readings: Sequence[Reading]) -> SourceError:
    """Make the error of a file that several layouts fit."""
    rows = [f"{len(readings)} layouts fit, and nothing in the file decides"]
    for reading in readings:
        rows.append(f"  {reading.layout.name}: {reading.layout.title}")
        rows += [f"    {key}: {value}" for key, value in differences(reading, readings).items()]
    return SourceError(
        "\n".join(rows),
        file=file,
        expected="one layout",
        todo=" or ".join(f"set `layout: {reading.layout.name}`" for reading in readings),
    )


def _ask(layout: FileLayout, settings: FilesSource, stated: Set[str], file: str) -> None:
    """Raise if bars shorter than a day need a key that the source does not state."""
    for key, why in layout.asks.items():
        if settings.interval != "1d" and key not in stated:
            raise SourceError(
                f"{why}, and the file does not say which `{key}` that is",
                file=file,
                expected=f"`{key}` beside `layout: {layout.name}`",
                todo=f"state `{key}` of the source",
            )


def _compare_calendars(layout: FileLayout, settings: FilesSource, file: str) -> None:
    """Refuse bars shorter than a day, and warn of daily ones, whose sessions are not those of the default calendar.

    A recognised layout does not change the calendar: it is known before any file is looked at.
    """
    own = layout.read.get("calendar")
    defaults = [default_calendar(asset_class) for asset_class in ("equity", "crypto")]
    if own is None or settings.calendar == own or settings.calendar not in defaults:
        return
    what = f"files of the layout {layout.name} have the sessions of {own}, and the source those of {settings.calendar}"
    if settings.interval != "1d":
        raise SourceError(what, file=file, expected=f"calendar {own}", todo=f"state `calendar: {own}`")
    logger.warning("%s: %s; state `calendar: %s`", file, what, own)


def _is_looked_at(source: FilesSource) -> bool:
    return source.layout != GENERIC and not (source.layout == AUTO and (source.columns or source.header))


def differences(reading: Reading, readings: Sequence[Reading]) -> dict[str, object]:
    """Return what a layout says and does that not all the others do."""

    def told(one: Reading) -> dict[str, object]:
        own = {"session": one.layout.session, "volume": one.layout.volume, "prices": one.layout.prices}
        return own | {key: one.layout.read.get(key) for key in sorted({key for r in readings for key in r.layout.read})}

    others = [told(other) for other in readings]
    return {
        key: value
        for key, value in told(reading).items()
        if value is not None and any(other[key] != value for other in others)
    }


def _candidates(source: FilesSource) -> list[tuple[FileLayout, FilesSource]]:
    """Each layout with the settings that the source and it make together."""
    return _candidates_of(source.model_dump_json(exclude_unset=True))


@lru_cache(maxsize=16)
def _candidates_of(stated_json: str) -> list[tuple[FileLayout, FilesSource]]:
    stated = json.loads(stated_json)
    found = []
    for layout in file_layouts().values():
        try:
            merged = FilesSource.model_validate({**with_layout(stated, layout), "layout": GENERIC})
        except ValidationError:  # what the source states cannot be of this layout
            continue
        found.append((layout, merged))
    return found


def _fitting(sample: Sample, candidates: Sequence[tuple[FileLayout, FilesSource]]) -> dict[str, Reading]:
    found = {}
    for layout, settings in candidates:
        table = parted(sample, settings)
        reasons = _reasons(sample, table, layout, settings) if table is not None else None
        if reasons is not None:
            has_interval = layout.interval == "daily" or settings.interval != "1d"
            found[layout.name] = Reading(layout, _as_found(sample, settings, layout, has_interval), tuple(reasons))
    return found


def _as_found(sample: Sample, settings: FilesSource, layout: FileLayout, has_interval: bool) -> FilesSource:
    """Settings for this file: whether it names its columns, and how long its bars are."""
    table = parted(sample, settings)
    if table is None:
        return settings
    changes: dict[str, object] = {"header": []} if table.has_header and settings.header else {}
    if layout.interval == "stamps" and not has_interval:
        changes["interval"] = _interval(table, settings, sample.name)
    return settings.model_copy(update=changes) if changes else settings


def _reasons(sample: Sample, table: SampleTable, layout: FileLayout, settings: FilesSource) -> list[str] | None:
    """Why a layout fits; None if it does not."""
    wanted, reasons = layout.recognise, []
    if not all(table.has(name) for name in wanted.header):
        return None
    if table.has_header and settings.header and not wanted.header:
        return None  # the vendor names no columns: somebody else did
    if table.has_header and any(table.has(name) for name in wanted.without):
        return None
    if wanted.not_file and re.search(wanted.not_file, sample.name, re.IGNORECASE) is not None:
        return None
    if wanted.header:
        reasons.append(f"columns {', '.join(wanted.header)}")
    elif not table.has_header:
        reasons.append(f"{len(table.names)} fields a line, no header")
    if wanted.file:
        if re.search(wanted.file, sample.name, re.IGNORECASE) is None:
            return None
        reasons.append(f"the file's name ({wanted.file})")
    if wanted.first_line:
        if not sample.is_text or re.search(wanted.first_line, sample.lines[0]) is None:
            return None
        reasons.append(f"the first line ({wanted.first_line})")
    for name, pattern in wanted.cells.items():
        cells = table.cells(name)
        if not cells or not all(re.fullmatch(pattern, cell) for cell in cells):
            return None
        reasons.append(f"{name} such as {cells[0]}")
    columns = _columns(table, settings)
    if columns is None or not _has_dates(table, settings, columns["session"]):
        return None
    if not table.has_header and not _is_ordered(table, settings, columns):
        return None
    if wanted.splits_in_prices and not _are_splits_in_prices(table, settings, columns, wanted.splits_in_prices):
        return None
    ratio = _turnover_ratio(table, layout, settings, columns)
    if ratio is not None:
        if not 1 / _FACTOR < ratio < _FACTOR:
            return None
        reasons.append(f"{wanted.turnover.column if wanted.turnover else ''} by volume is near the price")
    return reasons


def _columns(table: SampleTable, settings: FilesSource) -> dict[str, str] | None:
    """Names in the file of the columns of bars, as far as they do not depend on the symbol."""
    mapped = {ours: theirs for ours, theirs in settings.columns.items() if "{" not in theirs}
    symbol = settings.symbol_from if settings.symbol_from in (*table.names, "symbol") else None
    try:
        found = find_columns(table.names, mapped=mapped, symbol_column=symbol, file="", line=1)
    except ColumnError:
        if len(mapped) == len(settings.columns):
            return None
        found = {ours: table.names.index(theirs) for ours, theirs in mapped.items() if theirs in table.names}
    names = {ours: table.names[at] for ours, at in found.items()}
    return names if "session" in names else None


def _local_times(table: SampleTable, settings: FilesSource, column: str) -> pl.Series | None:
    return _local_times_of(tuple(table.column(column)), settings.date_format, settings.timezone)


@lru_cache(maxsize=64)  # layouts that share a notation ask the same of the same rows
def _local_times_of(stamps: tuple[str | None, ...], date_format: str, timezone: str) -> pl.Series | None:
    try:
        return to_local_times(pl.Series(stamps, dtype=pl.String), date_format=date_format, timezone=timezone)
    except (DateColumnError, pl.exceptions.PolarsError):
        return None


def _has_dates(table: SampleTable, settings: FilesSource, column: str) -> bool:
    written = table.column(column)
    local = _local_times(table, settings, column)
    if local is None:
        return settings.date_format == "auto"  # reading says what is wrong with the dates
    return len(written) > 0 and written.null_count() < len(written) and local.count() >= _MOST * written.count()


def _numbers(table: SampleTable, settings: FilesSource, column: str) -> pl.Series:
    return to_numbers(table.column(column), decimal=settings.decimal, thousands=settings.thousands)


def _is_ordered(table: SampleTable, settings: FilesSource, columns: Mapping[str, str]) -> bool:
    """Whether high is highest and low is lowest: nothing else tells the columns of a file without names apart."""
    prices = pl.DataFrame([_numbers(table, settings, columns[name]).alias(name) for name in _PRICES]).drop_nulls()
    if prices.height < _MOST * len(table.rows):
        return False
    ordered = prices.select(
        (pl.max_horizontal(_PRICES) <= pl.col("high")) & (pl.min_horizontal(_PRICES) >= pl.col("low"))
    ).to_series()
    return bool(ordered.sum() >= _MOST * prices.height)


def _are_splits_in_prices(table: SampleTable, settings: FilesSource, columns: Mapping[str, str], name: str) -> bool:
    """Whether closes do not jump by the splits that a column states; true where it states none."""
    local = _local_times(table, settings, columns["session"])
    if local is None or "close" not in columns:
        return True
    ratios = to_ratios(table.column(name), decimal=settings.decimal, thousands=settings.thousands)
    closes = pl.DataFrame({"local": local, "close": _numbers(table, settings, columns["close"]), "ratio": ratios})
    moves = closes.drop_nulls(["local", "close"]).sort("local").with_columns(move=pl.col("close").log().diff())
    stated = moves.filter((pl.col("ratio") > 0) & (pl.col("ratio") != 1)).drop_nulls("move")
    jump = pl.col("move") + pl.col("ratio").log()
    return stated.is_empty() or bool(stated.select((pl.col("move").abs() < jump.abs()).mean() > 0.5).item())


def _turnover_ratio(
    table: SampleTable, layout: FileLayout, settings: FilesSource, columns: Mapping[str, str]
) -> float | None:
    """Median of the value traded by volume and close, in the layout's units; None if the file cannot say."""
    turnover = layout.recognise.turnover
    frame = _values(table, turnover, settings, columns) if turnover is not None else None
    if frame is None:
        return None
    return float(frame.select((pl.col("value") / pl.col("volume") / pl.col("close")).median()).item())


def _values(
    table: SampleTable, turnover: Turnover, settings: FilesSource, columns: Mapping[str, str]
) -> pl.DataFrame | None:
    """Value traded, volume, low, high and close of the rows that have them, in the layout's units; None without any."""
    if not table.has(turnover.column) or not {"close", "high", "low", "volume"} <= columns.keys():
        return None
    numbers = {name: _numbers(table, settings, columns[name]) for name in ("low", "high", "close", "volume")}
    frame = pl.DataFrame(
        {
            "value": _numbers(table, settings, turnover.column) * turnover.scale,
            "volume": numbers.pop("volume") * settings.volume_scale,
            **{name: prices * settings.price_scale for name, prices in numbers.items()},
        }
    ).filter(pl.all_horizontal(pl.all() > 0))
    return None if frame.is_empty() else frame


def traded_outside_of_range(sample: Sample, reading: Reading) -> str:
    """Return a doubt about the unit of volume or the adjustment of prices; empty if the value traded raises none.

    What was traded by volume is the mean price of the day, which lies between its low and its high.
    """
    table, turnover = parted(sample, reading.settings), reading.layout.recognise.turnover
    columns = _columns(table, reading.settings) if table is not None else None
    if table is None or columns is None or turnover is None:
        return ""
    frame = _values(table, turnover, reading.settings, columns)
    if frame is None:
        return ""
    mean = pl.col("value") / pl.col("volume")
    outside = frame.filter((mean < pl.col("low") * 0.99) | (mean > pl.col("high") * 1.01)).height
    if outside <= (1 - _MOST) * frame.height:
        return ""
    return (
        f"{turnover.column} by volume is outside of low to high on {outside} of the first {frame.height} bars: "
        "prices are adjusted, or volume counts something else"
    )


def _interval(table: SampleTable, settings: FilesSource, file: str) -> str:
    """The commonest step from one stamp of a symbol to its next."""
    columns = _columns(table, settings)
    local = _local_times(table, settings, columns["session"]) if columns is not None else None
    if columns is None or local is None:
        return settings.interval
    if "time" in columns:
        local = local + to_times_of_day(table.column(columns["time"]))
    symbol = table.column(columns["symbol"]) if "symbol" in columns else pl.Series([None] * len(table.rows))
    stamps = pl.DataFrame({"symbol": symbol.cast(pl.String).fill_null(""), "local": local}).drop_nulls().unique()
    steps = stamps.sort("symbol", "local").select(pl.col("local").diff().over("symbol")).to_series().drop_nulls()
    if steps.is_empty():
        return settings.interval
    step = steps.value_counts().sort("count", "local", descending=[True, False])["local"][0]
    known = {length: name for name, length in INTERVALS.items()}
    if step >= _DAY:
        return "1d"
    if step not in known:
        raise SourceError(
            f"bars of {step}", file=file, expected=f"bars of {', '.join(INTERVALS)} or 1d", todo="set `interval`"
        )
    return known[step]
