"""The asset `trading/divergence/<strategy>`: what the broker made of an account beside what was promised of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from trading_assets import charts
from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.market_data.tables import BARS
from trading_assets.protocol import Protocol
from trading_assets.strategies.evaluation.failure import strategy_of
from trading_assets.trading.broker_books import pairs_on_record
from trading_assets.trading.differences_on_record import differences_of, put_differences_on_record
from trading_assets.trading.divergence.alarms_on_record import (
    alarms_on_record,
    put_alarms_on_record,
    with_recorded_alarms,
)
from trading_assets.trading.divergence.promise import read_promise
from trading_assets.trading.divergence.session_statistics import statistics_of
from trading_assets.trading.divergence.slippage import slippage_of_fills
from trading_assets.trading.divergence.slippage_on_record import changed_slippage, put_slippage_on_record
from trading_assets.trading.divergence.tables import DIVERGENCE, SLIPPAGE, STATISTICS
from trading_assets.trading.divergence.tracking import live_curve
from trading_assets.trading.of_account import splits_since
from trading_assets.trading.opening import Opening, openings_on
from trading_assets.trading.published import STAGE, Published, asset_of, read_published
from trading_assets.trading.rollout.sending import AccountStage
from trading_assets.trading.rollout.withheld import Parting, parted
from trading_assets.trading.submission import units_sent
from trading_assets.trading.tables import DIFFERENCES, ENGINE_FILLS, EQUITY, FILLS, PENDING_ORDERS, RECONCILIATIONS
from trading_assets.warehouse import Rows

_OF_BARS = ("symbol", "session", "close", "split_ratio", "cash_dividend")


def divergence_asset(strategy: str) -> dg.AssetsDefinition:
    """Return the asset of a strategy with an open account."""
    return table_asset(
        divergence,
        stage=STAGE,
        name=divergence.__name__,
        strategy=strategy,
        tables=(DIVERGENCE, SLIPPAGE, DIFFERENCES),
        deps=[asset_of(strategy), f"{STAGE}/fills/{strategy}", "market_data/bars", f"robustness/holdout/{strategy}"],
        kinds=("numpy", "duckdb"),
    )


def divergence(step: Step) -> Mapping[str, Any]:
    """Live against promise: slippage paid and modelled, the broker's books beside the account, and what is in alarm."""
    name, configuration = strategy_of(step), step.configuration
    protocol = Protocol.of(configuration)
    openings = openings_on(protocol.read(), configuration.name, name)
    if not openings:
        return {"account": "none is open"}
    opening, own = openings[-1], Rows("strategy", name)
    published = read_published(step, name)
    found, slippage = _of_account(step, opening, published)
    judged = found["session"].max()
    if isinstance(judged, dt.date):
        changed = changed_slippage(protocol.read(), configuration.name, opening, slippage, judged)
        if put_differences_on_record(protocol, name, changed, step.now):
            step.log.warning(f"{opening.account}: {changed['detail'].item()}")
        put_slippage_on_record(protocol, opening, slippage, judged, step.now)
    raised = put_alarms_on_record(protocol, name, found, step.now)
    for row in raised.iter_rows(named=True):
        said = f"{row['statistic']} is {row['value']:.4g}, its level {row['level']:g}: {STATISTICS[row['statistic']]}"
        step.log.warning(f"{opening.account} {row['session']}: {said}")
    found = with_recorded_alarms(found, alarms_on_record(protocol.read(), configuration.name, name))
    written = {DIVERGENCE: found, SLIPPAGE: slippage}
    for table, rows in written.items():
        earlier = step.work.read_or_empty(table, rows=own).filter(pl.col("account") != opening.account)
        written[table] = pl.concat([earlier, rows]).sort(table.key)
    step.work.read_or_empty(DIFFERENCES, rows=own)  # another run may be adding to them
    step.work.replace(own, {**written, DIFFERENCES: differences_of(configuration, name)})
    money = found.filter(pl.col("level").is_not_null()).filter(pl.col("session") == pl.col("session").max())
    return {
        "account": opening.account,
        "label": opening.label,
        "fills": slippage.height,
        "in_alarm": ", ".join(money.filter("alarm")["statistic"]) or "none",
        "statistics": money.select("statistic", "value", "level", "alarm", "observations"),
        "chart": dg.MetadataValue.md(charts.markdown(charts.divergence_money(found.filter(account=opening.account)))),
    }


def _of_account(step: Step, opening: Opening, published: Published) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of both tables, of the sessions that were held to what the broker made of them."""
    name, own = opening.strategy, Rows("strategy", opening.strategy)
    equity = published.of(EQUITY, opening.account).sort("session")
    engine = published.of(ENGINE_FILLS, opening.account)
    settled = step.work.read_or_empty(RECONCILIATIONS, rows=own).filter(account=opening.account)["session"].max()
    equity = equity.filter(pl.col("session") <= settled) if settled is not None else equity.head(1)
    told = step.work.read_or_empty(FILLS, rows=own).filter(account=opening.account)
    told = told.join(pairs_on_record(step.work.aside(), name, opening.account), on="client_order_id", how="left")
    traded = sorted({*engine["symbol"], *told["symbol"]})
    where, parameters = "session >= ? AND list_contains(?, symbol)", [opening.session, traded]
    bars = step.work.read(BARS, columns=list(_OF_BARS), where=where, parameters=parameters)
    pending, sent = published.of(PENDING_ORDERS, opening.account), units_sent(step.work.aside(), opening)
    stages = AccountStage(step.configuration, opening, step.now).on_record()
    parting, splits = Parting(step.configuration.name, opening, pending, sent), splits_since(step, opening)
    of_sent, _ = parted(parting, equity["session"].to_list(), stages, splits, engine)
    curve = live_curve(equity, opening.capital, told, of_sent, bars)
    slippage = slippage_of_fills(step.configuration.name, opening, told, engine)
    return statistics_of(opening, curve, slippage, read_promise(step), equity), slippage
