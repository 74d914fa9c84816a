"""What a broker says that it holds against what its fills say, each case by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.config.trading import Tolerances
from trading_assets.trading.broker_books import Books
from trading_assets.trading.brokers.asked import Compared, Said, Traded, compare, held_at_most
from trading_assets.trading.brokers.port import BrokerAccount, BrokerPosition
from trading_assets.trading.brokers.tables import BROKER_BALANCES, BROKER_POSITIONS
from trading_assets.trading.opening import Opening
from trading_assets.trading.tables import FILLS

MONDAY = dt.date(2026, 12, 7)
AT = dt.datetime(2026, 12, 7, 22)
OPENING = Opening("known", "known-1", MONDAY, 50_000.0, "reject", "0" * 64, "ops", AT)
NOTHING = (BROKER_BALANCES.empty(), BROKER_POSITIONS.empty())


def said(cash: float, minutes: int = 0, **units: float) -> Said:
    account = BrokerAccount("PA1", "USD", cash, cash, cash, is_paper=True, may_trade=True, may_short=True)
    held = [BrokerPosition(symbol, quantity, 10.0) for symbol, quantity in units.items()]
    return Said(account, held, AT + dt.timedelta(minutes=minutes))


def compared(
    answer: Said,
    before: tuple[pl.DataFrame, pl.DataFrame] = NOTHING,
    cash: float = 50_000.0,
    traded: Traded | None = None,
    **held: float,
) -> Compared:
    books = Books({(symbol, None): units for symbol, units in held.items()})
    return compare(OPENING, MONDAY, answer, books, cash, before, Tolerances(), traded or Traded())


def after(found: Compared) -> tuple[pl.DataFrame, pl.DataFrame]:
    return found.balances, found.positions


def kinds(found: Compared) -> list[tuple[str, str | None]]:
    return found.differences.sort("kind", "symbol").select("kind", "symbol").rows()


def test_what_a_paper_account_begins_with_is_no_difference() -> None:
    found = compared(said(100_000.0, AAA=10), AAA=10)
    assert kinds(found) == []
    assert found.balances["known_gap"].item() == 50_000.0


def test_cash_that_nothing_explains_is_named_once() -> None:
    """Half of a percent of 50,000 are 250: 249 less is none, and 251 less is one, which is known from then on."""
    first = compared(said(100_000.0))
    assert kinds(compared(said(99_751.0, 1), after(first))) == []
    second = compared(said(99_749.0, 1), after(first))
    assert kinds(second) == [("cash", None)]
    assert kinds(compared(said(99_749.0, 2), after(second))) == []
    assert kinds(compared(said(100_000.0, 3), after(second))) == [("cash", None)]


def test_cash_that_drifts_away_is_named_when_it_is_far() -> None:
    """A hundred a day: the third one is 300 from what was known."""
    last, found = compared(said(100_000.0)), []
    for day in range(1, 4):
        last = compared(said(100_000.0 - 100 * day, day), after(last))
        found.append(kinds(last))
    assert found == [[], [], [("cash", None)]]


def test_units_that_no_fill_explains_are_named_once_and_again_when_they_change() -> None:
    first = compared(said(50_000.0, AAA=10, ZZZ=3), AAA=10)
    assert kinds(first) == [("units", "ZZZ")]
    assert kinds(compared(said(50_000.0, 1, AAA=10, ZZZ=3), after(first), AAA=10)) == []
    assert kinds(compared(said(50_000.0, 1, AAA=10, ZZZ=11), after(first), AAA=10)) == [("units", "ZZZ")]


def test_what_has_become_as_its_fills_say_is_no_difference_and_is_named_if_it_comes_again() -> None:
    first = compared(said(50_000.0, AAA=10, ZZZ=3), AAA=10)
    gone = compared(said(50_000.0, 1, AAA=10), after(first), AAA=10)
    assert kinds(gone) == []
    assert kinds(compared(said(50_000.0, 2, AAA=10, ZZZ=3), after(gone), AAA=10)) == [("units", "ZZZ")]


@pytest.mark.parametrize("awaited", [(), ("AAA",)])
def test_a_split_is_named_once_at_most(awaited: tuple[str, ...]) -> None:
    """Two for one: the broker has it at the open, its bar comes in the evening. Not at all if one waits for it."""
    evening = compared(said(50_000.0, AAA=100), AAA=100)
    opened = compared(said(50_000.0, 1, AAA=200), after(evening), traded=Traded(awaited=awaited), AAA=100)
    assert kinds(opened) == ([] if awaited else [("corporate_action", "AAA")])
    assert kinds(compared(said(50_000.0, 2, AAA=200), after(opened), AAA=200)) == []


def test_what_is_awaited_is_named_in_the_evening_if_nothing_explains_it() -> None:
    first = compared(said(50_000.0, AAA=100, ZZZ=1), AAA=100)
    opened = compared(said(50_000.0, 1, AAA=90, ZZZ=2), after(first), traded=Traded(awaited=("AAA", "ZZZ")), AAA=100)
    assert kinds(opened) == []
    evening = compared(said(50_000.0, 2, AAA=90, ZZZ=1), after(opened), AAA=100)
    assert kinds(evening) == [("units", "AAA")]


def test_a_position_that_is_gone_is_named() -> None:
    assert kinds(compared(said(50_000.0), AAA=10)) == [("units", "AAA")]


@pytest.mark.parametrize(
    ("before", "after_it"), [(100.0, 200.0), (101.0, 50.0), (100.0, 150.0), (40.0, 4.0), (-30, -90)]
)
def test_units_that_became_others_overnight_are_a_corporate_action(before: float, after_it: float) -> None:
    """Two for one; one for two of 101, whose half is paid out; three for two; one for ten; a short of three for one."""
    assert kinds(compared(said(50_000.0, AAA=after_it), AAA=before)) == [("corporate_action", "AAA")]


@pytest.mark.parametrize(("before", "after_it"), [(100.0, 170.0), (100.0, 99.0), (100.0, 0.0), (100.0, -100.0)])
def test_units_that_no_ratio_gives_are_none(before: float, after_it: float) -> None:
    assert kinds(compared(said(50_000.0, AAA=after_it), AAA=before)) == [("units", "AAA")]


def bought(*minutes: int, units: float) -> Traded:
    """A coin of which so many were bought each time."""
    named = {"strategy": "known", "account": "known-1", "session": MONDAY, "symbol": "BTC", "side": "buy"}
    rows = [
        {**named, "broker_fill_id": f"{at}", "client_order_id": None, "quantity": units, "price": 1.0, "fee": 0.0}
        | {"recorded_at": AT + dt.timedelta(minutes=at)}
        for at in minutes
    ]
    return Traded(coins=("BTC",), fills=FILLS.conform(pl.DataFrame(rows)))


@pytest.mark.parametrize("units", [0.5, 1.0])
def test_coins_pay_fees_in_coins(units: float) -> None:
    """25 bp of what was bought are missing from it, of whole coins too; 2 % are not, and of a share nothing is."""
    traded = bought(0, units=units)
    assert kinds(compared(said(50_000.0, BTC=units * 0.9975), traded=traded, BTC=units)) == []
    assert kinds(compared(said(50_000.0, BTC=units * 0.98), traded=traded, BTC=units)) == [("units", "BTC")]
    assert kinds(compared(said(50_000.0, AAA=999.0), AAA=1000.0)) == [("units", "AAA")]


def test_round_trips_in_a_coin_leave_no_difference() -> None:
    """Each buys 1, of which 0.9975 arrive and are sold: by its fills the broker has 0.0025 more after each of them."""
    last, rest = compared(said(50_000.0)), 0.0
    for trip in range(4):
        traded, at = bought(*(10 * each + 1 for each in range(trip + 1)), units=1.0), 10 * trip + 1
        last = _with(last, compared(said(50_000.0, at, BTC=0.9975), after(last), traded=traded, BTC=rest + 1))
        rest += 0.0025
        last = _with(last, compared(said(50_000.0, at + 1), after(last), traded=traded, BTC=rest))
    later = compared(said(50_000.0, 90, BTC=0.1), after(last), traded=bought(1, units=1.0), BTC=rest)
    assert kinds(later) == [("units", "BTC")]


def _with(before: Compared, new: Compared) -> Compared:
    assert kinds(new) == []
    return Compared(
        pl.concat([before.balances, new.balances]), pl.concat([before.positions, new.positions]), new.differences
    )


def test_nothing_is_left_that_is_not_there() -> None:
    held = {("AAA", None): 10.0, ("BBB", "p1"): 5.0, ("BBB", "p2"): 5.0, ("CCC", None): -4.0, ("DDD", None): 3.0}
    there = [BrokerPosition("AAA", 12.0, 1.0), BrokerPosition("BBB", 7.0, 1.0), BrokerPosition("CCC", -1.0, 1.0)]
    there.append(BrokerPosition("DDD", -3.0, 1.0))
    assert held_at_most(held, there) == {
        ("AAA", None): 10.0,
        ("BBB", "p1"): 5.0,
        ("BBB", "p2"): 2.0,
        ("CCC", None): -1.0,
    }
