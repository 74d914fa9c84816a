"""What an account at the simulated broker holds and has in cash, worked out by hand."""

from __future__ import annotations

import datetime as dt

import pytest

from trading_assets.trading.brokers.port import BrokerFill, BrokerPosition
from trading_assets.trading.brokers.simulated_books import CorporateAction, books_of

DAYS = [dt.date(2017, 7, 3) + dt.timedelta(days=each) for each in range(5)]


def fill(day: int, side: str, quantity: float, price: float, fee: float = 0.0, symbol: str = "AAA") -> BrokerFill:
    return BrokerFill(f"{day}-{side}-{symbol}", None, DAYS[day], symbol, side, quantity, price, fee)


def test_mean_price_is_of_what_was_added() -> None:
    """10 at 50 and 30 at 60: (500 + 1800) / 40 = 57.5; a sale of 15 leaves it. 1000 - 500 - 1800 + 15 * 70 - 3 fees."""
    books = books_of(1000.0, [fill(0, "buy", 10, 50, 1), fill(1, "buy", 30, 60, 1), fill(2, "sell", 15, 70, 1)], {})
    assert books.held == {"AAA": BrokerPosition("AAA", 25.0, 57.5)}
    assert books.cash == pytest.approx(1000 - 500 - 1800 + 1050 - 3)
    assert books.equity == pytest.approx(books.cash + 25 * 70)


def test_a_position_that_turns_short_has_cost_what_it_turned_at() -> None:
    books = books_of(0.0, [fill(0, "buy", 10, 50), fill(1, "sell", 25, 40)], {})
    assert books.held == {"AAA": BrokerPosition("AAA", -15.0, 40.0)}
    assert books.cash == 500.0  # -500 + 1000


def test_what_is_sold_wholly_is_not_held() -> None:
    assert books_of(0.0, [fill(0, "buy", 10, 50), fill(1, "sell", 10, 40)], {}).held == {}


def test_a_split_and_a_dividend_are_booked_before_the_fills_of_the_session() -> None:
    """7 units get 2 each: 14; at 3 for 2 seven whole ones are ten, the half is paid out by nobody here."""
    bought = [fill(0, "buy", 7, 60), fill(1, "buy", 1, 30)]
    books = books_of(0.0, bought, {(DAYS[1], "AAA"): CorporateAction(2.0, dividend=0.5)})
    assert books.held == {"AAA": BrokerPosition("AAA", 15.0, 30.0)}
    assert books.cash == -420 - 30 + 3.5
    assert books_of(0.0, bought[:1], {(DAYS[1], "AAA"): CorporateAction(1.5)}).held["AAA"].quantity == 10.0


def test_a_short_position_pays_the_dividend() -> None:
    books = books_of(0.0, [fill(0, "sell", 10, 50)], {(DAYS[1], "AAA"): CorporateAction(dividend=0.5)})
    assert books.cash == 500 - 5


def test_what_has_ended_is_paid_out() -> None:
    books = books_of(0.0, [fill(0, "buy", 10, 50)], {(DAYS[2], "AAA"): CorporateAction(ending=20.0, ending_fee=0.1)})
    assert (books.held, books.cash) == ({}, -500 + 200 - 1)


def test_an_action_of_what_is_not_held_does_nothing() -> None:
    books = books_of(5.0, [fill(3, "buy", 10, 50)], {(DAYS[2], "AAA"): CorporateAction(2.0, ending=20.0)})
    assert books.held == {"AAA": BrokerPosition("AAA", 10.0, 50.0)}
