"""An account at a local service that speaks Alpaca's wire format: what it takes, refuses, fills, and loses."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from trading_assets.trading.brokers.alpaca import broker as module
from trading_assets.trading.brokers.alpaca.broker import AlpacaBroker
from trading_assets.trading.brokers.alpaca.order_form import Clock
from trading_assets.trading.brokers.port import (
    BrokerOrder,
    BrokerPosition,
    BrokerQuote,
    BrokerUnavailableError,
    DuplicateOrderError,
    OrderRequest,
    UnknownOrderError,
)
from trading_assets_tests.trading.brokers.alpaca.service import Alpaca

TUESDAY = dt.date(2017, 7, 11)
OPEN = "2017-07-11T13:30:00.5Z"


def order(name: str = "ta-1", **said: Any) -> OrderRequest:
    words: dict[str, Any] = {"symbol": "AAA", "side": "buy", "quantity": 10.0, "type": "market_on_open", "limit": None}
    return OrderRequest(name, TUESDAY, **(words | said))


def coin(name: str = "ta-c", **said: Any) -> OrderRequest:
    words = {"symbol": "BTC", "quantity": 0.5, "type": "marketable_limit", "limit": 40_400.0}
    return order(name, **(words | said))


def posted(service: Alpaca) -> int:
    return sum(method == "POST" for method, _, _ in service.asked)


def test_the_account_is_told_as_it_is(broker: AlpacaBroker, service: Alpaca) -> None:
    found = broker.account()
    assert (found.account_id, found.currency, found.is_paper) == ("PA3TEST00001", "USD", True)
    assert (found.cash, found.equity, found.buying_power) == (100_000.0, 100_000.0, 200_000.0)
    assert (found.may_trade, found.may_short) == (True, True)
    service.account |= {"account_number": "123456789", "trading_blocked": True, "shorting_enabled": False}
    found = broker.account()
    assert (found.is_paper, found.may_trade, found.may_short) == (False, False, False)
    assert broker.clock() == Clock(dt.datetime(2017, 7, 11, 2, 0), TUESDAY)


def test_an_order_fills_in_parts_and_is_told_as_it_stands(broker: AlpacaBroker, service: Alpaca) -> None:
    assert broker.submit(order()) == BrokerOrder("ta-1", "accepted")
    service.fill("ta-1", 4, 50.0, OPEN, last=False)
    assert broker.orders() == [BrokerOrder("ta-1", "partially_filled")]
    service.fill("ta-1", 6, 50.5, OPEN)
    assert broker.orders()[0].is_final
    found = [(each.client_order_id, each.session, each.symbol, each.quantity, each.price) for each in broker.fills()]
    assert found == [("ta-1", TUESDAY, "AAA", 4.0, 50.0), ("ta-1", TUESDAY, "AAA", 6.0, 50.5)]
    assert len({each.broker_fill_id for each in broker.fills()}) == 2


def test_a_coin_has_two_names_and_one_of_ours(broker: AlpacaBroker, service: Alpaca) -> None:
    assert broker.submit(coin()).status == "accepted"
    assert service.orders[0]["symbol"] == "BTC/USD"
    service.fill("ta-c", 0.5, 40_000.0, "2017-07-11T00:05:01Z")
    service.hold("BTC/USD", 0.4988, 40_000.0)
    assert [(each.symbol, each.session) for each in broker.fills()] == [("BTC", TUESDAY)]
    assert broker.positions() == [BrokerPosition("BTC", 0.4988, 40_000.0)]


def test_a_trade_at_the_desk_is_of_no_order_of_ours(broker: AlpacaBroker, service: Alpaca) -> None:
    """Alpaca lists its order, under an id that it made up."""
    service.trade_by_hand("BBB", "sell_short", 3, 20.0, OPEN)
    assert len(broker.orders()) == 1
    [fill] = broker.fills()
    assert (fill.client_order_id, fill.symbol, fill.side, fill.quantity) == (None, "BBB", "sell", 3.0)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (order(quantity=10.5), "parts of a share"),
        (order(symbol="NONE"), "does not know NONE"),
        (order(symbol="GONE"), "not traded"),
        (order(symbol="HARD", side="sell"), "not shortable"),
        (coin(side="sell"), "coins are not sold short"),
        (coin(symbol="BTCE"), "paid for in EUR, and the account is in USD"),
    ],
)
def test_what_cannot_be_is_rejected_in_words_and_not_sent(
    asked: OrderRequest, words: str, broker: AlpacaBroker, service: Alpaca
) -> None:
    found = broker.submit(asked)
    assert (found.status, words in str(found.reason)) == ("rejected", True)
    assert posted(service) == 0


def test_too_little_buying_power_is_said_by_alpaca(broker: AlpacaBroker, service: Alpaca) -> None:
    found = broker.submit(order(quantity=10_000.0))
    assert found == BrokerOrder("ta-1", "rejected", "Alpaca: insufficient buying power")
    assert service.orders == []


def test_a_closed_window_is_no_order(broker: AlpacaBroker, service: Alpaca) -> None:
    service.now, service.next_open = dt.datetime(2017, 7, 11, 15, tzinfo=dt.UTC), "2017-07-12T09:30:00-04:00"
    assert "next open of Alpaca is that of 2017-07-12" in str(broker.submit(order()).reason)
    assert posted(service) == 0


def test_a_blocked_account_sends_nothing(broker: AlpacaBroker, service: Alpaca) -> None:
    service.account["account_blocked"] = True
    assert "blocked" in str(broker.submit(order()).reason)
    assert posted(service) == 0


def test_who_is_not_to_be_short_may_sell_what_is_held(broker: AlpacaBroker, service: Alpaca) -> None:
    service.account["shorting_enabled"] = False
    service.hold("AAA", 10, 50.0)
    assert broker.submit(order("ta-in", side="sell")).status == "accepted"
    assert "may not sell short" in str(broker.submit(order("ta-short", symbol="BBB", side="sell")).reason)


def test_an_order_that_turns_a_position_is_refused(broker: AlpacaBroker, service: Alpaca) -> None:
    service.hold("AAA", 4, 50.0)
    assert "turns a position" in str(broker.submit(order(side="sell")).reason)


@pytest.mark.parametrize("fault", ["mute", "cut", "slow", "strange"])
def test_an_order_whose_answer_is_lost_is_found_by_its_id(fault: str, broker: AlpacaBroker, service: Alpaca) -> None:
    service.faults, service.only = [fault], ("POST", "/orders")
    assert broker.submit(order()) == BrokerOrder("ta-1", "accepted")
    assert (posted(service), len(service.orders)) == (1, 1)


def test_an_order_that_was_not_heard_is_nobodys_knowledge(broker: AlpacaBroker, service: Alpaca) -> None:
    service.faults, service.only = ["deaf"], ("POST", "/orders")
    with pytest.raises(BrokerUnavailableError):
        broker.submit(order())
    assert service.orders == []
    assert broker.submit(order()).status == "accepted"


def test_the_same_id_is_taken_once(broker: AlpacaBroker, service: Alpaca) -> None:
    broker.submit(order())
    with pytest.raises(DuplicateOrderError):
        broker.submit(order())
    assert len(service.orders) == 1


def test_what_is_cancelled_is_final_and_what_is_final_stays(broker: AlpacaBroker, service: Alpaca) -> None:
    for name in ("one", "two"):
        broker.submit(order(name))
    assert broker.cancel("one") == BrokerOrder("one", "cancelled")
    assert broker.cancel("one") == BrokerOrder("one", "cancelled")
    service.fill("two", 10, 50.0, OPEN)
    assert broker.cancel("two") == BrokerOrder("two", "filled")
    with pytest.raises(UnknownOrderError):
        broker.cancel("three")


def test_a_halted_symbol_says_so(broker: AlpacaBroker, service: Alpaca) -> None:
    broker.submit(order())
    service.orders[0]["status"] = "suspended"
    assert broker.orders() == [BrokerOrder("ta-1", "accepted", "it is suspended: the symbol may be halted")]


def test_long_lists_are_read_to_their_end(
    broker: AlpacaBroker, service: Alpaca, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages of three: orders of a millisecond each, of which a page ends within a second, and then in the next one."""
    monkeypatch.setattr(module, "_ORDERS", 3)
    monkeypatch.setattr(module, "_ACTIVITIES", 3)
    for number in range(10):
        service.now += dt.timedelta(seconds=0.7 if number % 4 else 0.0)
        broker.submit(order(f"ta-{number}"))
        service.fill(f"ta-{number}", 10, 50.0, OPEN)
    assert [each.client_order_id for each in broker.orders()] == [f"ta-{number}" for number in range(10)]
    assert [each.client_order_id for each in broker.fills()] == [f"ta-{number}" for number in range(10)]


def test_quotes_have_both_sides(broker: AlpacaBroker, service: Alpaca) -> None:
    at = dt.datetime(2017, 7, 10, 19, 59, 59, 123456)
    assert broker.quotes(["AAA", "BTC", "NONE"]) == {
        "AAA": BrokerQuote("AAA", 49.9, 50.0, at),
        "BTC": BrokerQuote("BTC", 39_999.9, 40_000.0, at),
    }
    service.prices["AAA"] = 0.1  # a bid of nothing
    assert broker.quotes(["AAA"]) == {}


def test_an_answer_that_is_not_as_documented_is_none(broker: AlpacaBroker, service: Alpaca) -> None:
    for ask, bad in ((broker.account, {"cash": "NaN"}), (broker.positions, {"unexpected": True})):
        service.account |= bad
        service.positions["AAA"] = bad
        with pytest.raises(BrokerUnavailableError, match="not as documented"):
            ask()
