"""What a person decides of a strategy before any bar of its holdout is there: the part of a registration without data.

A registration is complete when its holdout is over, for the bars that decide it are part of it. What was decided is
known long before, and goes on record as early as a run knows it: a plan.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trading_assets.config import Configuration, hash_of
from trading_assets.config.canonical import canonical, digest
from trading_assets.config.sections import Interval
from trading_assets.config.stated import stated
from trading_assets.features.catalog import FEATURES
from trading_assets.protocol.decisions import decisions_behind
from trading_assets.strategies.evaluation.fingerprint import alternative_frozen, frozen
from trading_assets.strategies.interface.resolved import ConfiguredStrategy

#: Settings of the section `robustness` that decide what the resampled criteria are.
RESAMPLING_SETTINGS = {
    "resamples",
    "permutations",
    "block_sessions",
    "cross_validation_blocks",
    "look_ahead_cuts",
}


@dataclass(frozen=True)
class Plan:
    """The plan of one strategy: canonical JSON, and its SHA-256."""

    strategy: str
    content: str

    @property
    def hash(self) -> str:
        """64 hexadecimal digits."""
        return digest(self.content)


def plan_of(configuration: Configuration, strategy: ConfiguredStrategy, spans: Mapping[str, Interval]) -> Plan:
    """Return the plan of a registered strategy: what is decided, and the universe as it is configured.

    Parameters
    ----------
    configuration, strategy
        Configuration with the strategy's registration, and the strategy.
    spans
        Dates of each split by its name.

    Raises
    ------
    KeyError
        The strategy has no entry in the section `registration`.
    """
    universe = strategy.universe if isinstance(strategy.universe, str) else sorted(strategy.universe)
    return Plan(
        strategy.name, canonical({**decided(configuration, strategy, spans), "universe": {"symbols": universe}})
    )


def decided(
    configuration: Configuration, strategy: ConfiguredStrategy, spans: Mapping[str, Interval]
) -> dict[str, Any]:
    """Return what a person decides of a registered strategy, values that equal their defaults left out.

    The hypothesis, the spans as dates, the parameters and rules, costs, risk, seed, criteria, the settings of its
    model, and decisions by hand on a champion; none of the data.

    Parameters
    ----------
    configuration, strategy
        Configuration with the strategy's registration, and the strategy.
    spans
        Dates of each split by its name.
    """
    entry = configuration.registration[strategy.name]
    return {
        "strategy": strategy.name,
        "hypothesis": entry.hypothesis,
        "registered_on": entry.registered_on,
        **_named("indices", entry.indices),
        **_by_hand(configuration, strategy.name, spans),
        **frozen(configuration, strategy),
        "features": hash_of(sorted((feature.column, feature.version) for feature in FEATURES)),
        "benchmarks": dict(configuration.benchmarks),
        "quality": stated(configuration.quality),
        "splits": {split: [span.start, span.end] for split, span in spans.items()},
        "costs": stated(configuration.costs),
        "risk": stated(configuration.risk),
        **_named("risk_free", stated(configuration.risk_free)),
        **_named("alternative_data", alternative_frozen(configuration, configuration.alternative_data)),
        "seed": configuration.seed,
        "criteria": stated(configuration.robustness.verdict),
        "resampling": {
            key: value for key, value in stated(configuration.robustness).items() if key in RESAMPLING_SETTINGS
        },
    }


def _by_hand(
    configuration: Configuration, strategy: str, spans: Mapping[str, Interval]
) -> dict[str, list[dict[str, Any]]]:
    """Decisions by hand on champions that act until the end of the holdout; nothing where there is none."""
    until = max((span.end for span in spans.values()), default=dt.date.max)
    found = [each.plain() for each in decisions_behind(configuration, strategy, until)]
    return {"decisions": found} if found else {}


def _named(key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under a key that earlier versions did not have; nothing where they equal the defaults."""
    return {key: dict(values)} if values else {}
