"""Orders as IB takes them, and what is refused in words."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from ib_async import ContractDetails

from trading_assets.config.interactive_brokers import InteractiveBrokersSettings
from trading_assets.trading.brokers.interactive_brokers.order_form import made_of, unfit
from trading_assets.trading.brokers.port import OrderRequest
from trading_assets_tests.trading.brokers.interactive_brokers.asking import TUESDAY, at_open, limit
from trading_assets_tests.trading.brokers.interactive_brokers.tws import EVENING
from trading_assets_tests.trading.brokers.interactive_brokers.tws_messages import NEW_YORK_HOURS

SETTINGS = InteractiveBrokersSettings(coins={"BTC/USD": "BTC"})
SHARE = ContractDetails(minTick=0.01, timeZoneId="US/Eastern", liquidHours=NEW_YORK_HOURS)
COIN = ContractDetails(minTick=0.25, minSize=0.001, sizeIncrement=0.001)


def test_an_order_says_side_size_kind_and_whose_it_is() -> None:
    made = made_of(at_open(side="sell", quantity=100.0), SHARE, "DU1")
    assert (made.action, str(made.totalQuantity), made.orderType, made.tif) == ("SELL", "100", "MKT", "OPG")
    assert (made.account, made.orderRef, made.transmit) == ("DU1", "one", True)


def test_a_limit_for_the_open_is_for_its_auction_and_whole() -> None:
    order = OrderRequest("one", TUESDAY, "AAPL", "sell", 10.0, "limit_on_open", 200.0)
    made = made_of(order, SHARE, "DU1")
    assert (made.orderType, made.tif, str(made.lmtPrice)) == ("LMT", "OPG", "200.00")
    assert unfit(order, SHARE, EVENING, SETTINGS) is None
    assert "fractions of a share" in (unfit(replace(order, quantity=1.5), SHARE, EVENING, SETTINGS) or "")
    assert "without a limit" in (unfit(replace(order, limit=None), SHARE, EVENING, SETTINGS) or "")


@pytest.mark.parametrize(("side", "price"), [("buy", "89999.75"), ("sell", "90000.00")])
def test_a_limit_is_put_on_the_tick_that_is_no_worse(side: str, price: str) -> None:
    made = made_of(limit(side=side, price=89_999.9), COIN, "DU1")
    assert (made.orderType, made.tif, str(made.lmtPrice)) == ("LMT", "IOC", price)


def test_small_quantities_are_written_without_an_exponent() -> None:
    assert str(made_of(limit(quantity=0.00001234), COIN, "DU1").totalQuantity) == "0.00001234"


@pytest.mark.parametrize(
    ("order", "details", "words"),
    [
        (at_open(), SHARE, None),
        (limit(quantity=0.003), COIN, None),
        (limit(quantity=0.0005), COIN, "less than IB takes"),
        (limit(quantity=0.0015), COIN, "no multiple of 0.001"),
        (at_open(quantity=float("inf")), SHARE, "a quantity of inf"),
        (at_open(quantity=-1.0), SHARE, "a quantity of -1"),
        (limit(price=float("nan")), COIN, "without a limit"),
        (limit(price=0.0), COIN, "without a limit"),
        (
            OrderRequest("one", TUESDAY, "AAPL", "buy", 1.0, "marketable_limit", 200.0),
            SHARE,
            "limit orders are sent for",
        ),
    ],
)
def test_what_ib_would_not_take_is_said_in_words(
    order: OrderRequest, details: ContractDetails, words: str | None
) -> None:
    found = unfit(order, details, EVENING, SETTINGS)
    assert found is None if words is None else words in (found or "")


def test_an_order_for_the_open_may_be_sent_until_the_open() -> None:
    opens = dt.datetime(2026, 12, 1, 14, 30, tzinfo=dt.UTC)
    assert unfit(at_open(), SHARE, opens - dt.timedelta(seconds=1), SETTINGS) is None
    assert "does not tell when AAPL opens next" in (unfit(at_open(), SHARE, opens, SETTINGS) or "")


@pytest.mark.parametrize("quantity", [0.30000000000000004, 2.7000000000000001, 0.7000000000000001])
def test_the_noise_of_floats_is_no_part_of_an_order(quantity: float) -> None:
    """Lots of 0.1 as the engine counts them: 3 * 0.1 is 0.30000000000000004."""
    coin = replace(COIN, minSize=0.3, sizeIncrement=0.1)
    asked = limit(quantity=quantity, side="sell")
    assert unfit(asked, coin, EVENING, SETTINGS) is None
    assert str(made_of(asked, coin, "DU1").totalQuantity) == str(round(quantity, 1))
    shares = at_open(quantity=quantity * 10.0)
    assert unfit(shares, SHARE, EVENING, SETTINGS) is None
    assert str(made_of(shares, SHARE, "DU1").totalQuantity) == str(round(quantity * 10))
