"""Checks of the stage; a broken identity of the accounts blocks what is downstream."""

import dagster as dg

from trading_assets.backtests.results.reconciliation import accounting_errors
from trading_assets.backtests.tables import EQUITY, FILLS, OPEN_POSITIONS, TRADES
from trading_assets.config import Configuration
from trading_assets.warehouse import Rows


def build_checks(configuration: Configuration) -> list[dg.AssetChecksDefinition]:
    """`accounting_identity` for each strategy."""
    return [_accounting_identity(name) for name in configuration.strategies]


def _accounting_identity(strategy: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey(["backtests", strategy]),
        name="accounting_identity",
        blocking=True,
        description="Cash and positions are equity at every close, and trades and open positions explain its change.",
        required_resource_keys={"configuration", "warehouse"},
    )
    def accounting_identity(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        rows = Rows("strategy", strategy)
        with context.resources.warehouse.held_open() as held:
            tables = [held.read(table, rows=rows) for table in (TRADES, EQUITY, OPEN_POSITIONS, FILLS)]
        errors = accounting_errors(*tables, starting_equity=context.resources.configuration.risk.starting_equity)
        broken = [f"{row['split']} {row['identity']}: {row['error']:g}" for row in errors.iter_rows(named=True)]
        return dg.AssetCheckResult(passed=not broken, metadata={"broken": "\n".join(broken) or "none"})

    return accounting_identity
