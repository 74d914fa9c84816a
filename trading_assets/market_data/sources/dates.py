"""Written dates to local times, and so to sessions.

A stamp without a zone is local already. A stamp with a zone, and an epoch, is an instant: its local time is that
of the source's `timezone`. Midnight in a zone of its own (of an epoch: UTC) is, for a daily bar, the date as written.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from operator import itemgetter

import polars as pl

from trading_assets.config.sources import EPOCH_UNITS

_ISO = (
    r"^(?<year>\d{4})[-/.]?(?<month>\d{2})[-/.]?(?<day>\d{2})"
    r"(?:[T ](?<hour>\d{1,2}):?(?<minute>\d{2})(?::?(?<second>\d{2})(?:[.,]\d+)?)?)?"
    r" ?(?<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?|[A-Z][A-Za-z]+(?:/[A-Za-z0-9_+-]+)+)?$"
)
_EPOCH = r"^(-?\d{9,19})(?:\.\d*)?$"
#: Eight to seventeen digits that can be a date and a time of day: YYYYMMDD, then HHMM, HHMMSS or HHMMSSmmm.
_COMPACT = (
    r"^(?:19|20|21)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d(?:\d{3})?)?(?:\.0)?$"
)
_PARTED = r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[ T,]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?)?$"
_RFC_1123 = r"^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} "
_CLOCK = r"[ T,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?: ?([AaPp])[Mm])?$"
#: Days since 1899-12-30, from 1954 to 2173, as spreadsheets store dates.
_SPREADSHEET, _SPREADSHEET_ZERO = re.compile(r"^[2-9]\d{4}(?:\.0*)?$"), dt.date(1899, 12, 30)
#: Spellings that take a word or leave out the century.
_PATTERNS = (
    *(f"%d{mark}{month}{mark}{year}" for mark in "- ./" for month in ("%b", "%B") for year in ("%Y", "%y")),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%a %b %d %Y", "%A, %B %d, %Y", "%G-W%V-%u"),
    *(order for mark in "/.-" for order in (f"%m{mark}%d{mark}%y", f"%d{mark}%m{mark}%y", f"%y{mark}%m{mark}%d")),
    "%Y年%m月%d日",
)
_LAST_SECOND = 253_402_300_799  # 9999-12-31
_LOCAL = pl.Datetime("us")
_NO_TIMES = pl.DataFrame(schema={"text": pl.String, "local": _LOCAL, "written": _LOCAL})


class DateColumnError(Exception):
    """A column of dates has no single reading.

    `row` is a row that shows it (0-based), `expected` and `todo` are for the message.
    """

    def __init__(self, what: str, row: int, expected: str, todo: str) -> None:
        super().__init__(what)
        self.row, self.expected, self.todo = row, expected, todo


def unread_date_advice(text: str) -> str:
    """Return what to do about a date that `auto` does not read: the pattern that reads it, where one does."""
    if _SPREADSHEET.match(text):
        day = _SPREADSHEET_ZERO + dt.timedelta(days=int(text.partition(".")[0]))
        return f"as a day number of a spreadsheet it is {day}: save the sheet with its dates as text, such as {day}"
    fits = [pattern for pattern in _PATTERNS if _matches(text, pattern)]
    if len(fits) == 1:
        return f'set `date_format: "{fits[0]}"`'
    if fits:
        return f"set `date_format` to what it is: {' or '.join(map(repr, fits))}"
    return "correct the row, set `date_format`, or leave such rows out with `bad_dates: skip`"


def _matches(text: str, pattern: str) -> bool:
    try:
        dt.datetime.strptime(text, pattern)  # only whether it can be read
    except ValueError:
        return False
    return True


def to_local_times(cells: pl.Series, *, date_format: str, timezone: str) -> pl.Series:
    """Return local times (Datetime without a zone) of a column of stamps; null where a cell is empty or unreadable.

    Parameters
    ----------
    cells
        Text, numbers, dates or datetimes, as the file holds them.
    date_format
        `auto`, a strptime pattern, `epoch_s`, `epoch_ms` or `epoch_us`. Auto reads, cell by cell: ISO 8601 dates and
        times (basic or extended, with fractions, offset, `Z` or the name of a zone), dates and times in digits only
        (YYYYMMDD, and that with HHMM, HHMMSS or HHMMSSmmm), RFC 1123, epochs (seconds to nanoseconds by their size,
        from 1973 on), and dates in parts such as 3/12/2017, whose order (month or day first) is decided over the whole
        column. Digits that can be either are a date and time if most of the column's can be.
    timezone
        Zone of the local times.

    Raises
    ------
    DateColumnError
        Stamps with and without a zone in one column, or dates in parts whose order stays open.
    """
    return _times(cells, pl.col("local"), date_format, timezone)


def to_daily_times(cells: pl.Series, *, date_format: str, timezone: str) -> pl.Series:
    """Return local times of daily bars: as `to_local_times`, but midnight in another zone stays as it is written.

    `2024-01-02T00:00:00+09:00` is the date 2024-01-02 whatever `timezone` is; `2024-01-01T15:00:00Z`, the same instant,
    is that only in the zone of Tokyo. An epoch is written in UTC: one of midnight there is the same date as `Z` says.

    Parameters
    ----------
    cells, date_format, timezone
        As `to_local_times` takes them.
    """
    written = pl.col("written")
    return _times(
        cells, pl.when(written.dt.time() == dt.time()).then(written).otherwise("local"), date_format, timezone
    )


def _times(cells: pl.Series, chosen: pl.Expr, date_format: str, timezone: str) -> pl.Series:
    """What is `chosen` of `local` and `written` (the time in the zone of the stamp's own, if it has one)."""
    if cells.dtype == pl.Date:
        return cells.cast(_LOCAL)
    if isinstance(cells.dtype, pl.Datetime):
        aware = cells.dtype.time_zone is not None
        local = cells.dt.convert_time_zone(timezone).dt.replace_time_zone(None) if aware else cells
        written = cells.dt.replace_time_zone(None) if aware else cells
        both = pl.DataFrame({"local": local.dt.cast_time_unit("us"), "written": written.dt.cast_time_unit("us")})
        return both.select(local=chosen)["local"]
    if cells.dtype.is_float():
        cells = cells.cast(pl.Int64, strict=False)
    text = cells.cast(pl.String).str.strip_chars().alias("text")
    # A long file repeats its dates once a symbol: each spelling is parsed once.
    spellings = (
        pl.DataFrame({"text": text})
        .with_row_index("row")
        .drop_nulls()
        .unique("text", keep="first", maintain_order=True)
    )
    if date_format == "auto":
        read = _auto(spellings, timezone)
    elif date_format in EPOCH_UNITS:
        number = pl.col("text").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
        seconds = number // EPOCH_UNITS[date_format]
        read = _instants(spellings, _epoch_time(seconds, timezone), _epoch_time(seconds, "UTC"))
    else:
        read = _patterned(spellings, date_format, timezone)
    read = read.select("text", local=chosen)
    local = pl.DataFrame({"text": text}).join(read, on="text", how="left", maintain_order="left")["local"]
    return local.set(~local.dt.year().is_between(1, 9999), None)  # what DATE holds


def _auto(spellings: pl.DataFrame, timezone: str) -> pl.DataFrame:
    text = pl.col("text")
    kinds = spellings.with_columns(iso=text.str.extract_groups(_ISO)).with_columns(
        kind=pl.when(pl.col("iso").struct.field("year").is_not_null())
        .then(pl.when(pl.col("iso").struct.field("zone").is_null()).then(pl.lit("local")).otherwise(pl.lit("zoned")))
        .when(text.str.contains(_EPOCH))
        .then(pl.lit("epoch"))
        .when(text.str.contains(_PARTED))
        .then(pl.lit("parts"))
        .when(text.str.contains(_RFC_1123))
        .then(pl.lit("rfc"))
    )
    kinds = _with_compact(kinds)
    of_kind = {str(kind): cells for (kind,), cells in kinds.partition_by("kind", as_dict=True).items()}
    _reject_mixed(of_kind)
    readings: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
        "local": _local,
        "compact": _compact,
        "zoned": lambda cells: _zoned(cells, timezone),
        "epoch": lambda cells: _instants(cells, _epoch(text, timezone), _epoch(text, "UTC")),
        "parts": _parts,
        "rfc": lambda cells: _rfc(cells, timezone),
    }
    return pl.concat([_NO_TIMES, *(read(of_kind[kind]) for kind, read in readings.items() if kind in of_kind)])


