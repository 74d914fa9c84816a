"""Symbols there and back, and the hours that IB tells: half days, breaks, nights, closed days."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async import Contract, ContractDetails

from trading_assets.config.interactive_brokers import InteractiveBrokersSettings
from trading_assets.trading.brokers.interactive_brokers.contracts import (
    contract_of,
    hours_of,
    next_open,
    symbol_of,
    to_tick,
    zone_of,
)

SETTINGS = InteractiveBrokersSettings(symbols={"TEN.OLD": "TENX"}, coins={"BTC/USD": "BTC"})


@pytest.mark.parametrize(
    ("symbol", "kind", "name", "exchange"),
    [
        ("AAPL", "STK", "AAPL", "SMART"),
        ("BRK.B", "STK", "BRK B", "SMART"),
        ("TEN.OLD", "STK", "TENX", "SMART"),
        ("BTC/USD", "CRYPTO", "BTC", "PAXOS"),
    ],
)
def test_a_symbol_is_found_again_in_what_ib_calls_it(symbol: str, kind: str, name: str, exchange: str) -> None:
    made = contract_of(symbol, SETTINGS)
    assert (made.secType, made.symbol, made.exchange, made.currency) == (kind, name, exchange, "USD")
    assert symbol_of(made, SETTINGS) == symbol


def test_what_is_no_share_or_coin_of_the_currency_is_no_symbol_of_ours() -> None:
    """An option on AAPL, a share in euros and a coin that nobody named are not taken for the shares of that name."""
    option = Contract(secType="OPT", symbol="AAPL", localSymbol="AAPL  261218C00200000", currency="USD")
    share = Contract(secType="STK", symbol="AAPL", currency="EUR")
    coin = Contract(secType="CRYPTO", symbol="ETH", localSymbol="ETH.USD", currency="USD")
    names = [symbol_of(each, SETTINGS) for each in (option, share, coin)]
    assert names == ["AAPL  261218C00200000 OPT USD", "AAPL STK EUR", "ETH.USD CRYPTO USD"]


def told(hours: str, zone: str = "US/Eastern") -> ContractDetails:
    return ContractDetails(liquidHours=hours, timeZoneId=zone)


def test_hours_are_utc_on_both_sides_of_daylight_saving_and_on_a_half_day() -> None:
    """New York is 5 hours behind UTC in November and 4 in July; the day after Thanksgiving ends at 13:00."""
    found = hours_of(told("20260703:0930-20260703:1600;20261126:CLOSED;20261127:0930-20261127:1300"))
    assert [(each.session, each.opens.hour, each.closes.hour) for each in found] == [
        (dt.date(2026, 7, 3), 13, 20),
        (dt.date(2026, 11, 27), 14, 18),
    ]


def test_a_break_at_noon_makes_no_second_open_and_a_session_over_night_is_of_the_day_it_closes_on() -> None:
    tokyo = hours_of(told("20261201:0900-20261201:1130;20261201:1230-20261201:1530", "Asia/Tokyo"))
    assert [(each.session, each.opens.hour, each.closes.hour) for each in tokyo] == [(dt.date(2026, 12, 1), 0, 6)]
    (night,) = hours_of(told("20261130:1700-20261201:1600", "US/Central"))
    assert night.session == dt.date(2026, 12, 1)


@pytest.mark.parametrize("details", [told(""), told("20261201:0930-20261201:1600", ""), told("20261201:CLOSED")])
def test_no_hours_are_no_open(details: ContractDetails) -> None:
    assert next_open(details, dt.datetime(2026, 11, 30, tzinfo=dt.UTC)) is None


def test_the_next_open_is_after_now_to_the_second() -> None:
    details = told("20261130:0930-20261130:1600;20261201:0930-20261201:1600")
    opens = dt.datetime(2026, 11, 30, 14, 30, tzinfo=dt.UTC)
    for seconds, session in ((-1, 30), (0, 1), (1, 1)):
        found = next_open(details, opens + dt.timedelta(seconds=seconds))
        assert found is not None
        assert found.session.day == session


def test_a_zone_that_nobody_knows_is_none() -> None:
    assert zone_of(told("", "Nowhere/City")) is None
    assert str(zone_of(told("", "EST5EDT"))) == "EST5EDT"


@given(
    limit=st.decimals("0.0001", 10_000, places=6, allow_nan=False),
    tick=st.sampled_from([0.01, 0.05, 0.0001, 0.25]),
    side=st.sampled_from(["buy", "sell"]),
)
def test_a_price_on_the_tick_is_never_worse_than_the_limit_and_less_than_a_tick_from_it(
    limit: object, tick: float, side: str
) -> None:
    found, wanted = float(to_tick(float(str(limit)), tick, side)), float(str(limit))
    assert found <= wanted if side == "buy" else found >= wanted
    assert abs(found - wanted) < tick
    assert round(found / tick) * tick == pytest.approx(found)


def test_without_a_tick_a_limit_is_as_it_is() -> None:
    assert float(to_tick(1.23456789, 0.0, "buy")) == 1.23456789
