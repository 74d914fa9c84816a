"""Quotes: which are none, and when those were made that are."""

from __future__ import annotations

import datetime as dt

import pytest

from trading_assets_tests.trading.brokers.interactive_brokers.asking import asking
from trading_assets_tests.trading.brokers.interactive_brokers.tws import EVENING, QUOTE, Tws
from trading_assets_tests.trading.brokers.interactive_brokers.tws_messages import quoted


@pytest.mark.parametrize(
    ("kind", "last", "made"),
    [
        (1, None, EVENING),
        (3, None, EVENING - dt.timedelta(minutes=15)),
        (2, 1_796_000_000, dt.datetime.fromtimestamp(1_796_000_000, dt.UTC)),
        (4, 1_796_000_000, dt.datetime.fromtimestamp(1_796_000_000, dt.UTC)),
    ],
)
def test_a_quote_is_from_now_delayed_or_of_the_last_trade(kind: int, last: int | None, made: dt.datetime) -> None:
    """1 live, 2 frozen, 3 delayed, 4 delayed and frozen: as the market data type of TWS says."""
    with Tws(ticks={"AAPL": quoted(10.0, 11.0, kind=kind, last=last)}) as tws:
        (quote,) = asking(tws).quotes(["AAPL"]).values()
    assert (quote.symbol, quote.bid, quote.ask, quote.at.replace(tzinfo=dt.UTC)) == ("AAPL", 10.0, 11.0, made)


@pytest.mark.parametrize(
    "ticks",
    [
        quoted(10.0, 11.0, halted=1.0),
        quoted(10.0, 11.0, halted=2.0),
        quoted(-1.0, 11.0),
        quoted(10.0, 0.0),
        quoted(10.0, 11.0, kind=2),
        [],
    ],
    ids=["halted", "halted by volatility", "no bid", "no ask", "frozen, without a trade", "nothing but an end"],
)
def test_no_quote_is_made_up(ticks: list[tuple[object, ...]]) -> None:
    with Tws(ticks={"AAPL": [*ticks, (57, 1, "0")]}) as tws:
        assert asking(tws).quotes(["AAPL"]) == {}


def test_a_snapshot_without_an_end_is_what_was_told_by_then() -> None:
    with Tws(ticks={"AAPL": quoted(10.0, 11.0)[:-1]}) as tws:
        assert asking(tws, timeout_seconds=0.2).quotes(["AAPL"])["AAPL"].ask == 11.0


def test_an_unset_halt_is_none() -> None:
    """TWS tells -1 where it does not know whether a security is halted."""
    with Tws(ticks={"AAPL": quoted(10.0, 11.0, halted=-1.0)}) as tws:
        assert list(asking(tws).quotes(["AAPL"])) == ["AAPL"]


def test_no_symbols_ask_nothing() -> None:
    with Tws() as tws:
        assert asking(tws).quotes([]) == {}
        assert [each for each in tws.heard if each[0] == str(QUOTE)] == []
