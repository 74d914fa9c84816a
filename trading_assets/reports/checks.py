"""Checks of the reports stage."""

import json
from collections.abc import Iterator

import dagster as dg

from trading_assets.config import Configuration
from trading_assets.reports.expectations import EXPECTATIONS as EXPECTED
from trading_assets.reports.tables import EXPECTATIONS
from trading_assets.strategies.evaluation.failure import cause_of_failure
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Warehouse

_EXPECTATIONS = dg.AssetKey(["reports", "expectations"])


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

    return [every_strategy_completed, expectations_hold]


@dg.multi_asset_check(
    name="reports__expectations_hold",
    specs=[
        dg.AssetCheckSpec(each.name, asset=_EXPECTATIONS, description=f"{each.table}: {each.text}") for each in EXPECTED
    ],
    required_resource_keys={"warehouse"},
)
def expectations_hold(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """A check an expectation, all of them in one step: a step takes longer than to look at its row."""
    warehouse: Warehouse = context.resources.warehouse
    found = {row["expectation"]: row for row in warehouse.read_or_empty(EXPECTATIONS).iter_rows(named=True)}
    for each in EXPECTED:
        row, metadata = found.get(each.name), dict[str, dg.MetadataValue]()
        if row is not None and not row["passed"]:
            metadata["failing"] = dg.MetadataValue.int(row["failing"])
            metadata["first"] = dg.MetadataValue.json(json.loads(row["examples"]))
        yield dg.AssetCheckResult(
            passed=not metadata,
            asset_key=_EXPECTATIONS,
            check_name=each.name,
            severity=dg.AssetCheckSeverity.WARN,
            metadata=metadata,
        )
