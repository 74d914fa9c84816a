"""Checks of the market_data stage: bars that would be wrong stop the run, bars that are missing are shown."""

from collections import Counter

import dagster as dg
import polars as pl

from trading_assets.config import Configuration
from trading_assets.market_data.quality import FUTURE_BAR, faults, missing_sessions
from trading_assets.market_data.tables import BARS, CORPORATE_ACTIONS, INSTRUMENTS, QUARANTINE, SESSIONS
from trading_assets.warehouse import Warehouse
from trading_assets.warehouse.by_symbol import read_by_symbol

_BARS = dg.AssetKey(["market_data", "bars"])
_INCOMPLETE = "market_data.incomplete_sessions"
#: Shares above which a person should look.
MOST_QUARANTINED = 0.01
MOST_MISSING = 0.01


def build_checks(configuration: Configuration) -> list[dg.AssetChecksDefinition]:
    """`usable_bars`, which is blocking, and those that show what a person should look at."""
    warehouse = Warehouse(configuration.warehouse_path)

    @dg.asset_check(asset=_BARS, blocking=True, description="Every bar in use is sound and on its calendar.")
    def usable_bars() -> dg.AssetCheckResult:
        instruments, sessions = warehouse.read(INSTRUMENTS), warehouse.read(SESSIONS)
        found, usable = Counter[str](), 0
        for bars in read_by_symbol(warehouse, BARS):
            own = instruments.filter(pl.col("symbol").is_in(bars["symbol"].unique().implode()))
            found.update(faults(bars, own, sessions))
            usable += bars.height
        passed = not any(found.values())
        unusable = {} if usable else nothing_usable(warehouse.read(QUARANTINE, columns=["reasons"]))
        return dg.AssetCheckResult(passed=passed and not unusable, metadata={**found, **unusable})

    @dg.asset_check(
        asset=_BARS, description=f"At most {MOST_QUARANTINED:.0%} of the bars up to the as-of date are faulty."
    )
    def quarantined_share() -> dg.AssetCheckResult:
        bad = warehouse.read(QUARANTINE, where=f"NOT list_contains(reasons, '{FUTURE_BAR.name}')").height
        good = warehouse.query(f"SELECT count(*) AS bars FROM {BARS.name}", reads=[BARS.name]).item()
        share = bad / max(bad + good, 1)
        return dg.AssetCheckResult(
            passed=share <= MOST_QUARANTINED,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"share": share, "bars": bad},
        )

    @dg.asset_check(
        asset=_BARS,
        name="missing_sessions",
        description=f"No symbol lacks more than {MOST_MISSING:.0%} of its sessions.",
    )
    def missing() -> dg.AssetCheckResult:
        bars = read_by_symbol(warehouse, BARS, columns=["symbol", "session"])
        by_symbol = missing_sessions(bars, warehouse.read(INSTRUMENTS), warehouse.read(SESSIONS))
        worst = by_symbol.filter(by_symbol["missing"] > MOST_MISSING * by_symbol["expected"])
        shown = "\n".join(f"- {symbol}: {missing} of {expected}" for symbol, expected, missing in worst.head(20).rows())
        return dg.AssetCheckResult(
            passed=worst.is_empty(),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "symbols": worst.height,
                "missing": int(by_symbol["missing"].sum()),
                "most": dg.MetadataValue.md(shown),
            },
        )

    quality = configuration.quality

    @dg.asset_check(
        asset=dg.AssetKey(_INCOMPLETE.split(".")),
        description="There is no session on which most live symbols have no bar.",
    )
    def holes_in_the_delivery() -> dg.AssetCheckResult:
        found = warehouse.query(
            f"FROM {_INCOMPLETE} WHERE symbols >= {quality.fewest_symbols} "
            f"AND missing > {quality.most_symbols} * symbols ORDER BY ALL",
            reads=[_INCOMPLETE],
        )
        worst = found.head(20).rows()
        shown = "\n".join(f"- {day} ({calendar}): {missing} of {symbols}" for calendar, day, symbols, missing in worst)
        return dg.AssetCheckResult(
            passed=found.is_empty(),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"sessions": found.height, "first": dg.MetadataValue.md(shown)},
        )

    @dg.asset_check(asset=_BARS, description="Actions on record come to what the source's adjusted close says.")
    def recorded_actions_agree() -> dg.AssetCheckResult:
        different = warehouse.read(CORPORATE_ACTIONS, where="NOT agrees")
        columns = ("symbol", "session", "recorded_split", "recorded_dividend", "inferred_split", "inferred_dividend")
        shown = "\n".join(
            f"- {symbol} on {day}: recorded {split:g} for 1 and {dividend:g}, inferred {other_split:g} and {other:g}"
            for symbol, day, split, dividend, other_split, other in different.select(columns)
            .with_columns(pl.col("recorded_split").fill_null(1.0), pl.col("recorded_dividend").fill_null(0.0))
            .head(20)
            .rows()
        )
        return dg.AssetCheckResult(
            passed=different.is_empty(),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"actions": different.height, "first": dg.MetadataValue.md(shown)},
        )

    return [usable_bars, quarantined_share, missing, holes_in_the_delivery, recorded_actions_agree]


def nothing_usable(quarantine: pl.DataFrame) -> dict[str, str]:
    """Return what the run says where every bar is quarantined; empty where none is, as then none was received.

    Parameters
    ----------
    quarantine
        reasons, of each bar.
    """
    if quarantine.is_empty():
        return {}
    reasons = quarantine["reasons"].explode().value_counts(sort=True)
    counted = ", ".join(f"{reason} ({count:,})" for reason, count in reasons.iter_rows())
    return {
        "error": f"no bar can be used: all {quarantine.height:,} are quarantined for {counted}. Are the columns what "
        "they are taken for? trading-assets config check reads the bars"
    }