def _with_compact(kinds: pl.DataFrame) -> pl.DataFrame:
    """Call digits that were taken for an epoch a date and time, if those of their length mostly can be one.

    An epoch in milliseconds of 1976 has twelve digits, too; one in two hundred of them happens to be a possible date.
    The others of such a column are no dates then, rather than epochs of some other century.
    """
    length = pl.col("text").str.strip_suffix(".0").str.len_bytes()
    epochs = kinds.filter(pl.col("kind") == "epoch")
    long = epochs if epochs.is_empty() else epochs.filter(length.is_in([12, 14, 17]))
    if long.is_empty():
        return kinds
    share = long.group_by(length=length).agg(pl.col("text").str.contains(_COMPACT).mean().alias("share"))
    compact = share.filter(pl.col("share") >= 0.5)["length"].implode()
    is_compact = (pl.col("kind") == "epoch") & length.is_in(compact)
    return kinds.with_columns(kind=pl.when(is_compact).then(pl.lit("compact")).otherwise("kind"))


def _compact(cells: pl.DataFrame) -> pl.DataFrame:
    digits = pl.col("text").str.extract(r"^(\d+)").str.slice(0, 14).str.pad_end(14, "0")
    return _as_written(cells, digits.str.to_datetime("%Y%m%d%H%M%S", strict=False))


