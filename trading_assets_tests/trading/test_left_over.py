"""What is left over, by hand: which units, which line, and orders that a broker may still fill."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.trading.broker_books import Leg
from trading_assets.trading.brokers.port import BrokerOrder, BrokerUnavailableError
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.left_over import (
    expected_of_left_over,
    left_over_lines,
    legs_left,
    not_accepted_legs,
    sent_left_over,
    take_back,
)
from trading_assets.trading.order_sheet import LEFT_OVER, client_order_id
from trading_assets.trading.submission import submit
from trading_assets.trading.tables import FILLS, PENDING_ORDERS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.trading.divergence.accounts import OPENING
from trading_assets_tests.trading.test_order_sheet import waiting

NOW = dt.datetime(2017, 7, 12)
A, SHORT, PAIR = ("AAA", None), ("BBB", None), ("AAA", "AAA-BBB")


@pytest.mark.parametrize(
    ("ours", "there", "engine", "expected"),
    [
        ({A: 10.0}, {A: 10.0}, {}, {A: 10.0}),  # left whole
        ({A: 10.0}, {A: 10.0}, {A: 4.0}, {}),  # still held: no exit of ours
        ({A: 10.0}, {A: 15.0}, {}, {A: 10.0}),  # five were bought by hand
        ({A: 10.0}, {A: 4.0}, {}, {A: 4.0}),  # six were sold by hand
        ({A: 10.0}, {}, {}, {}),  # the broker has none
        ({SHORT: -3.0}, {SHORT: -3.0}, {}, {SHORT: -3.0}),  # a short position is bought back
        ({SHORT: -3.0}, {SHORT: 2.0}, {}, {}),
        ({A: 1.0, PAIR: 2.0}, {A: 1.0, PAIR: 2.0}, {A: 1.0}, {PAIR: 2.0}),
    ],
)
def test_only_what_our_orders_left_there_and_is_there_is_left_over(
    ours: dict[Leg, float], there: dict[Leg, float], engine: dict[Leg, float], expected: dict[Leg, float]
) -> None:
    assert legs_left(ours, there, engine) == expected


def lines(units: float, asked: float = 10.0) -> tuple[pl.DataFrame, dt.date]:
    row = waiting(entry=False, side="sell", reason="ma_cross", quantity=asked)
    last = row["session"] + dt.timedelta(days=1)
    pending = PENDING_ORDERS.conform(pl.DataFrame([row], schema_overrides=PENDING_ORDERS.empty().schema))
    return left_over_lines(
        "small", pending, {(row["symbol"], row["pair_id"]): units}, last, {row["symbol"]: 20.0}
    ), last


def test_the_line_is_an_exit_of_its_own_session_with_an_id_of_its_own() -> None:
    found, last = lines(6.0)
    (line,) = found.to_dicts()
    assert (line["side"], line["quantity"], line["reason"], line["status"]) == ("sell", 6.0, LEFT_OVER, "ready")
    assert (line["session"], line["entry"], line["notional"]) == (last, False, 120.0)
    assert line["for_session"] > last
    name = client_order_id("small", line["account"], line["order_id"], line["for_session"])
    assert line["client_order_id"] == name
    assert found.equals(lines(6.0)[0])
    assert lines(-6.0)[0]["side"].to_list() == ["buy"]


def test_dust_of_a_coin_is_no_order_and_one_share_is() -> None:
    assert lines(0.004, asked=1.0)[0].is_empty()
    assert lines(0.006, asked=1.0)[0].height == 1
    assert lines(1.0, asked=1000.0)[0].height == 1


def test_what_a_broker_may_still_fill_is_taken_back(tmp_path: Path) -> None:
    """An accepted order of a session that is over is cancelled, and nothing of its symbol is waited for."""
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), SimulatedBroker(tmp_path / "b.db")
    found, last = lines(6.0)
    sheet = found.with_columns(strategy=pl.lit(OPENING.strategy), account=pl.lit(OPENING.account))
    submit(warehouse, broker, sheet, is_halted=lambda: False, over=last, now=NOW)
    (name,) = sheet["client_order_id"]
    symbols = sheet["symbol"].to_list()
    assert take_back(warehouse, broker, OPENING, symbols, last, NOW) == set()
    assert [each.status for each in broker.orders()] == ["accepted"]  # its session is to come
    (due,) = sheet["for_session"]
    assert take_back(warehouse, broker, OPENING, symbols, due, NOW) == set()
    assert [(each.client_order_id, each.status) for each in broker.orders()] == [(name, "cancelled")]


class Deaf(SimulatedBroker):
    """A broker that takes nothing back."""

    def cancel(self, client_order_id: str) -> BrokerOrder:
        return next(each for each in self.orders() if each.client_order_id == client_order_id)


def test_a_symbol_whose_order_cannot_be_taken_back_waits(tmp_path: Path) -> None:
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), Deaf(tmp_path / "b.db")
    found, last = lines(6.0)
    sheet = found.with_columns(strategy=pl.lit(OPENING.strategy), account=pl.lit(OPENING.account))
    submit(warehouse, broker, sheet, is_halted=lambda: False, over=last, now=NOW)
    (due,), symbols = sheet["for_session"], sheet["symbol"].to_list()
    assert take_back(warehouse, broker, OPENING, symbols, due, NOW) == {*symbols}


class Behind(SimulatedBroker):
    """A broker whose list is behind what it has heard."""

    def orders(self) -> list[BrokerOrder]:
        return []


class Gone(SimulatedBroker):
    """A broker that does not answer."""

    def orders(self) -> list[BrokerOrder]:
        raise BrokerUnavailableError("the line was lost")


def test_an_order_that_is_not_listed_waits_for_an_evening(tmp_path: Path) -> None:
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), SimulatedBroker(tmp_path / "b.db")
    found, last = lines(6.0)
    sheet = found.with_columns(strategy=pl.lit(OPENING.strategy), account=pl.lit(OPENING.account))
    submit(warehouse, broker, sheet, is_halted=lambda: False, over=last, now=NOW)
    (due,), symbols, behind = sheet["for_session"], sheet["symbol"].to_list(), Behind(tmp_path / "b.db")
    assert take_back(warehouse, behind, OPENING, symbols, due, NOW) == {*symbols}
    assert take_back(warehouse, behind, OPENING, symbols, due + dt.timedelta(days=1), NOW) == set()
    told = {"strategy": OPENING.strategy, "account": OPENING.account, "recorded_at": NOW, "session": due}
    fill = {"broker_fill_id": "1", "symbol": symbols[0], "side": "sell", "quantity": 6.0, "price": 1.0, "fee": 0.0}
    fill["client_order_id"] = sheet["client_order_id"][0]
    warehouse.append_new(FILLS, FILLS.conform(pl.DataFrame([told | fill])))
    assert take_back(warehouse, behind, OPENING, symbols, due, NOW) == set()  # nothing more can come of it


def test_where_the_line_is_lost_every_symbol_waits(tmp_path: Path) -> None:
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), Gone(tmp_path / "b.db")
    assert take_back(warehouse, broker, OPENING, ["AAA"], dt.date(2017, 7, 12), NOW) == {"AAA"}


def test_the_rest_of_a_coin_has_the_limit_that_is_configured() -> None:
    """A close of 20 and 3 %: sold at 19.4 or more."""
    row = waiting(entry=False, side="sell", calendar="24/7", asset_class="crypto", quantity=10.0)
    pending = PENDING_ORDERS.conform(pl.DataFrame([row], schema_overrides=PENDING_ORDERS.empty().schema))
    last = row["session"] + dt.timedelta(days=1)
    found = left_over_lines("small", pending, {A: 6.0}, last, {"AAA": 20.0}, marketable=0.03)
    assert found["limit"].to_list() == pytest.approx([19.4])


def test_what_was_sent_is_known_by_its_own_id_without_any_sheet(tmp_path: Path) -> None:
    """The line is that of the sheet; an order of the engine, or one of another account, is none of them."""
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), SimulatedBroker(tmp_path / "b.db")
    row = waiting(entry=False, side="sell", quantity=10.0, strategy=OPENING.strategy, account=OPENING.account)
    pending = PENDING_ORDERS.conform(pl.DataFrame([row], schema_overrides=PENDING_ORDERS.empty().schema))
    last, closes = row["session"] + dt.timedelta(days=3), {"AAA": 20.0}
    sheet = left_over_lines("small", pending, {A: 6.0}, last, closes)
    own = ("small", OPENING, pending, warehouse, [last])
    assert sent_left_over(*own, closes=closes).is_empty()
    exits = sheet.with_columns(client_order_id=pl.lit("ta-exit"), order_id=pl.lit(row["order_id"]))
    submit(warehouse, broker, pl.concat([sheet, exits]), is_halted=lambda: False, over=last, now=NOW)
    assert sent_left_over(*own, closes=closes).equals(sheet)
    assert sent_left_over(*own, known=sheet["client_order_id"].to_list()).is_empty()
    assert sent_left_over("other", *own[1:]).is_empty()


def test_what_somebody_has_accepted_since_the_last_entry_stays() -> None:
    entry = waiting()
    left: dict[Leg, float] = {A: 6.0, SHORT: -3.0}
    pending = PENDING_ORDERS.conform(pl.DataFrame([entry], schema_overrides=PENDING_ORDERS.empty().schema))
    day = entry["session"]

    def accepted(session: dt.date, kind: str) -> pl.DataFrame:
        return pl.DataFrame([{"symbol": "AAA", "session": session, "kind": kind}])

    later = day + dt.timedelta(days=1)
    assert not_accepted_legs(left, pending, accepted(later, "missed")) == {SHORT: -3.0}
    assert not_accepted_legs(left, pending, accepted(day, "missed")) == left
    assert not_accepted_legs(left, pending, accepted(later, "price")) == left


def test_what_is_expected_of_a_sale_is_the_open_with_the_slippage_and_fee_of_the_exit() -> None:
    """An open of 50, 10 bp and 0.2 % of fees: 49.95 and 0.1 a unit; a simulated broker takes neither."""
    [row] = lines(6.0)[0].to_dicts()
    exit_fill = {"order_id": row["order_id"].removesuffix("-rest"), "quantity": 10.0, "price": 40.0, "fee": 0.8}
    booked = pl.DataFrame([exit_fill | {"modelled_slippage_bps": 10.0}])
    opens, rest = {(row["symbol"], row["for_session"]): 50.0}, lines(6.0)[0]
    found = expected_of_left_over(rest, opens, booked, is_simulated=False)
    assert found[row["client_order_id"]] == pytest.approx((49.95, 0.1))
    assert expected_of_left_over(rest, opens, booked, is_simulated=True) == {row["client_order_id"]: (50.0, 0.0)}
    assert expected_of_left_over(rest, {}, booked, is_simulated=False) == {}
