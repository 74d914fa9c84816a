"""The one configuration of an experiment."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationInfo, field_validator, model_validator

from trading_assets.config.quality import Quality
from trading_assets.config.remote_sources import AnySource
from trading_assets.config.robustness import Robustness
from trading_assets.config.scalars import Day, NamesFiles
from trading_assets.config.sections import (
    AssetClass,
    Costs,
    Limits,
    Model,
    Monitoring,
    NonEmpty,
    Notifier,
    Regimes,
    Registration,
    Reports,
    Risk,
    RiskFree,
    Schedules,
    Section,
    Splits,
)
from trading_assets.config.stated import completed
from trading_assets.config.strategies import StrategySettings
from trading_assets.config.universe import DynamicUniverse

Named = TypeVar("Named", str, dict[str, object])
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]

#: Strategies, or models, of one configuration.
MOST_STRATEGIES = 1_000
#: Stages of the pipeline: `--select` takes these beside the names of strategies.
STAGES = ("market_data", "features", "models", "strategies", "backtests", "robustness", "reports", "monitoring")
#: Names that are taken, by section: assets beside those of strategies and models, and files in the data folder.
RESERVED = {
    "name": ("dagster_home", "protocol"),
    "models": (*STAGES, "splits", "regimes"),
    "strategies": (*STAGES, "index", "expectations"),
}


class Configuration(Section):
    """Everything a run depends on, validated; passed down as a value.

    `directory` is the folder of the configuration file: relative paths in the file start there.
    `data` is the data folder; all that a configuration leaves behind is under `home`.
    """

    name: Name
    seed: int = Field(default=0, ge=0, lt=2**32)
    start: Day
    as_of: Day | None = None
    market_data: list[AnySource] = Field(min_length=1, max_length=1_000)
    benchmarks: dict[AssetClass, str] = {}
    universe: dict[
        AssetClass, Annotated[Literal["all"] | list[str] | str | DynamicUniverse, NamesFiles(words=("", "all"))]
    ] = {}
    sectors: Annotated[dict[str, NonEmpty] | NonEmpty, NamesFiles()] = Field(
        default={}, description="symbol -> sector, or the path of a CSV with the columns symbol and sector"
    )
    allow_missing: bool = False
    quality: Quality = Quality()
    splits: Splits = Splits()
    strategies: dict[Name, StrategySettings] = Field(min_length=1, max_length=MOST_STRATEGIES)
    registration: dict[Name, Registration] = {}
    models: dict[Name, Model] = Field(default={}, max_length=MOST_STRATEGIES)
    regimes: Regimes = Regimes()
    costs: Costs = Costs()
    risk: Risk = Risk()
    risk_free: RiskFree = RiskFree()
    robustness: Robustness = Robustness()
    monitoring: Monitoring = Monitoring()
    reports: Reports = Reports()
    schedules: Schedules = Schedules()
    notifier: Notifier = Notifier()
    limits: Limits = Limits()
    executor: Literal["in_process", "multiprocess", "dask"] = "in_process"
    directory: Path = Field(default=Path(), exclude=True)
    data: Path = Field(default=Path("data"), exclude=True)

    @field_validator("name", "models", "strategies")
    @classmethod
    def _free(cls, value: Named, info: ValidationInfo) -> Named:
        names = [value] if isinstance(value, str) else list(value)
        for name in names:
            if name.lower() in RESERVED[info.field_name or ""]:
                raise ValueError(f"{name!r} is the name of something else of the pipeline; choose another name")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Configuration:
        if self.start.day != 1:
            raise ValueError(f"start: expected the first of a month (the first monthly partition), got {self.start}")
        if self.as_of is not None and self.as_of < self.start:
            raise ValueError(f"as_of: {self.as_of} is before start {self.start}")
        unknown = sorted(set(self.registration) - set(self.strategies))
        if unknown:
            raise ValueError(f"registration: {unknown[0]!r} is not one of the strategies {', '.join(self.strategies)}")
        weights = {name: entry.weight for name, entry in self.registration.items()}
        total = sum(weight for weight in weights.values() if weight is not None)
        if total > 1 + 1e-9:
            raise ValueError(f"registration: the weights sum to {total:g}; expected at most 1, as they share one rate")
        equal = sorted(name for name, weight in weights.items() if weight is None)
        if equal and total > 1 - 1e-9:
            raise ValueError(f"registration.{equal[0]}.weight: the other weights leave nothing for it; state one, too")
        return self

    @property
    def home(self) -> Path:
        """Folder of all that this configuration leaves behind."""
        return self.data / self.name

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file."""
        return self.home / "warehouse.duckdb"

    @property
    def overrides_path(self) -> Path | None:
        """The list of reviewed data-quality findings, if there is one."""
        return self.directory / self.quality.overrides if self.quality.overrides else None

    @property
    def dagster_home(self) -> Path:
        """Where runs are recorded: `DAGSTER_HOME`, by default a folder beside the configurations' folders."""
        return Path(os.environ.get("DAGSTER_HOME") or self.data / "dagster_home")

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that change with any value of the configuration, and not with a key that is new."""
        return hash_of(completed(self))


def hash_of(value: object) -> str:
    """Twelve hexadecimal digits of SHA-256 over the canonical JSON of `value`."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
