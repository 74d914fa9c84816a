"""Checks of the reports stage."""

import json

import dagster as dg

from trading_assets.config import Configuration
from trading_assets.reports.expectations import EXPECTATIONS as EXPECTED
from trading_assets.reports.expectations import Expectation
from trading_assets.reports.tables import EXPECTATIONS
from trading_assets.strategies.evaluation.failure import cause_of_failure
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Warehouse


def build_checks(configuration: Configuration) -> list[dg.AssetChecksDefinition]:
    """The last word of a run: it fails if a strategy did."""

    @dg.asset_check(
        asset=dg.AssetKey(["reports", "index"]),
        blocking=True,
        required_resource_keys={"warehouse"},
        description="No strategy failed; those that did are named, the others have their reports.",
    )
    def every_strategy_completed(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        status = warehouse.read_or_empty(STATUS)
        causes = {name: cause_of_failure(status.filter(strategy=name)) for name in configuration.strategies}
        failed = [f"{name}: {cause}" for name, cause in causes.items() if cause is not None]
        return dg.AssetCheckResult(passed=not failed, metadata={"error": "; ".join(failed)} if failed else {})

    return [every_strategy_completed, *map(_expected, EXPECTED)]


def _expected(expectation: Expectation) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey(["reports", "expectations"]),
        name=expectation.name,
        description=f"{expectation.table}: {expectation.text}",
        required_resource_keys={"warehouse"},
    )
    def holds(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        rows = warehouse.read_or_empty(EXPECTATIONS, where="expectation = ?", parameters=[expectation.name])
        metadata: dict[str, dg.MetadataValue] = {}
        for row in rows.filter(~rows["passed"]).iter_rows(named=True):
            metadata["failing"] = dg.MetadataValue.int(row["failing"])
            metadata["first"] = dg.MetadataValue.json(json.loads(row["examples"]))
        return dg.AssetCheckResult(passed=not metadata, severity=dg.AssetCheckSeverity.WARN, metadata=metadata)

    return holds
