"""Checks of the reports stage."""

import dagster as dg

from trading_assets.config import Configuration
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
        status = warehouse.read_or_empty(STATUS, where="status = 'failed'")
        failed = [
            f"{row['strategy']} ({row['stage']}): {row['error']}"
            for row in status.iter_rows(named=True)
            if row["strategy"] in configuration.strategies
        ]
        return dg.AssetCheckResult(passed=not failed, metadata={"error": "; ".join(failed)} if failed else {})

    return [every_strategy_completed]
