"""An order in Alpaca's words, and what cannot be ordered there."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from trading_assets.trading.brokers.alpaca.names import Names
from trading_assets.trading.brokers.alpaca.order_form import Clock, form_of, why_not
from trading_assets.trading.brokers.port import OrderRequest
from trading_assets_tests.trading.brokers.alpaca.service import Alpaca

NAMES = Names({"BTC": "BTC/USD"})
TUESDAY = dt.date(2017, 7, 11)
#: Monday 22:00 in New York.
NIGHT = Clock(dt.datetime(2017, 7, 11, 2, 0), TUESDAY)
SHARE = Alpaca.asset("AAA")
COIN = Alpaca.asset("BTC/USD") | {"min_order_size": "0.0001", "price_increment": "0.01"}


def at_open(**said: Any) -> OrderRequest:
    words: dict[str, Any] = {"symbol": "AAA", "side": "buy", "quantity": 10.0, "type": "market_on_open", "limit": None}
    return OrderRequest("ta-1", TUESDAY, **(words | said))


def limit(**said: Any) -> OrderRequest:
    words = {"symbol": "BTC", "quantity": 0.5, "type": "marketable_limit", "limit": 40_400.0}
    return at_open(**(words | said))


def test_an_order_for_the_open_is_a_market_order_opg() -> None:
    assert form_of(at_open(), NAMES, SHARE) == {
        "symbol": "AAA",
        "qty": "10",
        "side": "buy",
        "client_order_id": "ta-1",
        "type": "market",
        "time_in_force": "opg",
    }


def test_a_limit_for_the_open_is_for_its_auction_and_whole() -> None:
    """A closing that sells no further from its mark than it was told."""
    order = at_open(type="limit_on_open", side="sell", limit=47.501)
    form = form_of(order, NAMES, SHARE)
    assert (form["type"], form["time_in_force"], form["limit_price"]) == ("limit", "opg", "47.51")
    assert why_not(order, NAMES, SHARE, "USD", NIGHT) is None
    assert "parts of a share" in str(why_not(replace(order, quantity=1.5), NAMES, SHARE, "USD", NIGHT))
    assert "a limit of None" in str(why_not(replace(order, limit=None), NAMES, SHARE, "USD", NIGHT))


@pytest.mark.parametrize(("side", "price"), [("buy", "40400.12"), ("sell", "40400.13")])
def test_a_coin_takes_a_limit_on_the_tick_that_is_no_worse(side: str, price: str) -> None:
    """40,400.126 is between two ticks: who buys pays no more, who sells takes no less."""
    form = form_of(limit(side=side, limit=40_400.126), NAMES, COIN)
    assert (form["symbol"], form["qty"], form["time_in_force"], form["limit_price"]) == ("BTC/USD", "0.5", "ioc", price)


@pytest.mark.parametrize(("asked", "price"), [(0.12345, "0.1234"), (12.345, "12.34"), (10.07, "10.07")])
def test_a_share_has_cents_and_below_a_dollar_hundredths_of_them(asked: float, price: str) -> None:
    assert form_of(limit(symbol="AAA", limit=asked), NAMES, SHARE)["limit_price"] == price


@pytest.mark.parametrize(
    ("order", "asset", "words"),
    [
        (at_open(quantity=10.5), SHARE, "parts of a share"),
        (at_open(quantity=float("nan")), SHARE, "a quantity of nan"),
        (at_open(quantity=-1.0), SHARE, "a quantity of -1"),
        (at_open(), {}, "Alpaca does not know AAA"),
        (at_open(), SHARE | {"status": "inactive"}, "not traded"),
        (at_open(), SHARE | {"tradable": False}, "not traded"),
        (at_open(symbol="BTC"), COIN, "no open"),
        (limit(limit=None), COIN, "a limit of None"),
        (limit(quantity=0.00001), COIN, "less than Alpaca takes"),
    ],
)
def test_what_cannot_be_ordered_is_said_in_words(order: OrderRequest, asset: dict[str, Any], words: str) -> None:
    assert words in str(why_not(order, NAMES, asset, "USD", NIGHT))


def test_nothing_is_known_against_what_can_be() -> None:
    assert why_not(at_open(), NAMES, SHARE, "USD", NIGHT) is None
    assert why_not(limit(), NAMES, COIN, "USD", NIGHT) is None


def test_another_currency_is_refused() -> None:
    assert "paid for in USD, and the account is in EUR" in str(why_not(at_open(), NAMES, SHARE, "EUR", NIGHT))
    names = Names({"BTC": "BTC/USDT"})
    assert "paid for in USDT" in str(why_not(limit(), names, COIN, "USD", NIGHT))


@pytest.mark.parametrize(
    ("hour", "words"), [((13, 27), None), ((13, 28), "from 19:00 to 09:28"), ((22, 59), "from 19:00"), ((23, 0), None)]
)
def test_orders_for_the_open_are_taken_at_night(hour: tuple[int, int], words: str | None) -> None:
    """Summer time: 13:28 UTC is 09:28 in New York, and 23:00 is 19:00."""
    found = why_not(at_open(), NAMES, SHARE, "USD", Clock(dt.datetime(2017, 7, 10, *hour), TUESDAY))
    assert found is None if words is None else words in str(found)


def test_an_order_for_another_open_than_the_next_one_is_refused() -> None:
    later = Clock(NIGHT.at, dt.date(2017, 7, 12))
    assert "that of 2017-07-12, and the order is for that of 2017-07-11" in str(
        why_not(at_open(), NAMES, SHARE, "USD", later)
    )


def test_a_quantity_is_in_the_steps_in_which_alpaca_takes_a_coin() -> None:
    """A coin whose step is 0.1; of what fees in coins have left over, whole steps are sold, and nothing else."""
    coin = COIN | {"min_trade_increment": "0.1", "min_order_size": "0.3"}
    noisy = limit(quantity=0.30000000000000004)
    assert why_not(noisy, NAMES, coin, "USD", NIGHT) is None
    assert form_of(noisy, NAMES, coin)["qty"] == "0.3"
    odd = limit(quantity=0.49875)
    assert "0.49875 is no multiple of 0.1" in str(why_not(odd, NAMES, coin, "USD", NIGHT))
    leaving = replace(odd, side="sell")
    assert why_not(leaving, NAMES, coin, "USD", NIGHT) is None
    assert form_of(leaving, NAMES, coin)["qty"] == "0.4"
    assert "less than Alpaca takes" in str(why_not(replace(leaving, quantity=0.25), NAMES, coin, "USD", NIGHT))


def test_a_coin_without_a_step_has_nine_decimals() -> None:
    asset = {name: value for name, value in COIN.items() if name != "min_trade_increment"}
    assert form_of(limit(quantity=2.6181401600000003), NAMES, asset)["qty"] == "2.61814016"
    assert form_of(limit(side="sell", quantity=0.0049875126), NAMES, asset)["qty"] == "0.004987512"


def test_a_share_that_is_whole_but_for_noise_is_whole() -> None:
    order = at_open(quantity=2.9999999999999996)
    assert why_not(order, NAMES, SHARE, "USD", NIGHT) is None
    assert form_of(order, NAMES, SHARE)["qty"] == "3"
