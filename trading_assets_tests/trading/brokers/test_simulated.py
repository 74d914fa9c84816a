"""The simulated broker: clean it fills at the quote; hostile it does what its seed decides, always the same."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from trading_assets.trading.brokers.port import (
    BrokerPosition,
    BrokerQuote,
    BrokerUnavailableError,
    DuplicateOrderError,
    OrderRequest,
    UnknownOrderError,
)
from trading_assets.trading.brokers.simulated import Hostility, Quote, SimulatedBroker
from trading_assets.trading.brokers.simulated_books import CorporateAction

MONDAY, TUESDAY = dt.date(2017, 7, 3), dt.date(2017, 7, 5)
QUOTES: dict[str | tuple[str, str], Quote] = {("AAA", "buy"): Quote(50.0, 0.02), ("AAA", "sell"): Quote(49.0, 0.02)}


def order(name: str = "one", side: str = "buy", limit: float | None = None) -> OrderRequest:
    return OrderRequest(name, MONDAY, "AAA", side, 10.0, "market_on_open", limit)


def broker(folder: Path, seed: int = 0, **wrong: float) -> SimulatedBroker:
    return SimulatedBroker(folder / "broker.db", Hostility(**wrong), seed)


def test_a_clean_broker_fills_at_the_quote_of_the_side(tmp_path: Path) -> None:
    made = broker(tmp_path)
    assert made.submit(order()).status == "accepted"
    made.submit(order("two", "sell"))
    assert made.fills() == []
    for _ in range(2):
        made.open_session(MONDAY, QUOTES)
    found = [(each.broker_fill_id, each.side, each.quantity, each.price, each.fee) for each in made.fills()]
    assert found == [("one-1", "buy", 10.0, 50.0, 0.2), ("two-1", "sell", 10.0, 49.0, 0.2)]


def test_an_id_is_taken_once_and_known_to_another_process(tmp_path: Path) -> None:
    broker(tmp_path).submit(order())
    with pytest.raises(DuplicateOrderError):
        broker(tmp_path).submit(order())
    assert len(broker(tmp_path).orders()) == 1


@pytest.mark.parametrize(("side", "limit", "fills"), [("buy", 49.9, 0), ("buy", 50.0, 1), ("sell", 49.1, 0)])
def test_a_limit_is_the_worst_price(side: str, limit: float, fills: int, tmp_path: Path) -> None:
    made = broker(tmp_path)
    made.submit(order(side=side, limit=limit))
    made.open_session(MONDAY, QUOTES)
    assert len(made.fills()) == fills


@pytest.mark.parametrize(("ratio", "filled"), [(1.5, 15.0), (0.25, 2.0), (1.0, 10.0)])
def test_what_waits_over_a_split_is_adjusted_by_it(ratio: float, filled: float, tmp_path: Path) -> None:
    """Of 10 units become 15 at 3:2, and 2.5 at 1:4, of which whole ones are traded (FINRA rule 5330)."""
    made = broker(tmp_path)
    made.submit(order())
    made.open_session(MONDAY, {"one": Quote(50.0, 0.02, ratio=ratio)})
    assert [fill.quantity for fill in made.fills()] == [filled]


def test_what_has_no_quote_expires(tmp_path: Path) -> None:
    made = broker(tmp_path)
    made.submit(order())
    made.open_session(MONDAY, {})
    made.open_session(TUESDAY, QUOTES)
    assert made.fills() == []


@pytest.mark.parametrize(("side", "price"), [("buy", 50.2), ("sell", 48.6)])
def test_doubled_slippage_is_twice_as_far_from_the_open(side: str, price: float, tmp_path: Path) -> None:
    """Opens of 49.80 and 49.40: a buyer at 50.00 paid 0.20, a seller at 49.00 lost 0.40. A limit sees it."""
    quotes: dict[str | tuple[str, str], Quote] = {
        ("AAA", "buy"): Quote(50.0, 0.02, raw=49.8),
        ("AAA", "sell"): Quote(49.0, 0.02, raw=49.4),
    }
    made = broker(tmp_path, slippage=2.0)
    made.submit(order(side=side))
    made.submit(order("two", side=side, limit=50.1 if side == "buy" else 48.7))
    made.open_session(MONDAY, quotes)
    assert [each.price for each in made.fills()] == [pytest.approx(price)]


def test_each_hostility_by_itself(tmp_path: Path) -> None:
    rejecting = broker(tmp_path / "rejects", rejects=1.0)
    assert rejecting.submit(order()).status == "rejected"
    rejecting.open_session(MONDAY, QUOTES)
    assert rejecting.fills() == []

    partial = broker(tmp_path / "partial", partial=1.0)
    partial.submit(order())
    partial.open_session(MONDAY, QUOTES)
    assert [each.quantity for each in partial.fills()] == [5.0]

    late = broker(tmp_path / "late", late=1.0)
    late.submit(order())
    late.open_session(MONDAY, QUOTES)
    assert late.fills() == []
    late.open_session(TUESDAY, QUOTES)
    assert [each.session for each in late.fills()] == [TUESDAY]

    for name, wrong, heard in (("deaf", Hostility(deaf=1.0), 0), ("mute", Hostility(mute=1.0), 1)):
        lost = SimulatedBroker(tmp_path / name / "broker.db", wrong)
        with pytest.raises(BrokerUnavailableError):
            lost.submit(order())
        assert len(lost.orders()) == heard


def test_what_goes_wrong_follows_from_the_seed_and_the_order(tmp_path: Path) -> None:
    """The same orders in another order of sending: the same are rejected; another seed, others."""
    names = [f"order {number}" for number in range(40)]

    def rejected(folder: str, sent: list[str], seed: int) -> set[str]:
        made = broker(tmp_path / folder, seed, rejects=0.5)
        return {each for each in sent if made.submit(order(each)).status == "rejected"}

    first = rejected("a", names, 1)
    assert 8 < len(first) < 32
    assert rejected("b", names[::-1], 1) == first
    assert rejected("c", names, 2) != first


def test_a_trade_at_the_desk_has_no_order_of_ours(tmp_path: Path) -> None:
    made = broker(tmp_path)
    made.trade_by_hand(MONDAY, "BBB", "sell", 3.0, Quote(7.0, 0.0))
    [fill] = made.fills()
    assert (fill.client_order_id, fill.symbol, fill.quantity, fill.price) == (None, "BBB", 3.0, 7.0)


def test_statuses_follow_what_became_of_an_order(tmp_path: Path) -> None:
    """Ten asked: all of them, none, and four of which there were no more."""
    made = broker(tmp_path)
    for name in ("whole", "none", "part"):
        made.submit(order(name))
    made.open_session(MONDAY, {"whole": Quote(50.0, 0.0), "part": Quote(50.0, 0.0, most=4.0)})
    assert {each.client_order_id: each.status for each in made.orders()} == {
        "whole": "filled",
        "none": "expired",
        "part": "expired",
    }
    assert all(each.is_final for each in made.orders())


def test_a_late_order_waits_and_fills_once(tmp_path: Path) -> None:
    made = broker(tmp_path, late=1.0)
    made.submit(order())
    for day in (MONDAY, MONDAY, TUESDAY, TUESDAY):
        made.open_session(day, QUOTES)
    assert [each.session for each in made.fills()] == [TUESDAY]
    assert made.orders()[0].status == "filled"


def test_what_is_cancelled_does_not_fill_and_what_is_final_stays(tmp_path: Path) -> None:
    made = broker(tmp_path)
    made.submit(order())
    made.submit(order("two"))
    assert made.cancel("one").status == "cancelled"
    made.open_session(MONDAY, QUOTES)
    assert [each.client_order_id for each in made.fills()] == ["two"]
    assert made.cancel("two").status == "filled"
    assert made.cancel("one").status == "cancelled"
    with pytest.raises(UnknownOrderError):
        made.cancel("three")


def test_account_and_positions_follow_from_fills_and_splits(tmp_path: Path) -> None:
    """10,000 less ten at 50 and a fee of 0.2; two for one, of which five are sold at 26: 9,499.8 + 130 - 0.1."""
    made = SimulatedBroker(tmp_path / "known-1.db", capital=10_000.0)
    assert (made.account().cash, made.positions()) == (10_000.0, [])
    made.submit(order())
    made.open_session(MONDAY, QUOTES)
    assert made.positions() == [BrokerPosition("AAA", 10.0, 50.0)]
    made.submit(OrderRequest("out", TUESDAY, "AAA", "sell", 5.0, "market_on_open"))
    for _ in range(2):
        made.open_session(TUESDAY, {("AAA", "sell"): Quote(26.0, 0.02)}, {"AAA": CorporateAction(2.0)})
    assert made.positions() == [BrokerPosition("AAA", 15.0, 25.0)]
    account = made.account()
    assert account.cash == pytest.approx(9_629.7)
    assert account.equity == pytest.approx(9_629.7 + 15 * 26)
    assert (account.account_id, account.currency, account.is_paper) == ("known-1", "USD", True)
    assert (account.may_trade, account.may_short, account.buying_power) == (True, True, account.cash)


def test_a_quote_is_of_the_last_session_that_had_one(tmp_path: Path) -> None:
    made = broker(tmp_path)
    made.open_session(MONDAY, QUOTES)
    monday = BrokerQuote("AAA", 49.0, 50.0, dt.datetime(2017, 7, 3))
    assert made.quotes(["AAA", "BBB"]) == {"AAA": monday}
    made.open_session(TUESDAY, {("AAA", "buy"): Quote(51.0, 0.0)})
    assert made.quotes(["AAA"]) == {"AAA": BrokerQuote("AAA", 51.0, 51.0, dt.datetime(2017, 7, 5))}
