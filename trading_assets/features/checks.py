"""Checks of the features stage; all of them block what is downstream."""

import dagster as dg

from trading_assets.config import Configuration
from trading_assets.features.audit import audit_sample, column_faults, look_ahead
from trading_assets.features.history import BAR_COLUMNS
from trading_assets.features.tables import DAILY
from trading_assets.market_data.tables import BARS, UNIVERSE

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
    faults = column_faults(context.resources.warehouse.read(DAILY))
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
    bars = context.resources.warehouse.read(BARS, columns=BAR_COLUMNS)
    sample, cuts = audit_sample(bars, configuration.benchmarks, configuration.seed)
    universe = context.resources.warehouse.read_or_empty(UNIVERSE)
    violations = look_ahead(sample, configuration.benchmarks, cuts, universe=universe)
    return dg.AssetCheckResult(
        passed=violations.is_empty(),
        metadata={
            "cuts": ", ".join(map(str, cuts)),
            "symbols": ", ".join(sample["symbol"].unique().sort()),
            "looking ahead": ", ".join(violations["column"].unique().sort()) or "none",
        },
    )
