"""Checks of the stage: the parts of a return are the return, to the millionth."""

import dagster as dg

from trading_assets.analytics.attribution import residuals
from trading_assets.analytics.tables import ATTRIBUTION, STAGE
from trading_assets.backtests.tables import DEVELOPMENT, EQUITY, FULL
from trading_assets.config import Configuration
from trading_assets.strategies.tables import FAILED, STATUS
from trading_assets.warehouse import Rows


def build_checks(configuration: Configuration) -> list[dg.AssetChecksDefinition]:
    """`adds_up` for each strategy."""
    return [_adds_up(name) for name in configuration.strategies]


def _adds_up(strategy: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=[STAGE, strategy],
        name="adds_up",
        blocking=True,
        description="The parts of each session are its change of equity and the interest on cash, with nothing left.",
        required_resource_keys={"configuration", "warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        own, start = Rows("strategy", strategy), context.resources.configuration.risk.starting_equity
        with context.resources.warehouse.held_open() as held:
            rows, equity = (held.read_or_empty(table, rows=own) for table in (ATTRIBUTION, EQUITY))
            status = held.read_or_empty(STATUS, rows=Rows("asset", f"{STAGE}/{strategy}"))
        if FAILED in status["status"] and rows.is_empty():  # the step says so itself
            return dg.AssetCheckResult(passed=True, metadata={"left over": "the step failed: there are no parts"})
        splits = equity["split"]
        longest = equity.filter(split=FULL if FULL in splits else DEVELOPMENT)
        found = residuals(rows, longest, starting_equity=start)
        said = [f"{row['session']}: {row['residual']} millionths" for row in found.head(10).iter_rows(named=True)]
        return dg.AssetCheckResult(passed=found.is_empty(), metadata={"left over": "\n".join(said) or "nothing"})

    return check
