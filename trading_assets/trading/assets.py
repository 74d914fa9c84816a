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
from trading_assets.market_data.tables import BARS
from trading_assets.models.splits import spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol
from trading_assets.robustness.verdict.current import VerdictMissingError, current_verdict
from trading_assets.strategies.assets import inputs_of
from trading_assets.strategies.evaluation.failure import require_ok, require_scores, require_unlocked, strategy_of
from trading_assets.strategies.evaluation.on_record import put_further_exposure_on_record
from trading_assets.strategies.evaluation.plan import plan_of
from trading_assets.strategies.evaluation.written_inputs import assert_inputs_as_written
from trading_assets.strategies.interface.resolved import ResolvedStrategy, configured_strategy
from trading_assets.trading.audit_trail.tables import AUDIT_TRAIL
from trading_assets.trading.audit_trail.trail import enter
from trading_assets.trading.broker_books import books_on_record
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.differences_on_record import differences_of, not_accepted, put_differences_on_record
from trading_assets.trading.halt import is_halted
from trading_assets.trading.opening import Opening, gone_from, open_accounts, openings_on, state_of, universe_of
from trading_assets.trading.order_sheet import order_sheet, write_csv
from trading_assets.trading.published import STAGE, asset_of, extended, made_otherwise, put_on_record, read_published
from trading_assets.trading.settlement import Settling, block_of_entries, settle
from trading_assets.trading.submission import submit_until_answered
from trading_assets.trading.tables import (
    ACCOUNTS,
    DIFFERENCES,
    ENGINE_FILLS,
    EQUITY,
    FILLS,
    ORDER_SHEETS,
    PENDING_ORDERS,
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


class PlanChangedError(Exception):
    """What is registered is not what an account was opened for; `str()` says what to do."""


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
                tables=(FILLS, SUBMISSIONS, RECONCILIATIONS, DIFFERENCES, AUDIT_TRAIL),
                deps=[asset_of(name), "market_data/bars"],
            )
        )
        found.append(
            table_asset(
                orders,
                stage=STAGE,
                name=orders.__name__,
                strategy=name,
                tables=(ORDER_SHEETS, SUBMISSIONS, AUDIT_TRAIL),
                deps=[asset_of(name), "market_data/bars", f"{STAGE}/{fills.__name__}/{name}"],
            )
        )
    return found


def account(step: Step) -> Mapping[str, Any]:
    """The running account: each session after the last one is decided, filled and published; none is made anew."""
    from trading_assets.robustness.prepared_market import read_market

    name, configuration = strategy_of(step), step.configuration
    openings = _openings(step)
    if not openings:
        return {"account": "none is open"}
    _assert_same_plan(step, openings[-1])
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

    name, opening = strategy_of(step), openings[-1]
    before = read_published(step, name)
    _assert_same_universe(frames.strategy, opening)
    last = prepared.axes.sessions[-1]
    if opening.session <= last:
        seen = Interval(start=opening.session, end=last)
        put_further_exposure_on_record(step, STAGE, seen, frames.strategy.symbols, frames.bars_in_parts)
    saved = before.saved(opening.account)
    found = continue_account(opening, prepared, saved, before.of(EQUITY, opening.account))
    tables, otherwise = {**before.rows, SAVED_STATES: before.states}, DIFFERENCES.empty()
    if found.rows and found.saved is not None:
        tables |= extended(opening, before, found.rows, found.saved)
        otherwise = made_otherwise(opening, before, tables)
    own, accounts = Rows("strategy", name), accounts_of(openings, tables[EQUITY])
    for table, rows in {**tables, ACCOUNTS: accounts}.items():
        checked(table, rows, own)  # what cannot be written is not put on record
    differences = _with_new(step, opening, pl.concat([found.differences, otherwise]))
    if found.rows and found.saved is not None:
        put_on_record(step, opening, before, tables, found.saved.sessions[-1])
    step.work.replace(own, {**tables, ACCOUNTS: accounts, DIFFERENCES: differences})
    sessions = next(iter(found.rows.values())).height if found.rows else 0
    return {"account": opening.account, "label": opening.label, "sessions added": sessions, "last": accounts.tail(1)}


