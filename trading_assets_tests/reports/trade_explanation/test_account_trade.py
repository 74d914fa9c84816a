"""A trade of an account is told from the trail: each step of its way has its line."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.market_data import calendars
from trading_assets.reports.trade_explanation.account_trade import account_narrative, read_account_trade
from trading_assets.trading.account import continue_account
from trading_assets.trading.audit_trail.trail import enter
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.settlement import Settling, settle
from trading_assets.trading.tables import ENGINE_FILLS, EQUITY, HOLDINGS, ORDER_SHEETS, PENDING_ORDERS
from trading_assets.warehouse import Rows, Warehouse
from trading_assets_tests.backtests.frames import weekdays
from trading_assets_tests.trading.audit_trail.events_of_a_week import NOW, place
from trading_assets_tests.trading.breakout_account import BARS, DAYS, OPENING, prepared_until

LAST = DAYS[130]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Configuration]:
    """An account of fifty sessions with its trail; not to be changed."""
    folder = tmp_path_factory.mktemp("account")
    warehouse, configuration = place(folder)
    days = calendars.sessions("XNYS", weekdays(1)[0], LAST)
    bars = BARS.filter(pl.col("session").is_in(days.implode()))
    rows = continue_account(OPENING, prepared_until(configuration, LAST, bars), None, EQUITY.empty()).rows
    warehouse.replace(Rows("strategy", "breakout"), rows)
    settling = Settling(
        configuration=configuration.name,
        risk=configuration.risk,
        opening=OPENING,
        sessions=rows[EQUITY]["session"].to_list(),
        pending=rows[PENDING_ORDERS],
        sheets=ORDER_SHEETS.empty(),
        engine_fills=rows[ENGINE_FILLS],
        splits=BARS.select("symbol", "session", "split_ratio").clear(),
        verdict_stands=True,
        differs=False,
    )
    broker = SimulatedBroker(folder / "b.db")
    settle(warehouse, broker, settling, None, is_halted=lambda: False, now=NOW)
    enter(warehouse, configuration, "breakout", NOW)
    return warehouse, configuration


@pytest.mark.slow
def test_a_trade_that_was_left_is_told_from_its_decision_to_its_exit(account: tuple[Warehouse, Configuration]) -> None:
    warehouse, _ = account
    held = warehouse.read(HOLDINGS).sort("session")
    ended = held.group_by("trade_id").agg(pl.col("session").max(), pl.col("entry_session").first())
    trade_id, left, entered = ended.filter(pl.col("session") < LAST).sort("session", "trade_id").row(0)
    trade = read_account_trade(warehouse, trade_id)
    assert trade is not None
    told = {section.title: "\n".join(section.lines) for section in account_narrative(trade)}
    assert list(told)[:4] == [trade_id, "Decision", "Sent", "Fills"]
    symbol = trade.holdings[0]["symbol"]
    fills = warehouse.read(ENGINE_FILLS).filter(symbol=symbol).sort("session")
    bought, sold = (
        fills.filter(session=entered).row(0, named=True),
        fills.filter(pl.col("session") > left, side="sell").row(0, named=True),
    )
    assert f"{entered}: the engine booked {bought['quantity']:g} at" in told["Fills"]
    assert f"{entered}: the broker filled {bought['quantity']:g} at" in told["Fills"]
    assert f"{sold['session']}: the broker filled {sold['quantity']:g} at" in told["Exit"]
    assert "UTC: accepted" in told["Sent"]
    assert f"left on {sold['session']}" in told[trade_id]
    stops = held.filter(trade_id=trade_id)["stop_price"].drop_nulls().n_unique()
    assert len(told["While it was held"].splitlines()) >= stops > 0


def test_an_id_that_no_account_has_is_none(tmp_path: Path) -> None:
    assert read_account_trade(Warehouse(tmp_path / "w.duckdb"), "breakout-1-AAA-20170801") is None
