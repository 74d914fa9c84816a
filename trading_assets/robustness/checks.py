"""What is checked about the honesty of a result."""

import dagster as dg

from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.config import Configuration
from trading_assets.protocol import LedgerTamperedError
from trading_assets.robustness.holdout.intact import verified_record
from trading_assets.robustness.performance_breakdown import HOLDINGS, ONE_BET
from trading_assets.robustness.tables import BREAKDOWN, LOOK_AHEAD, VERDICTS
from trading_assets.strategies.tables import REFUSED, STATUS
from trading_assets.warehouse import Rows, Warehouse


def build_checks(configuration: Configuration) -> list[dg.AssetChecksDefinition]:
    """Of each strategy: what looks ahead, what it holds in drawdowns, whether its holdout is registered and the ledger
    intact, and what its verdict is.
    """
    return [
        check
        for name in configuration.strategies
        for check in (
            _nothing_looks_ahead(name),
            _holdings_are_several_bets(name),
            _registered(configuration, name),
            _ledger_intact(configuration, name),
            _verdict_is_go(name),
        )
    ]


def _nothing_looks_ahead(strategy: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["robustness", "look_ahead", strategy],
        name="nothing_looks_ahead",  # not blocking: the record of the failure stops this strategy, and no other
        description="Nothing up to a past close changes when another future follows it.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        from trading_assets.robustness.look_ahead.audit import differing

        warehouse: Warehouse = context.resources.warehouse
        found = differing(warehouse.read_or_empty(LOOK_AHEAD, rows=Rows("strategy", strategy)))
        first = found.sort("session", "subject", "column").unique(["subject", "column"], keep="first").head(20)
        said = [
            f"{row['subject']}: {row['column']} of {row['symbol']} on {row['session']}, by {row['difference']}"
            for row in first.sort("subject", "column").iter_rows(named=True)
        ]
        return dg.AssetCheckResult(passed=found.is_empty(), metadata={"looking ahead": "\n".join(said) or "nothing"})

    return check


def _holdings_are_several_bets(strategy: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["robustness", "stress", strategy],
        name="holdings_are_several_bets",
        description="In deep drawdowns the mean correlation of what is held stays below 0.70.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        rows = warehouse.read_or_empty(BREAKDOWN, rows=Rows("strategy", strategy)).filter(
            split=DEVELOPMENT, topic=HOLDINGS, condition="drawdown", statistic="mean_correlation"
        )
        correlation = rows["value"].item() if rows.height else None
        return dg.AssetCheckResult(
            passed=correlation is None or correlation <= ONE_BET,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"mean correlation in drawdowns": "too few to tell" if correlation is None else correlation},
        )

    return check


def _registered(configuration: Configuration, strategy: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["robustness", "holdout", strategy],
        name="registered",
        description="The strategy is registered; the holdout of one that is not stays unseen.",
    )
    def check() -> dg.AssetCheckResult:
        passed = strategy in configuration.registration
        state = (
            "registered" if passed else f"not registered: write registration.{strategy} to have its holdout evaluated"
        )
        return dg.AssetCheckResult(passed=passed, severity=dg.AssetCheckSeverity.WARN, metadata={"state": state})

    return check


def _ledger_intact(configuration: Configuration, strategy: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["robustness", "holdout", strategy],
        name="ledger_intact",
        blocking=True,
        description="No row of the protocol, the ledger or the upgrades was touched; each result has its look.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        try:
            found = verified_record(warehouse, configuration)
        except LedgerTamperedError as error:
            return dg.AssetCheckResult(passed=False, metadata={"error": str(error)})
        return dg.AssetCheckResult(
            passed=True,
            metadata={"looks on record": found.ledger.height, "upgrades on record": found.upgrades.height},
        )

    return check


def _verdict_is_go(strategy: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["robustness", "verdict", strategy],
        name="verdict_is_go",
        description="The strategy may be traded. A strategy that may not is an honest result: this never blocks.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        with warehouse.held_open() as held:
            found = held.read(VERDICTS, rows=Rows("strategy", strategy)).filter(kind="result")
            status = held.read_or_empty(STATUS, rows=Rows("strategy", strategy))
        result = found["result"].item() if found.height else "none: the strategy failed"
        refused = not status.filter(status=REFUSED).is_empty()
        return dg.AssetCheckResult(
            passed=result == "go" and not refused,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"result": f"{result}, of an earlier registration" if refused else result},
        )

    return check
