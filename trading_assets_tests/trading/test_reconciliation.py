"""Each difference by its name, none in a clean session, and who accepts one with which reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from trading_assets.trading.broker_books import Books
from trading_assets.trading.brokers.port import BrokerFill, BrokerOrder
from trading_assets.trading.brokers.simulated import Quote
from trading_assets.trading.opening import Opening
from trading_assets.trading.reconciliation import (
    BothBooks,
    Exactness,
    quotes_of,
    reconcile,
)
from trading_assets.trading.tables import DIFFERENCES, ENGINE_FILLS
from trading_assets_tests.trading.test_order_sheet import FRIDAY, MONDAY, sheet_of, waiting

OPENING = Opening("s", "s-1", FRIDAY, 1e5, "go", "0", "ops", dt.datetime(2017, 6, 30))
ORDER = waiting()["order_id"]
NAME = sheet_of(waiting())["client_order_id"].item()
ACCEPTED = BrokerOrder(NAME, "accepted")


def booked(quantity: float = 100.0, price: float = 50.2, fee: float = 2.0, order: str = ORDER) -> pl.DataFrame:
    row = {
        "strategy": "s",
        "account": "s-1",
        "label": "paper, verdict go",
        "fill_id": f"{order}-1",
        "order_id": order,
        "session": MONDAY,
        "symbol": "AAA",
        "side": "buy",
        "quantity": quantity,
        "raw_price": 50.0,
        "price": price,
        "fee": fee,
        "reason": "fast",
    }
    return ENGINE_FILLS.conform(pl.DataFrame([row]))


def made(quantity: float = 100.0, price: float = 50.2, fee: float = 2.0, **changes: Any) -> BrokerFill:
    said: dict[str, Any] = {"client_order_id": NAME, "session": MONDAY, "symbol": "AAA", "side": "buy"}
    return BrokerFill("f", quantity=quantity, price=price, fee=fee, **said | changes)


def differing(
    engine: pl.DataFrame, orders: list[BrokerOrder], fills: list[BrokerFill], **order: Any
) -> list[tuple[str, float, float]]:
    found = reconcile(OPENING, MONDAY, sheet_of(waiting(**order)), engine, orders, fills)
    DIFFERENCES.validate(found)
    return sorted(found.select("kind", "expected", "found").rows())


def test_a_clean_session_differs_in_nothing() -> None:
    assert differing(booked(), [ACCEPTED], [made()]) == []
    parts = [made(60.0, fee=1.2), made(40.0, fee=0.8)]
    assert differing(booked(), [ACCEPTED], parts) == []
    assert differing(ENGINE_FILLS.empty(), [ACCEPTED], []) == []


@pytest.mark.parametrize(
    ("orders", "fills", "found"),
    [
        ([ACCEPTED], [], [("missed", 100.0, 0.0)]),
        ([], [], [("missed", 100.0, 0.0)]),
        ([BrokerOrder(NAME, "rejected", "not shortable")], [], [("rejected", 100.0, 0.0)]),
        ([ACCEPTED], [made(50.0, fee=1.0)], [("partial", 100.0, 50.0)]),
        ([ACCEPTED], [made(110.0, fee=2.2)], [("excess", 100.0, 110.0)]),
        ([ACCEPTED], [made(price=50.3)], [("price", 50.2, 50.3)]),
        ([ACCEPTED], [made(fee=3.0)], [("fee", 0.02, 0.03)]),
        ([ACCEPTED], [made(50.0, price=50.3, fee=1.0)], [("partial", 100.0, 50.0), ("price", 50.2, 50.3)]),
        ([ACCEPTED], [made(), made(client_order_id=None)], [("manual_trade", 0.0, 100.0)]),
        ([ACCEPTED], [made(), made(client_order_id="ta-other")], [("manual_trade", 0.0, 100.0)]),
        (
            [ACCEPTED, BrokerOrder("ta-friday", "accepted")],
            [made(), made(7.0, client_order_id="ta-friday")],
            [("excess", 0.0, 7.0)],
        ),
    ],
)
def test_each_difference_has_its_name(
    orders: list[BrokerOrder], fills: list[BrokerFill], found: list[tuple[str, float, float]]
) -> None:
    assert differing(booked(), orders, fills) == found


def test_what_the_engine_did_not_fill_is_too_much() -> None:
    """Cash ran out in the account; the broker filled."""
    assert differing(ENGINE_FILLS.empty(), [ACCEPTED], [made()]) == [("excess", 0.0, 100.0)]


def test_what_the_engine_filled_of_no_sheet_is_missed_but_for_an_ending() -> None:
    """An order of another session, or none at all; the value of a delisting is paid without an order."""
    other = booked(order="of another session")
    assert differing(pl.concat([booked(), other]), [ACCEPTED], [made()]) == [("missed", 100.0, 0.0)]
    ended = other.with_columns(reason=pl.lit("delisted"))
    assert differing(pl.concat([booked(), ended]), [ACCEPTED], [made()]) == []


def test_an_order_that_is_sized_at_the_open_is_held_to_what_was_asked_for() -> None:
    """The engine made 104 of it at a fee of 0.02 a unit; 100 were asked for and filled."""
    assert differing(booked(104.0, fee=2.08), [ACCEPTED], [made()], target_weight=0.05) == []
    assert differing(booked(104.0, fee=2.08), [ACCEPTED], [made(90.0, fee=1.8)], target_weight=0.05) == [
        ("partial", 100.0, 90.0)
    ]


def test_of_an_entry_that_is_sized_at_the_open_no_more_is_expected_than_was_booked() -> None:
    """100 were asked for, the engine made 96 of it; of an estimate of nothing nothing is expected."""
    assert differing(booked(96.0, fee=1.92), [ACCEPTED], [made(96.0, fee=1.92)], target_weight=0.05) == []
    assert differing(booked(1.0, fee=0.02), [], [], target_weight=0.05, quantity=0.0) == []


def test_gaps_of_units_and_cash_are_named_once_unless_an_order_explains_them() -> None:
    """Before the session nothing was apart; then the broker has 90 of 100, or 20 less in cash."""

    def found(engine: Books, broker: Books, gap: float = 0.0, cash: float = 0.0, *rows: BrokerFill) -> list[Any]:
        both = BothBooks(engine, broker, {"AAA": gap}, cash, is_sized_at_open=False)
        fills = [made(), *rows]
        differences = reconcile(OPENING, MONDAY, sheet_of(waiting()), booked(), [ACCEPTED], fills, both)
        DIFFERENCES.validate(differences)
        return differences.select("kind", "expected", "found").rows()

    hundred, ninety = Books({("AAA", None): 100.0}), Books({("AAA", None): 90.0})
    assert found(hundred, hundred) == []
    assert found(hundred, ninety) == [("units", 100.0, 90.0)]
    assert found(hundred, ninety, -10.0) == []
    assert found(hundred, ninety, -20.0) == [("units", 100.0, 90.0)]
    assert found(hundred, Books(hundred.held, -20.0)) == [("cash", 0.0, -20.0)]
    assert found(hundred, Books(hundred.held, -20.0), 0.0, -20.0) == []
    more = Books({("AAA", None): 107.0})
    by_hand = made(7.0, client_order_id=None)
    assert found(hundred, more, 0.0, 0.0, by_hand) == [("manual_trade", 0.0, 7.0)]


def test_a_target_weight_may_drift_within_its_bounds() -> None:
    """5 of 100 are no alarm, 6 are."""
    engine = Books({("AAA", None): 100.0})
    for units, kinds in ((95.0, []), (94.0, ["units"])):
        both = BothBooks(engine, Books({("AAA", None): units}), {"AAA": 0.0}, 0.0, is_sized_at_open=True)
        found = reconcile(OPENING, MONDAY, sheet_of(waiting()), booked(), [ACCEPTED], [made()], both)
        assert found["kind"].to_list() == kinds


def test_what_a_real_broker_may_be_away_from_the_engine() -> None:
    """2 % of 50.2 are 1.004; 0.3 % of it are 0.1506 a unit beside the 0.02 that were booked."""
    exact = Exactness(price=0.02, fee=0.003, units=0.003, sums_cash=False)

    def kinds(fill: BrokerFill, engine: pl.DataFrame | None = None, **order: Any) -> list[str]:
        sheet, engine = sheet_of(waiting(**order)), booked() if engine is None else engine
        books = BothBooks(Books(), Books(cash=-5_000.0), {}, 0.0, is_sized_at_open=False)
        found = reconcile(OPENING, MONDAY, sheet, engine, [ACCEPTED], [fill], books, exact)
        return [each for each in found["kind"] if each != "units"]

    assert kinds(made(price=51.2)) == []
    assert kinds(made(price=51.3)) == ["price"]
    assert kinds(made(fee=17.0)) == []
    assert kinds(made(fee=17.1)) == ["fee"]
    assert kinds(made(fee=0.0)) == []
    assert kinds(made(99.9)) == ["partial"]
    assert kinds(made(0.4990, fee=0.01), booked(0.5, fee=0.01), quantity=0.5) == []
    assert kinds(made(0.4980, fee=0.01), booked(0.5, fee=0.01), quantity=0.5) == ["partial"]
    assert kinds(made(99.75)) == ["partial"]
    exact = replace(exact, coins=("AAA",))
    assert kinds(made(99.75)) == []
    assert kinds(made(99.6)) == ["partial"]


def test_an_order_that_ended_without_a_fill_says_how() -> None:
    [detail] = reconcile(OPENING, MONDAY, sheet_of(waiting()), booked(), [BrokerOrder(NAME, "expired", "halted")], [])[
        "detail"
    ]
    assert detail == "no fill, it is expired: halted"


def test_the_same_difference_has_the_same_id() -> None:
    sheet, orders = sheet_of(waiting()), [ACCEPTED]
    ids = [reconcile(OPENING, MONDAY, sheet, booked(), orders, [])["difference_id"].to_list() for _ in range(2)]
    other = reconcile(OPENING, MONDAY, sheet, booked(), orders, [made(50.0, fee=1.0)])["difference_id"].to_list()
    assert ids[0] == ids[1] != other


def test_a_clean_broker_quotes_each_order_what_the_engine_booked_for_it() -> None:
    """40 at 50 and 60 at 51: what comes late has 50.6 a unit; the entry of 100 that cash cut to 40 gets no more."""
    fills = pl.concat([booked(40.0, 50.0, 0.8), booked(60.0, 51.0, 1.2, order="other")])
    found = quotes_of(fills, sheet_of(waiting(), waiting("BBB")), {})
    assert found["AAA", "buy"].price == pytest.approx(50.6)
    assert found["AAA", "buy"].fee == pytest.approx(0.02)
    assert found[NAME] == Quote(50.0, 0.02, 40.0, raw=50.0)
    assert found[sheet_of(waiting("BBB"))["client_order_id"].item()].most == 0.0