def fills(step: Step) -> Mapping[str, Any]:
    """What the simulated broker made of each session, held to what the engine booked: every difference by name."""
    name, configuration = strategy_of(step), step.configuration
    openings = _openings(step)
    if not openings:
        return {"account": "none is open"}
    opening, own = openings[-1], Rows("strategy", name)
    published = read_published(step, name)
    earlier = step.work.read_or_empty(RECONCILIATIONS, rows=own)
    done, found = settle(
        step.work.aside(),
        _broker_of(configuration, opening),
        Settling(
            configuration=configuration.name,
            risk=configuration.risk,
            opening=opening,
            sessions=published.of(EQUITY, opening.account).sort("session")["session"].to_list(),
            pending=published.of(PENDING_ORDERS, opening.account),
            sheets=step.work.aside().read_or_empty(ORDER_SHEETS, rows=own).filter(account=opening.account),
            engine_fills=published.of(ENGINE_FILLS, opening.account),
            splits=_splits(step, opening),
            verdict_stands=_verdict_stands(step, name),
            differs=_is_differing(step, name),
        ),
        next(iter(earlier.filter(account=opening.account)["session"].sort(descending=True)), None),
        is_halted=lambda: is_halted(configuration),
        now=step.now,
    )
    differences = _with_new(step, opening, found)
    reconciled = pl.concat([earlier, done]).sort(RECONCILIATIONS.key)
    step.work.replace(own, {RECONCILIATIONS: reconciled, DIFFERENCES: differences})
    enter(step.work.aside(), configuration, name, step.now)
    return {"account": opening.account, "sessions settled": done.height, "differences": found.height}


def orders(step: Step) -> Mapping[str, Any]:
    """What the running account orders for the next open, what stands against it, and what of it was sent."""
    name, configuration = strategy_of(step), step.configuration
    openings = _openings(step)
    if not openings:
        return {"account": "none is open"}
    opening, own = openings[-1], Rows("strategy", name)
    _assert_same_plan(step, opening)
    published = read_published(step, name)
    sessions = published.of(EQUITY, opening.account).sort("session")["session"].to_list()
    if not sessions:
        return {"account": opening.account, "label": opening.label, "orders": 0}
    last, aside = sessions[-1], step.work.aside()
    engine_fills, splits = published.of(ENGINE_FILLS, opening.account), _splits(step, opening)
    books, _ = books_on_record(aside, name, opening.account, sessions, splits, engine_fills)
    sheet = order_sheet(
        configuration.name,
        published.of(PENDING_ORDERS, opening.account).filter(session=last),
        configuration.risk,
        held=books.held,
        entries_blocked_by=block_of_entries(
            verdict_stands=_verdict_stands(step, name), differs=_is_differing(step, name)
        ),
    )
    enter(aside, configuration, name, step.now, sheet)  # before any of it is sent
    sent = submit_until_answered(
        aside,
        _broker_of(configuration, opening),
        sheet,
        is_halted=lambda: is_halted(configuration),
        over=last,
        now=step.now,
    )
    earlier = step.work.read_or_empty(ORDER_SHEETS, rows=own)
    earlier = earlier.filter((pl.col("account") != opening.account) | (pl.col("session") != last))
    step.work.replace(own, {ORDER_SHEETS: pl.concat([earlier, sheet]).sort(ORDER_SHEETS.key)})
    enter(aside, configuration, name, step.now)
    write_csv(sheet, configuration.home / "orders" / f"{opening.account}-{last!s}.csv")
    blocked = sheet.filter(status="blocked").select("symbol", "side", "quantity", "blocked_by")
    said = {"sent": len(sent.answered), "held back": len(sent.held_back), "unanswered": len(sent.unanswered)}
    return {"account": opening.account, "label": opening.label, "orders": sheet.height, **said, "blocked": blocked}


def _openings(step: Step) -> list[Opening]:
    """The accounts of the strategy of a step, oldest first."""
    return openings_on(Protocol.of(step.configuration).read(), step.configuration.name, strategy_of(step))


