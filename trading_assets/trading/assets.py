"""The assets of the stage: the running account of a strategy, and its orders for the next session.

They are there for strategies whose account is open when the definitions are loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.config import Configuration
from trading_assets.config.sections import Interval
from trading_assets.protocol import Protocol
from trading_assets.strategies.assets import inputs_of
from trading_assets.strategies.evaluation.failure import require_ok, require_scores, require_unlocked, strategy_of
from trading_assets.strategies.evaluation.on_record import put_further_exposure_on_record
from trading_assets.strategies.evaluation.written_inputs import assert_inputs_as_written
from trading_assets.strategies.interface.resolved import configured_strategy
from trading_assets.trading.audit_trail.tables import AUDIT_TRAIL
from trading_assets.trading.brokers.tables import BROKER_BALANCES, BROKER_POSITIONS
from trading_assets.trading.closing.close import BY_VERDICT, account_state, close_account, why_revoked
from trading_assets.trading.closing.record import Closing, closing_of, is_left
from trading_assets.trading.divergence.assets import divergence_asset
from trading_assets.trading.opening import (
    Opening,
    open_accounts,
)
from trading_assets.trading.published import STAGE, asset_of, extended, made_otherwise, put_on_record, read_published
from trading_assets.trading.rollout.assets import rollout_asset
from trading_assets.trading.tables import (
    ACCOUNTS,
    DIFFERENCES,
    EQUITY,
    FILLS,
    LATENCIES,
    ORDER_SHEETS,
    PUBLISHED,
    RECONCILIATIONS,
    SAVED_STATES,
    SUBMISSIONS,
)
from trading_assets.warehouse import Rows
from trading_assets.warehouse.checking import checked

if TYPE_CHECKING:
    from trading_assets.backtests.backtest import PreparedBacktest
    from trading_assets.strategies.evaluation.inputs import Frames

from trading_assets.trading.at_broker import fills, orders
from trading_assets.trading.of_account import assert_same_plan, assert_same_universe, openings_of, with_new_differences

#: What a materialisation of an account says of the last session that it has published, for whoever waits for it.
LAST_SESSION = "last session"


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`trading/account/<strategy>` for each strategy with an open account."""
    found = []
    for name in open_accounts(configuration):
        strategy = configured_strategy(configuration, name)
        found.append(
            table_asset(
                account,
                stage=STAGE,
                name=account.__name__,
                strategy=name,
                tables=(ACCOUNTS, *PUBLISHED, SAVED_STATES, DIFFERENCES),
                deps=[*inputs_of(configuration, strategy), "models/splits", f"robustness/verdict/{name}"],
                kinds=("numba", "duckdb"),
            )
        )
        found.append(
            table_asset(
                fills,
                stage=STAGE,
                name=fills.__name__,
                strategy=name,
                tables=(
                    FILLS,
                    SUBMISSIONS,
                    RECONCILIATIONS,
                    DIFFERENCES,
                    BROKER_BALANCES,
                    BROKER_POSITIONS,
                    AUDIT_TRAIL,
                ),
                deps=[asset_of(name), "market_data/bars"],
            )
        )
        found.append(
            table_asset(
                orders,
                stage=STAGE,
                name=orders.__name__,
                strategy=name,
                tables=(ORDER_SHEETS, SUBMISSIONS, LATENCIES, AUDIT_TRAIL),
                deps=[asset_of(name), "market_data/bars", f"{STAGE}/{fills.__name__}/{name}"],
            )
        )
        found.append(divergence_asset(name))
    return [*found, rollout_asset()] if found else []


def account(step: Step) -> Mapping[str, Any]:
    """The running account: each session after the last one is decided, filled and published; none is made anew."""
    from trading_assets.robustness.prepared_market import read_market

    name, configuration = strategy_of(step), step.configuration
    openings = openings_of(step)
    if not openings:
        return {"account": "none is open"}
    assert_same_plan(step, openings[-1])
    require_ok(step, ("strategies", "backtests", "robustness/look_ahead"))
    require_unlocked(step, (name, *configured_strategy(configuration, name).members))
    require_scores(step, configured_strategy(configuration, name).model)
    assert_inputs_as_written(step)
    frames, prepared, _ = read_market(step)
    return carried_on(step, openings, frames, prepared)


