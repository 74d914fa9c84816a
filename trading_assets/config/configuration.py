"""The one configuration of an experiment."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationInfo, field_validator, model_validator

from trading_assets.config.accounts import Accounts
from trading_assets.config.alerts import Alerts
from trading_assets.config.alternative import AlternativeData, ColumnName, columns_of
from trading_assets.config.analytics import Analytics
from trading_assets.config.cross_validation import CrossValidation
from trading_assets.config.evaluation import Evaluation
from trading_assets.config.fallbacks import stand_ins
from trading_assets.config.lifecycle import Lifecycle
from trading_assets.config.logs import Logs
from trading_assets.config.models import AnyModel, Champion
from trading_assets.config.quality import Quality
from trading_assets.config.remote_sources import AnySource
from trading_assets.config.robustness import Robustness
from trading_assets.config.rollout import Rollout
from trading_assets.config.runs import Runs
from trading_assets.config.scalars import Day, NamesFiles
from trading_assets.config.sections import (
    AssetClass,
    Costs,
    Limits,
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
from trading_assets.config.storage import Storage
from trading_assets.config.strategies import StrategySettings, members_of
from trading_assets.config.trading import Trading
from trading_assets.config.universe import DynamicUniverse

Named = TypeVar("Named", str, dict[str, object])
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]

#: Dotted path of a user's own module: one without a dot would be of the house.
OwnModuleName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$", max_length=200)]

#: Strategies, or models, of one configuration.
MOST_STRATEGIES = 1_000
#: Stages of the pipeline: `--select` takes these beside the names of strategies.
STAGES = (
    "market_data",
    "features",
    "models",
    "strategies",
    "backtests",
    "robustness",
    "trading",
    "analytics",
    "reports",
    "monitoring",
)
#: Names that are taken, by section: assets beside those of strategies and models, and files in the data folder.
RESERVED = {
    "name": ("dagster_home", "protocol"),
    "models": (*STAGES, "splits", "regimes", "cross_validation", "live_quality", "champion"),
    "champions": (*STAGES, "splits", "regimes", "cross_validation", "live_quality", "champion"),
    "strategies": (*STAGES, "index", "expectations", "overlap"),
}


class Configuration(Section):
    """Everything a run depends on, validated; passed down as a value.

    `directory` is the folder of the configuration file: relative paths in the file start there.
    `data` is the data folder; all that a configuration leaves behind is under `home`.
    """

    name: Name = Field(description="names the experiment and its folder under the data folder")
    seed: int = Field(default=0, ge=0, lt=2**32, description="of every draw: the same seed gives the same numbers")
    start: Day = Field(description="first monthly partition: the first of a month")
    as_of: Day | None = Field(
        default=None,
        description="nothing after it is used; default: the last session on which half of the universe has a bar",
    )
    market_data: list[AnySource] = Field(
        min_length=1, max_length=1_000, description="where bars come from, one entry a source"
    )
    benchmarks: dict[AssetClass, str] = Field(
        default={}, description="asset class -> the symbol that it is compared with"
    )
    universe: dict[
        AssetClass, Annotated[Literal["all"] | list[str] | str | DynamicUniverse, NamesFiles(words=("", "all"))]
    ] = Field(
        default={},
        description="asset class -> all (a benchmark of the sources, too), symbols, a membership table "
        "(symbol, start, end), or a choice by rules",
    )
    sectors: Annotated[dict[str, NonEmpty] | NonEmpty, NamesFiles()] = Field(
        default={}, description="symbol -> sector, or the path of a CSV with the columns symbol and sector"
    )
    allow_missing: bool = Field(
        default=False, description="leave symbols of the universe without data out, rather than end with an error"
    )
    quality: Quality = Field(default=Quality(), description="thresholds and severities of the data-quality rules")
    splits: Splits = Field(default=Splits(), description="train, validation and holdout")
    features: list[OwnModuleName] = Field(
        default=[],
        max_length=100,
        description="dotted paths of your own modules of features",
    )
    alternative_data: dict[ColumnName, AlternativeData] = Field(
        default={}, max_length=100, description="what was published beside prices, by the name of its provider"
    )
    strategies: dict[Name, StrategySettings] = Field(
        min_length=1, max_length=MOST_STRATEGIES, description="what is judged, by name"
    )
    registration: dict[Name, Registration] = Field(
        default={}, description="strategy -> what is expected of it, written down before the holdout is looked at"
    )
    models: dict[Name, AnyModel] = Field(
        default={}, max_length=MOST_STRATEGIES, description="models whose scores strategies and features use, by name"
    )
    champions: dict[Name, Champion] = Field(
        default={},
        max_length=MOST_STRATEGIES,
        description="names under which strategies read the better of several models, chosen at each refit",
    )
    cross_validation: dict[Name, CrossValidation] = Field(
        default={}, description="models that are cross-validated beside their walk forward, by name; no result follows"
    )
    evaluation: Evaluation = Field(
        default=Evaluation(), description="how closely models are looked at; no score and no result follows"
    )
    regimes: Regimes = Field(default=Regimes(), description="regimes of the benchmarks")
    costs: Costs = Field(default=Costs(), description="fees, slippage, impact and borrowing")
    risk: Risk = Field(default=Risk(), description="sizing and limits")
    risk_free: RiskFree = Field(default=RiskFree(), description="what cash earns")
    robustness: Robustness = Field(default=Robustness(), description="sensitivity, stress, resampling and thresholds")
    rollout: Rollout = Field(default=Rollout(), description="what a step forward of the rollout asks for")
    monitoring: Monitoring = Field(default=Monitoring(), description="drift windows and alarms")
    analytics: Analytics = Field(
        default=Analytics(), description="what finished runs are looked at by; no result follows"
    )
    reports: Reports = Field(default=Reports(), description="what is written beside the pages")
    accounts: Accounts = Field(
        default=Accounts(), description="when running accounts are worked on, and when one is closed by itself"
    )
    schedules: Schedules = Field(default=Schedules(), description="when the pipeline runs by itself")
    runs: Runs = Field(default=Runs(), description="how long runs may take, and how long they are kept")
    notifier: Notifier = Field(default=Notifier(), description="who is told about alerts")
    alerts: Alerts = Field(default=Alerts(), description="what is an alert, and when somebody is told")
    logs: Logs = Field(default=Logs(), description="records of what runs do; no result follows")
    lifecycle: Lifecycle = Field(
        default=Lifecycle(), description="what becomes of what is old; results and what is on record stay"
    )
    trading: Trading = Field(default=Trading(), description="where orders of running accounts go; no result follows")
    limits: Limits = Field(default=Limits(), description="what a user's own module may take")
    warehouse: Storage = Field(default=Storage(), description="where tables are kept; results are the same")
    executor: Literal["in_process", "multiprocess", "dask"] = Field(
        default="in_process",
        description="what runs: one process, a process a step, or one process with workers; results are the same",
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        le=512,
        description="processes of `executor: dask` on this machine; default: one a processor",
    )
    scheduler: str | None = Field(
        default=None, description="address of a running Dask cluster, for `executor: dask`, as tcp://host:8786"
    )
    directory: Path = Field(default=Path(), exclude=True, description="folder of the configuration file")
    data: Path = Field(default=Path("data"), exclude=True, description="the data folder")

    @field_validator("name", "models", "champions", "strategies")
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
        columns_of(self.alternative_data)
        stand_ins(self.market_data)
        for name in sorted({*self.rollout.replaces, *self.rollout.replaces.values()} - set(self.strategies)):
            raise ValueError(f"rollout.replaces: {name!r} is not one of the strategies {', '.join(self.strategies)}")
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
        """Twelve hexadecimal digits that change with any value that results follow from, not with a key that is new.

        Who computes parts (`workers`, `scheduler`) and where tables are kept (`warehouse`) have no part in it, nor has
        what is cross-validated, how closely models are looked at, what is sent of what is decided (`rollout`), when
        running accounts are worked on, how long runs may take (`runs`), what is an alert, who is told (`notifier`),
        what becomes of what is old (`lifecycle`), or by what finished runs are looked at (`analytics`).
        """
        return self.model_copy(update={"notifier": Notifier()})._hash_before

    @property
    def _hash_before(self) -> str:
        """The hash as earlier versions have written it: it changed with who is told about alerts."""
        elsewhere: dict[str, object] = {
            "workers": None,
            "scheduler": None,
            "warehouse": Storage(),
            "cross_validation": {},
            "evaluation": Evaluation(),
            "trading": Trading(),
            "rollout": Rollout(),
            "accounts": Accounts(),
            "runs": Runs(),
            "alerts": Alerts(),
            "logs": Logs(),
            "analytics": Analytics(),
            "lifecycle": Lifecycle(),
        }
        return hash_of(completed(self.model_copy(update=elsewhere)))

    def behind(self, strategy: str) -> list[str]:
        """Return a strategy, its members, and theirs, each once and the strategy first.

        The primaries of the models that they read are among them: scores are of their entries.
        """
        found: list[str] = []
        waiting = [strategy]
        while waiting:
            name = waiting.pop()
            if name in self.strategies and name not in found:
                found.append(name)
                waiting += [*members_of(self.strategies[name]), *self.primaries_read_by(name)]
        return found

    def primaries_of(self, model: str) -> list[str]:
        """Return the strategy whose entries a model, or the candidates of a champion, score; of most there is none."""
        read = [self.models[each] for each in self.candidates_of(model) if each in self.models]
        return sorted({each.primary for each in read if each.primary is not None})

    def primaries_read_by(self, strategy: str) -> list[str]:
        """Return the strategies whose entries the model scores that a strategy names."""
        model = getattr(self.strategies[strategy].parameters, "model", None)
        return self.primaries_of(model) if isinstance(model, str) else []

    @property
    def score_names(self) -> list[str]:
        """Names of models and champions, whose scores a strategy can read."""
        return [*self.models, *self.champions]

    def candidates_of(self, model: str) -> list[str]:
        """Return the models whose scores are read under a name: the candidates of a champion, or the model itself."""
        champion = self.champions.get(model)
        return [model] if champion is None else list(champion.candidates)

    def champions_behind(self, strategy: str) -> list[str]:
        """Return the champions that a strategy or a member of it may read: all of them for a module of the user's."""
        behind = [self.strategies[name] for name in self.behind(strategy)]
        if any("." in each.type for each in behind):
            return list(self.champions)
        read = {getattr(each.parameters, "model", None) for each in behind}
        return [name for name in self.champions if name in read]

    def hash_for(self, strategy: str) -> str:
        """Twelve hexadecimal digits that change with all that its results follow from; not with another's section.

        Its members' sections are its own, and those of models and champions that any of them reads: of a module of the
        user's own, whose rules may name any, all of them. What others say, or whether they are registered, has no part
        in it.
        """
        return self._all_behind(strategy).hash

    def _all_behind(self, strategy: str) -> Configuration:
        """The configuration without the sections that nothing of a strategy follows from."""
        behind = self.behind(strategy)
        has_own_module = any("." in self.strategies[name].type for name in behind)
        if has_own_module:
            behind += [primary for model in self.models for primary in self.primaries_of(model)]
        strategies = {name: each for name, each in self.strategies.items() if name in behind}
        read = {getattr(each.parameters, "model", None) for each in strategies.values()}
        champions = {name: self.champions[name] for name in self.champions_behind(strategy)}
        read |= {candidate for name in champions for candidate in self.candidates_of(name)}
        grids = {name: each for name, each in self.robustness.grids.items() if name == strategy}
        own = {
            "robustness": self.robustness.model_copy(update={"grids": grids}),
            "strategies": strategies,
            "registration": {name: each for name, each in self.registration.items() if name == strategy},
            "models": {name: each for name, each in self.models.items() if has_own_module or name in read},
            "champions": champions,
        }
        return self.model_copy(update=own)

    @property
    def hash_of_trials(self) -> str:
        """Twelve hexadecimal digits that change with all that decides which trials there are, so not a registration."""
        return self.model_copy(update={"registration": {}}).hash

    def is_current(self, config_hash: str, strategy: str) -> bool:
        """Return whether what was made of a strategy under a hash follows from this configuration, too.

        Rows of earlier versions have the hash of the whole configuration, and one that the notifier was part of.
        """
        own = self._all_behind(strategy)
        return config_hash in (self.hash, own.hash, self._hash_before, own._hash_before)


def hash_of(value: object) -> str:
    """Return twelve hexadecimal digits of SHA-256 over the canonical JSON of `value`."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
