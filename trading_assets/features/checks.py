"""Checks of the features stage; all of them block what is downstream."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import dagster as dg
import polars as pl

from trading_assets.config import Configuration
from trading_assets.features.alternative import Publications
from trading_assets.features.audit import (
    audit_sample_of,
    column_faults,
    look_ahead,
    lookback_faults,
    lookback_sample,
)
from trading_assets.features.feature import Feature
from trading_assets.features.history import BAR_COLUMNS
from trading_assets.features.own import OwnFeature, features_of, open_until
from trading_assets.market_data.tables import BARS, INSTRUMENTS, PUBLICATIONS, UNIVERSE
from trading_assets.warehouse import Warehouse

_DAILY = dg.AssetKey(["features", "daily"])
_RESOURCES = {"configuration", "warehouse"}


def build_checks(configuration: Configuration) -> list[dg.AssetChecksDefinition]:
    """Values are finite and catalogued, and nothing looks ahead; own features look back no further than they say."""
    return [finite_and_catalogued, features_are_causal, *([lookbacks_hold] if configuration.features else [])]


@dg.asset_check(
    asset=_DAILY,
    blocking=True,
    description="Every feature of the catalogue has its column, and no value is infinite or NaN.",
    required_resource_keys=_RESOURCES,
)
def finite_and_catalogued(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Count the values that are not finite; a column that the catalogue no longer has is only named."""
    declared = features_of(context.resources.configuration)
    faults = column_faults(context.resources.warehouse, declared)
    return dg.AssetCheckResult(
        passed=not faults.missing and not faults.not_finite,
        metadata={
            "missing columns": ", ".join(faults.missing) or "none",
            "not finite": ", ".join(f"{name}: {rows}" for name, rows in faults.not_finite.items()) or "none",
            "retired columns": ", ".join(faults.retired) or "none",
        },
    )


@dg.asset_check(
    asset=_DAILY,
    blocking=True,
    description="Features and indicators up to a date are the same to the bit without the bars after it.",
    required_resource_keys=_RESOURCES,
)
def features_are_causal(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Recompute a seeded sample of symbols, cut at a few seeded dates."""
    configuration: Configuration = context.resources.configuration
    sample, cuts, universe, published = _sampled(context)
    declared = features_of(configuration)
    violations = look_ahead(sample, configuration.benchmarks, cuts, declared, universe=universe, publications=published)
    return dg.AssetCheckResult(
        passed=violations.is_empty(),
        metadata={
            "cuts": ", ".join(map(str, cuts)),
            "symbols": ", ".join(sample["symbol"].unique().sort()),
            "looking ahead": ", ".join(violations["column"].unique().sort()) or "none",
            **_error(violations, declared, "later bars change"),
        },
    )


@dg.asset_check(
    asset=_DAILY,
    blocking=True,
    description="Features of a user's own depend on no more bars than they declare.",
    required_resource_keys=_RESOURCES,
)
def lookbacks_hold(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Compute a seeded sample of symbols again from the declared number of bars, at a few late dates."""
    configuration: Configuration = context.resources.configuration
    sample, _, universe, published = _sampled(context)
    cuts, declared = lookback_sample(sample, configuration.seed), features_of(configuration)
    faults = lookback_faults(
        sample, configuration.benchmarks, cuts, declared, universe=universe, publications=published
    )
    return dg.AssetCheckResult(
        passed=faults.is_empty(),
        metadata={
            "cuts": ", ".join(map(str, cuts)),
            "longer than declared": ", ".join(faults["column"].unique().sort()) or "none",
            **_error(faults, declared, "more bars than its lookback decide"),
        },
    )


class _Sample(NamedTuple):
    """Bars of some symbols, as far as the code of a user's own may see them, dates to cut them at, and what else is."""

    bars: pl.DataFrame
    cuts: tuple[dt.date, ...]
    universe: pl.DataFrame
    publications: Publications | None


def _sampled(context: dg.AssetCheckExecutionContext) -> _Sample:
    configuration: Configuration = context.resources.configuration
    warehouse: Warehouse = context.resources.warehouse
    until = open_until(warehouse, configuration) or dt.date.max

    def bars_of(symbols: Sequence[str]) -> pl.DataFrame:
        where = "session <= ? AND list_contains(?, symbol)"
        return warehouse.read(BARS, columns=BAR_COLUMNS, where=where, parameters=[until, list(symbols)])

    symbols = warehouse.query(f"SELECT DISTINCT symbol FROM {BARS.name} WHERE session <= ? ORDER BY symbol", [until])
    sample, cuts = audit_sample_of(symbols["symbol"], bars_of, configuration.benchmarks, configuration.seed)
    published = None
    if configuration.alternative_data:
        rows = warehouse.read_or_empty(PUBLICATIONS, where="session <= ?", parameters=[until])
        published = Publications.of(rows, warehouse.read(INSTRUMENTS, columns=["symbol", "calendar"]))
    return _Sample(sample, cuts, warehouse.read_or_empty(UNIVERSE), published)


def _error(found: pl.DataFrame, features: Sequence[Feature], what: str) -> dict[str, str]:
    """What the run says of a check that failed: each feature, and whose it is."""
    if found.is_empty():
        return {}
    of_column = {feature.column: feature for feature in features}
    named = []
    for column in found["column"].unique().sort():
        feature = of_column.get(column)
        own = f" of {feature.module.name}" if isinstance(feature, OwnFeature) and feature.module else ""
        named.append(f"{what} {column}{own}")
    first = found["cut"].min()
    return {"error": f"{'; '.join(named)} (first seen at the close of {first!s})"}