def _instants(cells: pl.DataFrame, local: pl.Expr, written: pl.Expr) -> pl.DataFrame:
    """Epochs: they count from midnight in UTC, which is the zone that they are written in."""
    return cells.select("text", local=local, written=written)


def _as_written(cells: pl.DataFrame, local: pl.Expr) -> pl.DataFrame:
    """Stamps without a zone."""
    return cells.select("text", local=local).with_columns(written="local")


def _reject_mixed(of_kind: Mapping[str, pl.DataFrame]) -> None:
    firsts = {kind: cells.row(0, named=True) for kind, cells in of_kind.items()}
    local, instants = (
        [firsts[kind] for kind in kinds if kind in firsts]
        for kinds in (("local", "compact", "parts"), ("zoned", "epoch", "rfc"))
    )
    if not local or not instants:
        return
    first, second = (min(rows, key=itemgetter("row")) for rows in (local, instants))
    later = max(first, second, key=itemgetter("row"))
    raise DateColumnError(
        f"stamps without a zone ({first['text']!r}) beside stamps with one ({second['text']!r})",
        later["row"],
        "one kind in a file",
        "split the file, or write all its stamps with an offset",
    )


def _field(name: str) -> pl.Expr:
    return pl.col("iso").struct.field(name)


def _iso_datetime() -> pl.Expr:
    clock = [_field(part).fill_null("00").str.zfill(2) for part in ("hour", "minute", "second")]
    text = pl.format("{}-{}-{} {}:{}:{}", _field("year"), _field("month"), _field("day"), *clock)
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)


def _local(cells: pl.DataFrame) -> pl.DataFrame:
    return _as_written(cells, _iso_datetime())


