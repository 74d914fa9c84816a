"""Times of day in a column of their own, beside a column of dates."""

from __future__ import annotations

import polars as pl

_CLOCK = r"^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?(?: ?([AaPp])\.?[Mm]\.?)?$"
_SHORTEST, _MINUTES, _SECONDS, _MILLISECONDS = 3, 4, 6, 9
_HOURS = 24


def to_times_of_day(cells: pl.Series) -> pl.Series:
    """Return the time since midnight (Duration) of each cell; null where it is empty or no time of day.

    Parameters
    ----------
    cells
        Text or numbers: `9:30`, `09:30:00.250`, `9:30 PM`, or digits whose longest says what they are for the column:
        HHMM, HHMMSS or HHMMSSmmm, leading zeros or not. Or times as such.

    Notes
    -----
    One or two digits alone are no time (they may be the number of a bar), but for a column of zeros.
    """
    if cells.dtype == pl.Time:
        return cells.cast(pl.Duration("us"))
    if cells.dtype.is_float():
        cells = cells.cast(pl.Int64, strict=False)
    text = cells.cast(pl.String).str.strip_chars().alias("text")
    spellings = pl.DataFrame({"text": text}).drop_nulls().unique("text")
    longest = spellings.select(pl.col("text").str.extract(r"^(\d+)$").str.len_bytes().max()).item() or 0
    read = spellings.select("text", time=pl.coalesce(_clock(), _digits(longest)))
    return pl.DataFrame({"text": text}).join(read, on="text", how="left", maintain_order="left")["time"]


def _clock() -> pl.Expr:
    hour, minute, second = (pl.col("text").str.extract(_CLOCK, group).cast(pl.Int64) for group in (1, 2, 3))
    micros = pl.col("text").str.extract(_CLOCK, 4).str.pad_end(6, "0").cast(pl.Int64)
    half = pl.col("text").str.extract(_CLOCK, 5).str.to_lowercase()
    hour = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + pl.when(half == "p").then(12).otherwise(0))
    return _since_midnight(hour, minute, second.fill_null(0), micros.fill_null(0))


def _digits(longest: int) -> pl.Expr:
    widths = [width for width in (_MINUTES, _SECONDS, _MILLISECONDS) if longest <= width]
    padded = pl.col("text").str.extract(r"^(\d+)$").str.zfill(widths[0] if widths else 0)
    if not widths or longest < _SHORTEST:
        return pl.when(pl.col("text").str.contains("^0+$")).then(pl.duration()) if widths else _nothing()
    hour, minute, second = (padded.str.slice(at, 2).cast(pl.Int64, strict=False).fill_null(0) for at in (0, 2, 4))
    micros = padded.str.slice(6).cast(pl.Int64, strict=False).fill_null(0) * 1000
    return pl.when(padded.is_not_null()).then(_since_midnight(hour, minute, second, micros))


def _nothing() -> pl.Expr:
    return pl.lit(None, pl.Duration("us"))


def _since_midnight(hour: pl.Expr, minute: pl.Expr, second: pl.Expr, micros: pl.Expr) -> pl.Expr:
    possible = (hour < _HOURS) & (minute < 60) & (second < 60)
    return pl.when(possible).then(pl.duration(hours=hour, minutes=minute, seconds=second, microseconds=micros))
