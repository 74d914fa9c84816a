"""An account that is left: by the engine, in slices, the most urgent first, until nothing is held."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.running_backtest import RunningBacktest
from trading_assets.trading.account import Continued, continue_account
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.closing.plan import left_from, plans_at
from trading_assets.trading.closing.record import Closing
from trading_assets.trading.closing.tables import CLOSING_PLANS
from trading_assets.trading.order_sheet import order_sheet
from trading_assets.trading.settlement import Settling, settle
from trading_assets.trading.tables import (
    ENGINE_FILLS,
    EQUITY,
    HOLDINGS,
    ORDER_SHEETS,
    PENDING_ORDERS,
    PUBLISHED,
)
from trading_assets.warehouse import Warehouse
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.backtests.test_target_strategies import prepare_strategy as prepare_targets
from trading_assets_tests.trading.breakout_account import BARS, END, OPENING
from trading_assets_tests.trading.closing.slices import NOW, closing_of_market, left_by, sessions_of, thin_market


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> PreparedBacktest:
    return thin_market(tmp_path_factory.mktemp("small"))


def until(market: PreparedBacktest, last: dt.date) -> PreparedBacktest:
    """The same market as it is known at a close."""
    count = market.axes.sessions.index(last) + 1
    return replace(market, axes=replace(market.axes, sessions=market.axes.sessions[:count]))


@pytest.fixture(scope="module")
def closing(market: PreparedBacktest) -> Closing:
    return closing_of_market(market)


@pytest.fixture(scope="module")
def left(market: PreparedBacktest, closing: Closing) -> Continued:
    return left_by(market, closing)


def test_it_ends_at_the_first_close_at_which_nothing_is_held(left: Continued, closing: Closing) -> None:
    equity, fills, holdings = left.rows[EQUITY], left.rows[ENGINE_FILLS], left.rows[HOLDINGS]
    last = equity["session"].to_list()[-1]
    after = equity.filter(pl.col("session") > closing.acts_from)
    assert after["positions"].to_list()[-1] == 0
    assert after["positions"].to_list()[:-1] and min(after["positions"].to_list()[:-1]) > 0
    sold = fills.filter(pl.col("session") > closing.acts_from)
    assert {*sold["side"]} == {"sell"}
    assert "closing" in {*sold["reason"]}
    assert max(sold.group_by("symbol").len()["len"].to_list()) > 1, "in slices"
    held = holdings.filter(session=closing.acts_from).group_by("symbol").agg(pl.col("quantity").sum())
    assert dict(held.iter_rows()) == dict(sold.group_by("symbol").agg(pl.col("quantity").sum()).iter_rows())
    assert left.rows[PENDING_ORDERS].filter(session=last).is_empty()
    assert left.rows[PENDING_ORDERS].filter(pl.col("session") >= closing.acts_from, "entry").is_empty()


def test_what_was_published_before_is_what_it_was(market: PreparedBacktest, left: Continued, closing: Closing) -> None:
    """Up to the close at which the closing acts every row is that of an account that nobody closes, to the bit."""
    open_one = continue_account(OPENING, market, None, EQUITY.empty()).rows
    for table in (EQUITY, HOLDINGS, ENGINE_FILLS):
        before = pl.col("session") <= closing.acts_from
        columns = [name for name in table.columns if name != "replay_equity"]
        ours, theirs = (rows[table].filter(before).select(columns) for rows in (left.rows, open_one))
        assert ours.height and ours.equals(theirs), table.name
    before = pl.col("session") < closing.acts_from
    assert left.rows[PENDING_ORDERS].filter(before).equals(open_one[PENDING_ORDERS].filter(before))


def test_evening_by_evening_it_leaves_what_it_leaves_in_one_go(
    market: PreparedBacktest, left: Continued, closing: Closing
) -> None:
    """Nobody knows of the closing before its session; a replay on each evening finds no difference."""
    days = sessions_of(market)
    cut = days.index(closing.acts_from)
    found = continue_account(OPENING, until(market, days[cut - 1]), None, EQUITY.empty())
    parts = [found.rows]
    for day in days[cut : cut + 12]:
        published = pl.concat(rows[EQUITY] for rows in parts)
        found = continue_account(OPENING, until(market, day), found.saved, published, closing)
        assert found.differences.is_empty()
        if found.rows:
            parts.append(found.rows)
    for table in PUBLISHED:
        columns = [name for name in table.columns if name != "replay_equity"]
        ours, theirs = pl.concat(rows[table] for rows in parts), left.rows[table]
        last = ours["session"].max()
        theirs = theirs.filter(pl.col("session") <= last)
        assert ours.select(columns).sort(table.key).equals(theirs.select(columns).sort(table.key)), table.name
    again = continue_account(OPENING, market, left.saved, left.rows[EQUITY], closing)
    assert (again.rows, again.differences.height) == ({}, 0), "nothing is added to a closed account"


def test_the_plan_has_the_deepest_fall_first_and_a_limit(left: Continued, closing: Closing) -> None:
    plan = left.rows[CLOSING_PLANS].filter(session=closing.acts_from).sort("urgency")
    held = left.rows[HOLDINGS].filter(session=closing.acts_from).sort("symbol")
    assert sorted(plan["symbol"]) == held["symbol"].to_list()
    assert plan["urgency"].to_list() == list(range(1, plan.height + 1))
    assert plan["drawdown"].to_list() == sorted(plan["drawdown"])
    marks = dict(held.select("symbol", "mark").iter_rows())
    for symbol, side, limit in plan.select("symbol", "side", "limit").iter_rows():
        assert (side, limit) == ("sell", pytest.approx(0.95 * marks[symbol]))
    assert left.rows[CLOSING_PLANS]["session"].min() == closing.acts_from


def test_the_sheet_says_urgency_and_limit_of_each_slice(
    market: PreparedBacktest, left: Continued, closing: Closing, tmp_path: Path
) -> None:
    pending, plan = (left.rows[table].filter(session=closing.acts_from) for table in (PENDING_ORDERS, CLOSING_PLANS))
    sheet = order_sheet("small", pending, loaded(tmp_path).risk, plan=plan).filter(reason="closing")
    assert sheet.height == pending.filter(reason="closing").height > 0
    both = sheet.join(plan, on="symbol", suffix="_planned")
    assert both["urgency"].to_list() == both["urgency_planned"].to_list()
    assert both["limit"].to_list() == both["limit_planned"].to_list()
    assert {*sheet["type"]} == {"limit_on_open"}
    assert {*sheet["status"]} == {"ready"}


@pytest.mark.slow
def test_a_clean_broker_sells_what_the_engine_sells(left: Continued, tmp_path: Path) -> None:
    """Slices, limits and order: no difference on the whole way to nothing."""
    rows = left.rows
    account = Settling(
        configuration="small",
        risk=loaded(tmp_path).risk,
        opening=OPENING,
        sessions=rows[EQUITY]["session"].to_list(),
        pending=rows[PENDING_ORDERS],
        sheets=ORDER_SHEETS.empty(),
        engine_fills=rows[ENGINE_FILLS],
        splits=BARS.select("symbol", "session", "split_ratio").clear(),
        verdict_stands=True,
        differs=False,
        plans=rows[CLOSING_PLANS],
    )
    broker = SimulatedBroker(tmp_path / "b.db")
    _, found = settle(Warehouse(tmp_path / "w.duckdb"), broker, account, None, is_halted=lambda: False, now=NOW)
    assert found.is_empty()
    held: dict[str, float] = {}
    for fill in broker.fills():
        units = fill.quantity if fill.side == "buy" else -fill.quantity
        held[fill.symbol] = held.get(fill.symbol, 0.0) + units
    assert {*held.values()} == {0.0}


def test_target_weights_are_left_legs_and_all() -> None:
    """An ensemble from its sixtieth session on: everything is sold by the closing, and no row enters again."""
    prepared = prepare_targets("ensemble")
    days = prepared.axes.sessions[-60:]
    leaving = left_from(prepared, days[30])
    running = RunningBacktest(leaving, days[0], split="1")
    running.advance(days[30])
    planned = plans_at(leaving, running.result().names, [(days[30], running.simulation())])
    assert planned.height == running.simulation().positions_at_end.size > 0
    running.advance(days[-1])
    found = running.simulation()
    assert found.positions_at_end.size == found.orders_at_end.size == 0
    fills = running.result().fills
    entered = fills.filter(pl.col("session") > days[31], side="buy")
    assert entered.is_empty()
    assert "closing" in {*fills["reason"]}


def test_a_session_that_is_not_there_yet_leaves_the_run_as_it_is(market: PreparedBacktest) -> None:
    after = END + dt.timedelta(days=30)
    assert left_from(market, after).run_parameters["closing"] == len(market.axes.sessions) + 1
    one, other = (continue_account(OPENING, each, None, EQUITY.empty()) for each in (market, left_from(market, after)))
    assert np.array_equal(one.rows[EQUITY]["equity"], other.rows[EQUITY]["equity"])
