"""Checks of the monitoring stage."""

import dagster as dg
import polars as pl

from trading_assets.config import Configuration
from trading_assets.monitoring.tables import DRIFT


def build_checks(configuration: Configuration) -> list[dg.AssetChecksDefinition]:
    """A warning when the features drift: a person should look, the run goes on."""
    return [no_feature_drift]


@dg.asset_check(
    asset=dg.AssetKey(["monitoring", "drift"]),
    description="No more than the configured share of features is in alarm.",
    required_resource_keys={"configuration", "warehouse"},
)
def no_feature_drift(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Look at the table that the asset has just written."""
    from trading_assets.monitoring.drift import is_drift_event

    share = context.resources.configuration.monitoring.alarm_share
    table = context.resources.warehouse.read(DRIFT)
    alarms = table.filter("alarm").sort(pl.col("psi"), descending=True)["feature"].unique(maintain_order=True)
    return dg.AssetCheckResult(
        passed=not is_drift_event(table, share),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"features in alarm": ", ".join(alarms) or "none", "alarm share": share},
    )
