"""The section `alternative_data`: files of what was published beside prices, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from trading_assets.config.scalars import MOST_SESSIONS, NamesFiles, TimeZone
from trading_assets.config.sections import NonEmpty, Section

#: Name of a provider or a value; both together, with what is made of them, name a column.
ColumnName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
#: What can be made of a series; the value itself has no ending.
Made = Literal["value", "age", "surprise", "zscore"]
MADE: tuple[Made, ...] = ("value", "age", "surprise", "zscore")
#: What the names of their columns begin with, and no other's.
PREFIX = "alt_"
_ENDINGS = tuple(f"_{each}" for each in MADE)


class Alfred(Section):
    """A series of ALFRED, FRED's archive of vintages: `path` is the file that its answer is kept in."""

    series: str = Field(pattern=r"^[A-Za-z0-9_]{1,64}$", description="its name in FRED, such as CPIAUCSL")
    ask: bool = Field(default=True, description="whether the service is asked at each run; else the file is there")
    key_variable: str = Field(
        default="FRED_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$",
        description="environment variable with the key, which is never written down",
    )
    base_url: str = Field(default="", description="another address of the service; empty: its own")
    timeout_seconds: float = Field(default=30.0, gt=0, le=86_400, description="of a request")
    attempts: int = Field(default=5, ge=1, le=100, description="tries of a request before it counts as failed")


class AlternativeData(Section):
    """Values with the time of their publication: of each symbol, or of the whole market.

    Of an observation that is published again, with another value, each publication is kept: a session knows the last
    one before its close.
    """

    path: Annotated[NonEmpty, NamesFiles()] = Field(description="files, relative to this one: CSV, JSON, Parquet")
    values: dict[ColumnName, NonEmpty] = Field(
        min_length=1, max_length=100, description="columns of numbers: a list, or name: column"
    )
    timezone: TimeZone = Field(description="zone of stamps that state none, and of days")
    published: NonEmpty | None = Field(default=None, description="column of the day or time at which a row was public")
    observed: NonEmpty | None = Field(
        default=None, description="column of the day or time that a value is of; default: its publication"
    )
    symbol: NonEmpty | None = Field(default=None, description="column of the symbol; default: of the whole market")
    lag_days: int | None = Field(
        default=None,
        ge=0,
        le=3_660,
        description="days from observation to publication, for rows that do not say when they were published",
    )
    max_age: int = Field(
        default=MOST_SESSIONS, ge=0, le=MOST_SESSIONS, description="sessions after which a value is unknown again"
    )
    features: list[Made] = Field(default=list(MADE), min_length=1, max_length=4, description="what is made of a value")
    date_format: NonEmpty = Field(default="auto", description="auto, a strptime pattern, epoch_s, epoch_ms or epoch_us")
    alfred: Alfred | None = Field(
        default=None,
        description="a series of ALFRED: `path` is one JSON file, `observed`, `published` and `values` are known",
    )

    @model_validator(mode="before")
    @classmethod
    def _as_alfred_has_it(cls, given: object) -> object:
        """Columns of an archive of vintages are what they are called there."""
        if isinstance(given, dict) and given.get("alfred") is not None:
            return {"observed": "date", "published": "realtime_start"} | given
        return given

    @field_validator("values", mode="before")
    @classmethod
    def _from_list(cls, value: object) -> object:
        """A list names columns that are called as they shall be, apart from case and marks."""
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            names = ["".join(mark if mark.isalnum() else "_" for mark in each.lower()) for each in value]
            if len(set(names)) < len(names):
                raise ValueError("expected names that differ; give them as `name: column`")
            return dict(zip(names, value, strict=True))
        return value

    @field_validator("values")
    @classmethod
    def _without_endings(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name.endswith(_ENDINGS):
                raise ValueError(f"{name!r} ends like a column that is made of a value; write `name: column`")
        return value

    @model_validator(mode="after")
    def _has_a_time(self) -> AlternativeData:
        if self.published is None and self.lag_days is None:
            raise ValueError(
                "when was a row public? expected `published`, its column, or `lag_days` after `observed`; it is never "
                "guessed"
            )
        if self.lag_days is not None and self.observed is None:
            raise ValueError("`lag_days` count from `observed`, a column; expected one")
        if self.published is not None and self.published == self.observed:
            raise ValueError(
                f"{self.published!r} is both `observed` and `published`: leave out `observed` if a row is public on "
                "the day that it is of, else state `lag_days` in place of `published`"
            )
        if self.alfred is not None and (set("*?[") & set(self.path) or not self.path.endswith(".json")):
            raise ValueError("`path` is the file that the answer of ALFRED is kept in; expected one that ends in .json")
        if self.alfred is not None and list(self.values.values()) != ["value"]:
            raise ValueError("a series of ALFRED has one column; expected `values: {name: value}`")
        if len(set(self.features)) < len(self.features):
            raise ValueError("features: each once")
        return self


def columns_of(providers: Mapping[str, AlternativeData]) -> dict[str, tuple[str, str, Made]]:
    """Return provider, value and what is made of it by the column of `features.daily` that it becomes.

    Raises
    ------
    ValueError
        Two of them would have one column.
    """
    found: dict[str, tuple[str, str, Made]] = {}
    for provider, settings in providers.items():
        for value in settings.values:
            for made in settings.features:
                column = f"{PREFIX}{provider}_{value}" + ("" if made == "value" else f"_{made}")
                if column in found:
                    other = ".".join(found[column][:2])
                    both = f"{provider}.{value} and {other}"
                    raise ValueError(f"alternative_data: {both} would both be {column}; rename one")
                found[column] = (provider, value, made)
    return found
