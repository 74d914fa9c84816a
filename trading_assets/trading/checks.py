"""Checks of the stage: the money of a running account adds up, and no difference stands that nobody has accepted."""

import dagster as dg
import polars as pl

from trading_assets.config import Configuration
from trading_assets.trading.differences_on_record import differences_of, not_accepted
from trading_assets.trading.divergence.alarms_on_record import standing_alarms
from trading_assets.trading.divergence.tables import STATISTICS
from trading_assets.trading.opening import open_accounts
from trading_assets.trading.order_sheet import ROLLOUT_WORD
from trading_assets.trading.tables import EQUITY, HOLDINGS, ORDER_SHEETS
from trading_assets.warehouse import Rows, Warehouse

#: Fraction of equity by which sums of floats may differ.
_ROUNDING = 1e-9


def build_checks(configuration: Configuration) -> list[dg.AssetChecksDefinition]:
    """`books_close`, `no_difference_stands`, `orders_pass` and `as_promised` for each strategy with an open account."""
    made = (_books_close, _no_difference, _orders_pass, _as_promised)
    return [check(configuration, name) for name in open_accounts(configuration) for check in made]


def unbalanced(equity: pl.DataFrame, holdings: pl.DataFrame) -> pl.DataFrame:
    """Return the sessions at which cash and holdings are not the equity: account, session, equity, found.

    Parameters
    ----------
    equity, holdings
        Rows of `trading.equity` and `trading.holdings`.
    """
    key = ["account", "session"]
    value = holdings.group_by(key).agg(value=(pl.col("quantity") * pl.col("mark")).sum())
    found = equity.join(value, on=key, how="left").with_columns(found=pl.col("cash") + pl.col("value").fill_null(0.0))
    off = (pl.col("found") - pl.col("equity")).abs() > _ROUNDING * pl.col("equity").abs().clip(1.0)
    return found.filter(off).select(*key, "equity", "found").sort(key)


def _books_close(configuration: Configuration, strategy: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["trading", "account", strategy],
        name="books_close",
        blocking=True,
        description="Cash and holdings are the equity at the close of every session.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        rows = Rows("strategy", strategy)
        found = unbalanced(warehouse.read_or_empty(EQUITY, rows=rows), warehouse.read_or_empty(HOLDINGS, rows=rows))
        said = [f"{row['account']} {row['session']}" for row in found.head(10).iter_rows(named=True)]
        return dg.AssetCheckResult(passed=found.is_empty(), metadata={"not balanced": ", ".join(said) or "none"})

    return check


def _no_difference(configuration: Configuration, strategy: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["trading", "account", strategy],
        name="no_difference_stands",
        description="Every difference to what was published is accepted, with a reason.",
    )
    def check() -> dg.AssetCheckResult:
        rows = not_accepted(differences_of(configuration, strategy))
        said = [f"{row['kind']} {row['session']}: {row['detail']}" for row in rows.head(10).iter_rows(named=True)]
        return dg.AssetCheckResult(
            passed=rows.is_empty(),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"standing": "\n".join(said) or "none"},
        )

    return check


def _orders_pass(configuration: Configuration, strategy: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["trading", "orders", strategy],
        name="orders_pass",
        description="Nothing stands against any order of the sheet; one that is blocked may not be sent.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        rows = warehouse.read_or_empty(ORDER_SHEETS, rows=Rows("strategy", strategy))
        found = rows.filter(pl.col("session") == pl.col("session").max(), pl.col("status") == "blocked")
        found = found.filter(pl.col("blocked_by") != ROLLOUT_WORD)  # as it is meant to be
        said = [f"{row['side']} {row['symbol']}: {row['blocked_by']}" for row in found.head(10).iter_rows(named=True)]
        metadata = {"blocked": "\n".join(said) or "none"}
        return dg.AssetCheckResult(passed=found.is_empty(), severity=dg.AssetCheckSeverity.WARN, metadata=metadata)

    return check


def _as_promised(configuration: Configuration, strategy: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["trading", "divergence", strategy],
        name="as_promised",
        description="No test of live against promise is in alarm, by what is on record.",
    )
    def check() -> dg.AssetCheckResult:
        rows = standing_alarms(configuration, strategy)
        said = [
            f"{row['statistic']} since {row['session']}: {STATISTICS[row['statistic']]}"
            for row in rows.iter_rows(named=True)
        ]
        metadata = {"in alarm": "\n".join(said) or "none"}
        return dg.AssetCheckResult(passed=rows.is_empty(), severity=dg.AssetCheckSeverity.WARN, metadata=metadata)

    return check
