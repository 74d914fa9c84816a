"""A simulated market opens at what the engine booked; what a real broker has told is asked once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.trading.broker_books import AT_NO_OPEN
from trading_assets.trading.brokers.port import BrokerFill
from trading_assets.trading.brokers.session_opens import PastOpens, actions_of, quotes_of, session_opens
from trading_assets.trading.brokers.simulated import Quote, SimulatedBroker
from trading_assets.trading.brokers.simulated_books import CorporateAction
from trading_assets.trading.tables import FILLS, SUBMISSIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.trading.test_order_sheet import FRIDAY, MONDAY, sheet_of, waiting
from trading_assets_tests.trading.test_reconciliation import NAME, OPENING, booked

NOW = dt.datetime(2017, 7, 10)


def never(*_: object) -> bool:
    return False


def test_a_clean_broker_quotes_each_order_what_the_engine_booked_for_it() -> None:
    """40 at 50 and 60 at 51: what comes late has 50.6 a unit; the entry of 100 that cash cut to 40 gets no more."""
    fills = pl.concat([booked(40.0, 50.0, 0.8), booked(60.0, 51.0, 1.2, order="other")])
    found = quotes_of(fills, sheet_of(waiting(), waiting("BBB")), {})
    assert found["AAA", "buy"].price == pytest.approx(50.6)
    assert found["AAA", "buy"].fee == pytest.approx(0.02)
    assert found[NAME] == Quote(50.0, 0.02, 40.0, raw=50.0)
    assert found[sheet_of(waiting("BBB"))["client_order_id"].item()].most == 0.0


def test_what_becomes_of_a_unit_at_an_open() -> None:
    """BBB is split; AAA is split and ends: 100 of it are paid out at 50 for a fee of 2."""
    ended = booked(100.0, 50.0, 2.0).with_columns(reason=pl.lit(AT_NO_OPEN))
    assert actions_of(ended, {"AAA": 2.0, "BBB": 0.5}) == {
        "AAA": CorporateAction(2.0, ending=50.0, ending_fee=0.02),
        "BBB": CorporateAction(0.5),
    }


def test_a_simulated_market_fills_what_was_sent_and_orders_are_in_units_of_its_session(tmp_path: Path) -> None:
    """100 are sent on Friday; on Monday one is two, the engine booked 200 at 25.1, and so did the broker."""
    warehouse, sheet = Warehouse(tmp_path / "w.duckdb"), sheet_of(waiting())
    opens = session_opens(warehouse, SimulatedBroker(tmp_path / "b.db"), OPENING, is_halted=never, now=NOW)
    assert len(opens.send(sheet, over=FRIDAY, is_withheld=never).answered) == 1
    opened = opens.open(MONDAY, sheet, booked(200.0, 25.1, 2.0), {"AAA": 2.0})
    assert opened.asked["quantity"].to_list() == [200.0]
    assert [(each.quantity, each.price) for each in opened.fills] == [(200.0, 25.1)]
    assert [each.status for each in opened.orders] == ["filled"]
    assert warehouse.read(FILLS)["quantity"].to_list() == [200.0]


class Counted(SimulatedBroker):
    """It tells its fills of the day once, as some do."""

    def fills(self) -> list[BrokerFill]:
        found = list(super().fills())
        self.path.unlink()
        return found


def test_a_real_broker_is_sent_nothing_and_asked_once(tmp_path: Path) -> None:
    """It has forgotten its fills when the second session comes; they are on record."""
    broker, warehouse = Counted(tmp_path / "b.db"), Warehouse(tmp_path / "w.duckdb")
    broker.trade_by_hand(MONDAY, "AAA", "buy", 5.0, Quote(10.0, 0.0))
    opens = PastOpens(warehouse, broker, OPENING, NOW)
    sheet = sheet_of(waiting())
    assert opens.send(sheet, over=FRIDAY, is_withheld=never).answered == ()
    assert warehouse.read_or_empty(SUBMISSIONS).is_empty()
    for session in (FRIDAY, MONDAY):
        opened = opens.open(session, sheet, booked(), {"AAA": 2.0})
        assert [each.quantity for each in opened.fills] == [5.0]
        assert opened.asked.equals(sheet)