def _broker_of(configuration: Configuration, opening: Opening) -> SimulatedBroker:
    return SimulatedBroker(configuration.home / "brokers" / f"{opening.account}.db")


def _splits(step: Step, opening: Opening) -> pl.DataFrame:
    """Splits since the opening of an account: symbol, session, split_ratio."""
    columns, where = ["symbol", "session", "split_ratio"], "split_ratio <> 1 AND session > ?"
    return step.work.read(BARS, columns=columns, where=where, parameters=[opening.session])


def _with_new(step: Step, opening: Opening, found: pl.DataFrame) -> pl.DataFrame:
    """All differences of a strategy with those that are found now, which go on record, and who has accepted them."""
    step.work.read_or_empty(DIFFERENCES, rows=Rows("strategy", opening.strategy))  # another run may be adding to them
    protocol = Protocol.of(step.configuration)
    new = put_differences_on_record(protocol, opening.strategy, found, step.now)
    for row in found.filter(pl.col("difference_id").is_in(new)).iter_rows(named=True):
        of_what = row["kind"] if row["symbol"] is None else f"{row['kind']} of {row['symbol']}"
        step.log.warning(f"{opening.account} {row['session']}: {of_what}: {row['detail']}")
    return differences_of(step.configuration, opening.strategy)


def _is_differing(step: Step, strategy: str) -> bool:
    """Whether a difference stands that nobody has accepted, by what is on record, whatever the table says."""
    return not not_accepted(differences_of(step.configuration, strategy)).is_empty()


def _verdict_stands(step: Step, strategy: str) -> bool:
    """Whether there is a verdict of what is registered now."""
    try:
        return current_verdict(step.work.aside(), step.configuration, strategy).refused is None
    except VerdictMissingError:
        return False


def accounts_of(openings: list[Opening], equity: pl.DataFrame) -> pl.DataFrame:
    """Return rows of `trading.accounts`.

    Parameters
    ----------
    openings
        Accounts of a strategy, oldest first.
    equity
        Rows of `trading.equity` of all of them.
    """
    rows = []
    for opening in openings:
        own = equity.filter(account=opening.account).sort("session")
        rows.append(
            {
                "strategy": opening.strategy,
                "account": opening.account,
                "label": opening.label,
                "broker": "simulated",
                "opened_on": opening.session,
                "recorded_at": opening.recorded_at,
                "capital": opening.capital,
                "state": state_of(opening, openings),
                "verdict": opening.verdict,
                "plan_hash": opening.plan_hash,
                "last_session": own["session"].max(),
                "equity": own["equity"].tail(1).to_list()[0] if own.height else None,
            }
        )
    return ACCOUNTS.conform(pl.DataFrame(rows, schema=ACCOUNTS.empty().schema)).sort(ACCOUNTS.key)


def _assert_same_plan(step: Step, opening: Opening) -> None:
    """Stop if the strategy is not registered any more, or as something else than when its account was opened."""
    configuration, name = step.configuration, opening.strategy
    spans = spans_of(step.work.read(SPLITS))
    strategy = configured_strategy(configuration, name)
    if name in configuration.registration and plan_of(configuration, strategy, spans).hash == opening.plan_hash:
        return
    raise PlanChangedError(
        f"what is registered of {name} is not what {opening.account} was opened for\n"
        f"  expected: plan {opening.plan_hash[:16]}\n"
        f"  what to do: go back to it, or open another account: trading-assets account open {name}"
    )


def _assert_same_universe(strategy: ResolvedStrategy, opening: Opening) -> None:
    """Stop if a symbol is gone, or comes from elsewhere, since an account was opened; a universe may grow."""
    gone = gone_from(opening.universe, universe_of(strategy))
    if gone:
        raise PlanChangedError(
            f"{', '.join(gone)}: not traded by {opening.strategy} any more as when {opening.account} was opened\n"
            "  expected: the symbols of then, each of the same source, calendar and asset class\n"
            f"  what to do: go back to them, or open another account: trading-assets account open {opening.strategy}"
        )
