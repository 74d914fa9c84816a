"""Settings of the market-data sources, one model a source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from trading_assets.config.sections import AssetClass, Fraction, Positive, Section

_COLUMNS = ("symbol", "session", "open", "high", "low", "close", "volume", "adj_close")


class SourceSettings(Section):
    """What every source has: the asset class of its symbols and their calendar."""

    asset_class: AssetClass
    calendar: str = Field(default="", description="an exchange_calendars name, or 24/7", validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _default_calendar(cls, value: object) -> object:
        if isinstance(value, dict) and not value.get("calendar"):
            return {**value, "calendar": "24/7" if value.get("asset_class") == "crypto" else "XNYS"}
        return value


class SampleSource(SourceSettings):
    """Five US stocks 2000-03 to 2013-03 (bokeh-sampledata) and the S&P 500 index (arch)."""

    source: Literal["sample"]
    asset_class: Literal["equity"] = "equity"


class FilesSource(SourceSettings):
    """CSV, gzipped CSV, zip of CSV or Parquet files found by a glob."""

    source: Literal["files"]
    path: str
    symbol_from: str = Field(default="symbol", description="`filename`, or the name of a column")
    symbol_pattern: str | None = Field(default=None, description="regular expression with one group")
    columns: dict[str, str] = Field(default={}, description="our name -> the file's name")
    date_format: str = Field(default="auto", description="auto | strptime pattern | epoch_s | epoch_ms")
    timezone: str = "UTC"
    skip_rows: int = Field(default=0, ge=0)
    price_scale: Positive = 1.0

    @model_validator(mode="after")
    def _known_columns(self) -> FilesSource:
        unknown = sorted(set(self.columns) - set(_COLUMNS))
        if unknown:
            raise ValueError(f"unknown column {unknown[0]!r}; the names on the left are {', '.join(_COLUMNS)}")
        return self


class SyntheticSource(SourceSettings):
    """A seeded, correlated market with regimes; its numbers are labelled synthetic everywhere."""

    source: Literal["synthetic"]
    symbols: int | list[str] = Field(default=10, description="how many, or their names")
    drift: float = Field(default=0.08, description="expected annual log return of the market factor")
    volatility: Positive = Field(default=0.25, description="annual volatility of a typical symbol in the calm regime")
    correlation: Fraction = Field(default=0.4, description="share of a symbol's variance due to the market factor")
    missing_rate: Fraction = 0.0
    seed: int | None = Field(default=None, description="default: the configuration's seed")


AnySource = Annotated[SampleSource | FilesSource | SyntheticSource, Field(discriminator="source")]
