"""Checks of the features stage; all of them block what is downstream."""

from __future__ import annotations

import dagster as dg
import polars as pl

from trading_assets.config import Configuration
from trading_assets.features.audit import audit_sample, look_ahead
from trading_assets.features.catalog import FEATURES
from trading_assets.features.history import BAR_COLUMNS
from trading_assets.features.tables import DAILY
from trading_assets.market_data.tables import BARS

_DAILY = dg.AssetKey(["features", "daily"])
_RESOURCES = {"configuration", "warehouse"}


def build_checks(configuration: Configuration) -> list[dg.AssetChecksDefinition]:
    """Values are finite and catalogued, and nothing looks ahead."""
    return [finite_and_catalogued, features_are_causal]


@dg.asset_check(
    asset=_DAILY,
    blocking=True,
    description="Every feature of the catalogue has its column, and no value is infinite or NaN.",
    required_resource_keys=_RESOURCES,
)
def finite_and_catalogued(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Count the values that are not finite; a column that the catalogue no longer has is only named."""
    table = context.resources.warehouse.read(DAILY)
    declared = [feature.column for feature in FEATURES]
    missing = [column for column in declared if column not in table.columns]
    columns = [column for column in table.columns if column not in DAILY.columns]
    counts = table.select((~pl.col(name).is_finite()).sum() for name in columns).row(0, named=True)
    infinite = {name: count for name, count in counts.items() if count}
    return dg.AssetCheckResult(
        passed=not missing and not infinite,
        metadata={
            "missing columns": ", ".join(missing) or "none",
            "not finite": str(infinite or "none"),
            "retired columns": ", ".join(name for name in columns if name not in declared) or "none",
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
    bars = context.resources.warehouse.read(BARS, columns=BAR_COLUMNS)
    sample, cuts = audit_sample(bars, configuration.benchmarks, configuration.seed)
    violations = look_ahead(sample, configuration.benchmarks, cuts)
    return dg.AssetCheckResult(
        passed=violations.is_empty(),
        metadata={
            "cuts": ", ".join(map(str, cuts)),
            "symbols": ", ".join(sample["symbol"].unique().sort()),
            "looking ahead": ", ".join(violations["column"].unique().sort()) or "none",
        },
    )
