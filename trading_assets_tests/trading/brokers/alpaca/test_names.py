"""Symbols, times and numbers as Alpaca writes them."""

from __future__ import annotations

import datetime as dt

import pytest

from trading_assets.trading.brokers.alpaca.names import Names, number_of, text_of, time_of

NAMES = Names({"BTC": "BTC/USD"})


def test_a_coin_is_found_under_both_of_its_names() -> None:
    assert NAMES.theirs("BTC") == "BTC/USD"
    assert [NAMES.ours(each) for each in ("BTC/USD", "BTCUSD", "AAA", "BRK.B")] == ["BTC", "BTC", "AAA", "BRK.B"]
    assert [NAMES.is_coin(each) for each in ("BTC", "ETH/USD", "AAA")] == [True, True, False]


def test_a_session_is_the_day_in_new_york_and_of_a_coin_that_of_utc() -> None:
    """01:30 UTC on Wednesday is 21:30 on Tuesday in New York."""
    at = dt.datetime(2017, 7, 12, 1, 30)
    assert NAMES.session_of("AAA", at) == dt.date(2017, 7, 11)
    assert NAMES.session_of("BTC", at) == dt.date(2017, 7, 12)


@pytest.mark.parametrize("text", ["2021-05-10T14:01:04.650275Z", "2021-05-10T10:01:04.650275999-04:00"])
def test_times_are_of_utc_and_lose_their_nanoseconds(text: str) -> None:
    assert time_of(text) == dt.datetime(2021, 5, 10, 14, 1, 4, 650275)


def test_numbers_are_read_from_text_and_written_without_exponents() -> None:
    assert number_of("0.38962051") == 0.38962051
    assert [text_of(each) for each in (1e-8, 100.0, 0.1 + 0.2, 1e7)] == ["0.00000001", "100", "0.3", "10000000"]
    for bad in ("nan", "inf", "", None):
        with pytest.raises(ValueError):
            number_of(bad)