def _zoned(cells: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """One pass a zone: a column has few, even across a daylight-saving change."""
    parts = [_NO_TIMES]
    for (zone, *_), group in cells.group_by(_field("zone"), maintain_order=True):
        written = group.select("text", written=_iso_datetime())
        try:
            # Across the hour that a clock change repeats or skips, the date is the same either way.
            there = pl.col("written").dt.replace_time_zone(_zone_name(zone), ambiguous="earliest", non_existent="null")
            parts.append(written.select("text", local=_at(there - _offset(zone), timezone), written="written"))
        except pl.exceptions.ComputeError:  # no such zone
            parts.append(_as_written(group, pl.lit(None, _LOCAL)))
    return pl.concat(parts)


def _zone_name(zone: str) -> str:
    return zone if "/" in zone else "UTC"


def _offset(zone: str) -> pl.Expr:
    if zone[0] not in "+-":
        return pl.duration()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return pl.duration(minutes=-minutes if zone[0] == "-" else minutes)


def _epoch(text: pl.Expr, timezone: str) -> pl.Expr:
    number = text.str.extract(_EPOCH).cast(pl.Int64, strict=False)
    size = number.abs()
    scale = (
        pl.when(size < 10**11)
        .then(1)
        .when(size < 10**14)
        .then(1_000)
        .when(size < 10**17)
        .then(1_000_000)
        .otherwise(1_000_000_000)
    )
    return _epoch_time(number // scale, timezone)


def _at(instant: pl.Expr, timezone: str) -> pl.Expr:
    return instant.dt.convert_time_zone(timezone).dt.replace_time_zone(None).cast(_LOCAL)


def _epoch_time(seconds: pl.Expr, timezone: str) -> pl.Expr:
    possible = pl.when(seconds.abs() <= _LAST_SECOND).then(seconds)
    return _at(pl.from_epoch(possible, "s").dt.replace_time_zone("UTC"), timezone)


def _rfc(cells: pl.DataFrame, timezone: str) -> pl.DataFrame:
    numeric = cells.with_columns(text=pl.col("text").str.replace(r"(GMT|UTC)$", "+0000"))
    return _patterned(numeric, "%a, %d %b %Y %H:%M:%S %z", timezone).with_columns(cells["text"])


def _patterned(cells: pl.DataFrame, pattern: str, timezone: str) -> pl.DataFrame:
    text = pl.col("text")
    if "%z" not in pattern:
        return _as_written(cells, text.str.to_datetime(pattern, strict=False).cast(_LOCAL))
    instant = text.str.to_datetime(pattern, strict=False)
    sign, hours, minutes = (text.str.extract(r"([+-])(\d{2}):?(\d{2})\D*$", group) for group in (1, 2, 3))
    east = hours.cast(pl.Int64, strict=False) * 60 + minutes.cast(pl.Int64, strict=False)
    offset = pl.duration(minutes=pl.when(sign == "-").then(-east).otherwise(east).fill_null(0))
    return cells.select("text", local=_at(instant, timezone), written=_at(instant, "UTC") + offset)


def _parts(cells: pl.DataFrame) -> pl.DataFrame:
    """Month first or day first: whichever can be for every cell; both can only if they agree."""
    first, second, year = (pl.col("text").str.extract(_PARTED, group).str.zfill(2) for group in (1, 2, 3))
    read = cells.select(
        "row",
        "text",
        month_first=pl.format("{}-{}-{}", year, first, second).str.to_date("%Y-%m-%d", strict=False),
        day_first=pl.format("{}-{}-{}", year, second, first).str.to_date("%Y-%m-%d", strict=False),
    )
    month_first, day_first = pl.col("month_first"), pl.col("day_first")
    only_month_first = read.filter(month_first.is_not_null() & day_first.is_null())
    only_day_first = read.filter(month_first.is_null() & day_first.is_not_null())
    differing = read.filter(month_first != day_first)
    if not only_month_first.is_empty() and not only_day_first.is_empty():
        rows = (only_month_first.row(0, named=True), only_day_first.row(0, named=True))
        raise DateColumnError(
            f"month first ({rows[0]['text']!r}) beside day first ({rows[1]['text']!r})",
            max(row["row"] for row in rows),
            "one order in a file",
            "correct the file",
        )
    if only_month_first.is_empty() and only_day_first.is_empty() and not differing.is_empty():
        example = differing.row(0, named=True)
        raise DateColumnError(
            f"{example['text']!r} is {example['month_first']} month first and {example['day_first']} day first, "
            "and no date of the file decides",
            example["row"],
            "a date whose day is above 12",
            'set `date_format`, for example "%m/%d/%Y" or "%d/%m/%Y"',
        )
    day = day_first if only_month_first.is_empty() else month_first
    return _as_written(read, day.cast(_LOCAL) + _clock())


def _clock() -> pl.Expr:
    """Time of day of `text` as a duration, 0 without one; 12 AM is midnight, 12 PM is noon."""
    hour, minute, second = (
        pl.col("text").str.extract(_CLOCK, group).cast(pl.Int64).fill_null(0) for group in (1, 2, 3)
    )
    half = pl.col("text").str.extract(_CLOCK, 4).str.to_lowercase()
    hour = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + pl.when(half == "p").then(12).otherwise(0))
    return pl.duration(hours=hour, minutes=minute, seconds=second)
