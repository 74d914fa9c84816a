"""Each difference by its name, none in a clean session, and who accepts one with which reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from trading_assets.config.trading import Trading
from trading_assets.trading.broker_books import AT_NO_OPEN, Books, Trade
from trading_assets.trading.brokers.port import BrokerFill, BrokerOrder
from trading_assets.trading.opening import Opening
from trading_assets.trading.order_sheet import LEFT_OVER
from trading_assets.trading.reconciliation import (
    BothBooks,
    Exactness,
    exactness_of,
    reconcile,
)
from trading_assets.trading.tables import DIFFERENCES, ENGINE_FILLS
from trading_assets_tests.trading.test_order_sheet import FRIDAY, MONDAY, sheet_of, waiting

OPENING = Opening("s", "s-1", FRIDAY, 1e5, "go", "0", "ops", dt.datetime(2017, 6, 30))
ORDER = waiting()["order_id"]
NAME = sheet_of(waiting())["client_order_id"].item()
ACCEPTED = BrokerOrder(NAME, "accepted")
NOTHING = BothBooks(Books(), Books(), {}, 0.0, is_sized_at_open=False)


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
    found = reconcile(OPENING, MONDAY, sheet_of(waiting(**order)), engine, orders, fills, NOTHING)
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
    expired = [BrokerOrder(NAME, "expired", "halted")]
    [detail] = reconcile(OPENING, MONDAY, sheet_of(waiting()), booked(), expired, [], NOTHING)["detail"]
    assert detail == "no fill, it is expired: halted"


def test_the_same_difference_has_the_same_id() -> None:

    def names(*fills: BrokerFill) -> list[str]:
        found = reconcile(OPENING, MONDAY, sheet_of(waiting()), booked(), [ACCEPTED], fills, NOTHING)
        return found["difference_id"].to_list()

    assert names() == names() != names(made(50.0, fee=1.0))


def test_a_simulated_broker_is_held_to_the_last_digit_and_a_real_one_to_the_tolerances() -> None:
    pending, said = pl.DataFrame([waiting(), waiting("COIN", asset_class="crypto")]), Trading().tolerances
    assert exactness_of(Trading(), OPENING, pending) == Exactness()
    real = exactness_of(Trading(), replace(OPENING, broker="alpaca"), pending)
    assert (real.price, real.units, real.fee, real.sums_cash) == (said.price, said.units, said.fee, False)
    assert real.coins == {"COIN"}


def test_books_after_a_session_know_how_far_they_were_apart_before_it() -> None:
    """The engine held 10 and the broker 8 with 7 more in cash; 2 for 1, then both buy 100, the broker for 5,001."""
    before = BothBooks(Books({("AAA", None): 10.0}), Books({("AAA", None): 8.0}, 7.0), {}, 0.0, is_sized_at_open=False)
    after = before.after({"AAA": 2.0}, [Trade(("AAA", None), 100.0, 50.01, 0.0)], booked(100.0, 50.0, 2.0))
    assert (after.engine.of_symbols(), after.broker.of_symbols()) == ({"AAA": 120.0}, {"AAA": 116.0})
    assert (after.engine.cash, after.broker.cash) == (-5_002.0, 7.0 - 5_001.0)
    assert (dict(after.gaps), after.cash_gap) == ({"AAA": -4.0}, 7.0)


def test_what_has_ended_is_paid_out_in_both_books_and_no_gap_is_left() -> None:
    """The engine had 100 and got 50 a unit less 2 of fees; the broker had 50 of them."""
    ended = booked(100.0, 50.0, 2.0).with_columns(side=pl.lit("sell"), reason=pl.lit(AT_NO_OPEN))
    before = BothBooks(Books({("AAA", None): 100.0}), Books({("AAA", None): 50.0}), {}, 0.0, is_sized_at_open=False)
    after = before.after({}, [], ended)
    assert (after.engine.held, after.broker.held, after.gaps) == ({}, {}, {})
    assert (after.engine.cash, after.broker.cash) == (4_998.0, 2_499.0)


@pytest.mark.parametrize(
    ("price", "fee", "kinds"),
    [(50.0, 0.0, []), (40.0, 0.0, ["price"]), (50.0, 3.0, ["fee"]), (40.0, 3.0, ["fee", "price"])],
)
def test_a_sale_of_what_was_left_over_is_held_to_what_is_expected(price: float, fee: float, kinds: list[str]) -> None:
    """100 that the engine has sold before bring in 5,000 more than it has: expected, and nothing else is."""
    sheet = sheet_of(waiting(side="sell", entry=False, reason=LEFT_OVER, order_id="exit-rest"))
    [name] = sheet["client_order_id"]
    fill = made(price=price, fee=fee, side="sell", client_order_id=name)
    books = BothBooks(Books(), Books({}, 100.0 * price - fee), {"AAA": 100.0}, 0.0, is_sized_at_open=False)
    answer = [BrokerOrder(name, "filled")]

    def found(both: BothBooks) -> list[str]:
        said = (OPENING, MONDAY, sheet, ENGINE_FILLS.empty(), answer, [fill], both)
        return sorted(reconcile(*said, left_over={name: (50.0, 0.0)})["kind"])

    assert found(books) == kinds
    more = replace(books, broker=Books({}, books.broker.cash + 7.0))
    assert found(more) == (kinds or ["cash"])  # a gap beside it is none of its own