def carried_on(step: Step, openings: list[Opening], frames: Frames, prepared: PreparedBacktest) -> Mapping[str, Any]:
    """Run the open account of a strategy to the end of a market, publish it, and return what there is to say of it.

    Parameters
    ----------
    step, openings
        Step of the strategy, and its accounts, oldest first.
    frames, prepared
        What the strategy reads, and the backtest prepared from it.
    """
    from trading_assets.trading.account import continue_account

    name, opening, configuration = strategy_of(step), openings[-1], step.configuration
    before = read_published(step, name)
    assert_same_universe(frames.strategy, opening)
    closing = _closing(step, opening)
    last = prepared.axes.sessions[-1]
    if closing is not None and is_left(closing, before.of(EQUITY, opening.account)):
        last = min(last, before.of(EQUITY, opening.account)["session"].to_list()[-1])  # it looks at nothing after
    if opening.session <= last:
        seen = Interval(start=opening.session, end=last)
        put_further_exposure_on_record(step, STAGE, seen, frames.strategy.symbols, frames.bars_in_parts)
    saved = before.saved(opening.account)
    found = continue_account(opening, prepared, saved, before.of(EQUITY, opening.account), closing)
    tables, otherwise = {**before.rows, SAVED_STATES: before.states}, DIFFERENCES.empty()
    if found.rows and found.saved is not None:
        tables |= extended(opening, before, found.rows, found.saved)
        otherwise = made_otherwise(opening, before, tables)
    records = Protocol.of(configuration).read()
    closings = {each.account: closing_of(records, configuration.name, each.account) for each in openings}
    own, accounts = Rows("strategy", name), accounts_of(openings, tables[EQUITY], closings | {opening.account: closing})
    now = accounts.filter(account=opening.account)
    for table, rows in {**tables, ACCOUNTS: accounts}.items():
        checked(table, rows, own)  # what cannot be written is not put on record
    differences = with_new_differences(step, opening, pl.concat([found.differences, otherwise]))
    if found.rows and found.saved is not None:
        through, ended = found.saved.sessions[-1], now["state"].item() == "closed"
        put_on_record(step, opening, before, tables, through, closing, is_left=ended)
    step.work.replace(own, {**tables, ACCOUNTS: accounts, DIFFERENCES: differences})
    sessions = next(iter(found.rows.values())).height if found.rows else 0
    said = {"account": opening.account, "label": opening.label, LAST_SESSION: str(now["last_session"].item())}
    return {**said, "sessions added": sessions, "last": now}


def _closing(step: Step, opening: Opening) -> Closing | None:
    """The closing of an account by what is on record at this moment; a revoked verdict closes it, if that is wanted."""
    configuration = step.configuration
    found = closing_of(Protocol.of(configuration).read(), configuration.name, opening.account)
    if found is not None or not configuration.accounts.close_on_revoked_verdict:
        return found
    why = why_revoked(step.work.aside(), configuration, opening)
    if why is None:
        return None
    step.log.warning(f"{opening.account} is closed: {why}")
    return close_account(configuration, opening.strategy, by=BY_VERDICT, reason=why, now=step.now)


def accounts_of(openings: list[Opening], equity: pl.DataFrame, closings: Mapping[str, Closing | None]) -> pl.DataFrame:
    """Return rows of `trading.accounts`.

    Parameters
    ----------
    openings
        Accounts of a strategy, oldest first.
    equity
        Rows of `trading.equity` of all of them.
    closings
        Closing of each account that has one, by its name.
    """
    rows = []
    for opening in openings:
        own = equity.filter(account=opening.account).sort("session")
        rows.append(
            {
                "strategy": opening.strategy,
                "account": opening.account,
                "label": opening.label,
                "broker": opening.broker,
                "opened_on": opening.session,
                "recorded_at": opening.recorded_at,
                "capital": opening.capital,
                "state": account_state(opening, openings, closings.get(opening.account), own),
                "verdict": opening.verdict,
                "plan_hash": opening.plan_hash,
                "last_session": own["session"].max(),
                "equity": own["equity"].tail(1).to_list()[0] if own.height else None,
            }
        )
    return ACCOUNTS.conform(pl.DataFrame(rows, schema=ACCOUNTS.empty().schema)).sort(ACCOUNTS.key)
