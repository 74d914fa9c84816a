"""Settings of the market-data sources, one model a source."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from trading_assets.config.file_layouts import AUTO, GENERIC, file_layouts, with_layout
from trading_assets.config.scalars import MOST_SESSIONS, NamesFiles, TimeZone
from trading_assets.config.sections import AssetClass, Fraction, NonNegative, Positive, Section

_COLUMNS = (
    "symbol",
    "session",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "adj_close",
    "market_cap",
    "cash_dividend",
    "split_ratio",
    "time",
)
SYMBOL_PLACE = "{symbol}"


INTERVALS = {
    "1m": dt.timedelta(minutes=1),
    "5m": dt.timedelta(minutes=5),
    "15m": dt.timedelta(minutes=15),
    "30m": dt.timedelta(minutes=30),
    "1h": dt.timedelta(hours=1),
}
"""Lengths of intraday bars."""

EPOCH_UNITS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}
"""Units a second of the epochs that a date format can name."""


def default_calendar(asset_class: object) -> str:
    """Return the calendar of a source that states none."""
    return "24/7" if asset_class == "crypto" else "XNYS"


class SourceSettings(Section):
    """What every source has: the asset class of its symbols and their calendar."""

    source: str = Field(description="kind of the source")
    asset_class: AssetClass = Field(description="of its symbols: decides calendar, costs and thresholds")
    calendar: str = Field(default="", description="an exchange_calendars name, or 24/7", validate_default=False)
    actions: Annotated[str, NamesFiles()] = Field(
        default="", description="a glob: CSV of splits and dividends on record (symbol, session, ...), or factor files"
    )
    symbology: Annotated[str, NamesFiles()] = Field(
        default="", description="a glob: CSV of the spells of tickers (symbol, ticker, start, ...), or map files"
    )

    @model_validator(mode="before")
    @classmethod
    def _default_calendar(cls, value: object) -> object:
        if isinstance(value, dict) and not value.get("calendar"):
            asset_class = value.get("asset_class", cls.model_fields["asset_class"].default)
            return {**value, "calendar": "24/7" if asset_class == "crypto" else "XNYS"}
        return value


class RecordedSource(SourceSettings):
    """A source of observed prices, whose symbols may have been delisted."""

    delistings: Annotated[str, NamesFiles()] = Field(
        default="",
        description="a glob: CSV of delistings on record (symbol, session, value, unit: per_share or return, reason, "
        "exchange)",
    )


class SampleSource(RecordedSource):
    """Five US stocks 2000-03 to 2013-03 (bokeh-sampledata) and the S&P 500 index (arch)."""

    source: Literal["sample"]
    asset_class: Literal["equity"] = "equity"


class ColumnSettings(RecordedSource):
    """How the columns of a table of bars are read."""

    symbol_from: str = Field(
        default="symbol",
        min_length=1,
        description="`filename`, `folder`, or the name of a column; `symbol` finds the usual names, and `symbol=AAPL/`",
    )
    symbol_pattern: str | None = Field(
        default=None,
        description="regular expression whose one group is the symbol, searched in the file's name, folders, or a cell",
    )
    columns: dict[str, str] = Field(
        default={},
        description="our name -> the file's name ('': it has none); {symbol} stands for a symbol from the file's name; "
        "`time` is a column of times of day beside one of dates",
    )
    date_format: str = Field(default="auto", description="auto | strptime pattern | epoch_s | epoch_ms | epoch_us")
    timezone: TimeZone = Field(
        default="UTC",
        description="zone of the sessions: of stamps without a zone, and to which the others are converted "
        "(a daily bar's midnight in an offset of its own stays the date as written)",
    )
    bad_dates: Literal["error", "skip"] = Field(
        default="error",
        description="a row without a readable date: an error, or left out with a warning that counts them",
    )
    decimal: Literal[".", ","] = Field(default=".", description="decimal mark of the numbers")
    thousands: Literal["", ",", ".", " ", "'"] = Field(
        default="", description="mark between groups of three digits; undeclared, `1,234` is no number"
    )
    where: dict[str, str] = Field(
        default={}, description="column of the file -> the value of the rows wanted; the others are left out"
    )
    interval: Literal["1d", "1m", "5m", "15m", "30m", "1h"] = Field(
        default="1d", description="length of a bar; shorter ones than 1d become bars of the calendar's sessions"
    )
    stamped: Literal["start", "end"] = Field(
        default="start",
        description="which end of its interval a bar's stamp is: 00:00 at the end of a daily bar is of the day before",
    )
    volume_in: Literal["units", "quote"] = Field(
        default="units", description="what volume counts: units traded, or their value in quote currency"
    )
    price_scale: Positive = Field(default=1.0, description="prices of the file are multiplied by this, volume is not")
    volume_scale: Positive = Field(
        default=1.0, description="volume of the file is multiplied by this: 100 for lots of 100, 1000 for thousands"
    )

    @field_validator("symbol_pattern")
    @classmethod
    def _one_group(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                groups = re.compile(value).groups
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from None
            if groups != 1:
                raise ValueError(f"expected a regular expression with one group, got {groups}")
        return value

    @field_validator("date_format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        if value != "auto" and value not in EPOCH_UNITS and "%" not in value:
            raise ValueError(f"expected auto, {', '.join(EPOCH_UNITS)} or a strptime pattern such as %d.%m.%Y")
        return value

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        unknown = sorted(set(self.columns) - set(_COLUMNS))
        if unknown:
            raise ValueError(f"unknown column {unknown[0]!r}; the names on the left are {', '.join(_COLUMNS)}")
        if self.thousands == self.decimal:
            raise ValueError(f"thousands: {self.thousands!r} is the decimal mark; name both marks of the file")
        placed = [name for name in self.columns.values() if SYMBOL_PLACE in name]
        if placed and self.symbol_from not in ("filename", "folder"):
            raise ValueError(f"{placed[0]!r} needs `symbol_from: filename`")
        return self


class FilesSource(ColumnSettings):
    """CSV, JSON (plain, gzipped, in a zip) or Parquet files found by a glob."""

    source: Literal["files"]
    path: Annotated[str, NamesFiles()] = Field(
        min_length=1, description="a glob; relative ones start at the folder of this file"
    )
    skip_rows: int = Field(default=0, ge=0, le=1_000_000, description="lines before the header")
    header: list[str] = Field(
        default=[], description="names of the columns, in order, of files that do not name them themselves"
    )
    separator: Literal["auto", ",", ";", "\t", "|"] = Field(default="auto", description="between the fields of a line")
    encoding: str = Field(default="utf-8", description="of text files: utf-8, gbk, shift_jis, cp1252, utf-16, ...")
    largest_mib: Positive = Field(default=4_096.0, description="most MiB of a file, unpacked: a larger one is refused")
    most_rows: int = Field(default=100_000_000, ge=1, description="most rows of a file: one with more is refused")
    most_packed: Positive = Field(
        default=100.0,
        description="most bytes for each byte of a packed file that unpacks to over 64 MiB: prices pack to a tenth",
    )

    layout: str = Field(
        default=AUTO,
        description="a known vendor's file; auto: recognised unless `columns` or `header` is there; generic: by the "
        "usual names of columns alone",
    )

    @model_validator(mode="before")
    @classmethod
    def _keys_of_the_layout(cls, value: object) -> object:
        if not isinstance(value, dict) or value.get("layout", AUTO) in (AUTO, GENERIC):
            return value
        layout = file_layouts().get(str(value["layout"]))
        return value if layout is None else with_layout(value, layout)

    @field_validator("layout")
    @classmethod
    def _known_layout(cls, value: str) -> str:
        names = [AUTO, GENERIC, *file_layouts()] if value not in (AUTO, GENERIC) else [value]
        if value not in names:
            nearest = difflib.get_close_matches(value, names, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"one of {', '.join(names)}"
            raise ValueError(f"unknown layout; {hint}")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            b"".decode(value)
        except LookupError:
            raise ValueError(
                "unknown encoding; expected a name such as utf-8, gbk, shift_jis, cp1252, utf-16"
            ) from None
        return value

    @model_validator(mode="after")
    def _distinct_names(self) -> FilesSource:
        twice = sorted(name for name in set(self.header) if self.header.count(name) > 1)
        if twice:
            raise ValueError(f"header: {twice[0]!r} is there twice")
        return self


Fault = Literal[
    "null_price",
    "non_positive_price",
    "ohlc_violation",
    "negative_volume",
    "zero_volume",
    "spike",
    "half_adjusted",
    "missing_one_day",
    "missing_two_days",
    "stale_price",
    "duplicate_exact",
    "duplicate_conflict",
    "not_a_session",
    "unit_change",
    "stale_day",
    "identical_series",
    "ticker_reuse",
]
"""Faults that can be planted in a synthetic market."""


class SyntheticSource(SourceSettings):
    """A seeded, correlated market with regimes; its numbers are labelled synthetic everywhere."""

    source: Literal["synthetic"]
    symbols: Annotated[int, Field(ge=1, le=10_000)] | list[str] = Field(
        default=10, description="how many, or their names"
    )
    drift: float = Field(default=0.08, description="expected annual log return of the market factor")
    volatility: Positive = Field(default=0.25, description="annual volatility of a typical symbol in the calm regime")
    correlation: Fraction = Field(default=0.4, description="share of a symbol's variance due to the market factor")
    missing_rate: Fraction = Field(default=0.0, description="share of the bars that are left out")
    listings: Fraction = Field(default=0.0, description="share of the symbols listed after the start, over 20 years")
    delistings: Fraction = Field(default=0.0, description="share of the symbols delisted in a year")
    splits: Fraction = Field(default=0.0, description="splits of a symbol in a year; there is an adjusted close then")
    faults: dict[Fault, Fraction] = Field(
        default={}, description="fault -> its rate: of the bars, of the sessions (stale_day), or of the symbols"
    )
    trend: NonNegative = Field(
        default=0.0, description="annual log return that a symbol's own rising spells add and its falling spells take"
    )
    trend_sessions: int = Field(
        default=60, ge=2, le=MOST_SESSIONS, description="mean length of a rising or a falling spell"
    )
    seed: int | None = Field(default=None, ge=0, lt=2**64, description="default: the configuration's seed")
