"""Books by fills alone: units by leg, splits, endings and cash by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.trading.broker_books import Books, Trade, books_on_record, ratios_at
from trading_assets.trading.brokers.port import BrokerFill
from trading_assets.trading.brokers.simulated import Quote
from trading_assets.trading.submission import collect_fills, submit
from trading_assets.trading.tables import ENGINE_FILLS
from trading_assets_tests.trading.sending import NOW, parts
from trading_assets_tests.trading.test_order_sheet import FRIDAY, MONDAY, sheet_of, waiting

BOUGHT = Trade(("AAA", None), 101.0, 50.0, 2.0)


def test_units_and_cash_of_fills() -> None:
    """101 at 50 and a fee of 2, then 40 sold at 60 and a fee of 1."""
    books = Books().after({}, [BOUGHT]).after({}, [Trade(("AAA", None), -40.0, 60.0, 1.0)])
    assert books.held == {("AAA", None): 61.0}
    assert books.cash == -5_052.0 + 2_399.0


def test_legs_are_held_apart_and_a_symbol_is_their_sum() -> None:
    legs = [Trade(("AAA", "AAA/BBB"), 10.0, 5.0, 0.0), Trade(("AAA", "AAA/CCC"), -10.0, 5.0, 0.0)]
    books = Books().after({}, legs)
    assert books.held == {("AAA", "AAA/BBB"): 10.0, ("AAA", "AAA/CCC"): -10.0}
    assert books.of_symbols() == {"AAA": 0.0}


@pytest.mark.parametrize(("ratio", "units"), [(2.0, 202.0), (0.5, 50.0), (1.5, 151.0), (1.0, 101.0)])
def test_a_split_leaves_whole_units(ratio: float, units: float) -> None:
    assert Books().after({}, [BOUGHT]).after({"AAA": ratio}, []).held == {("AAA", None): units}


def test_an_ending_pays_what_is_there() -> None:
    """The engine had 200 and paid 4; 101 are there, which pay 2.02."""
    books = Books().after({}, [BOUGHT]).after({}, [], [Trade(("AAA", None), -200.0, 10.0, 4.0)])
    assert books.held == {}
    assert books.cash == pytest.approx(-5_052.0 + 1_010.0 - 2.02)


def test_books_on_record_know_the_leg_of_an_order(tmp_path: Path) -> None:
    """100 were bought for a pair on Monday; a split of 2 for 1 comes the session after, when the engine has nothing."""
    warehouse, broker = parts(tmp_path)
    sheet = sheet_of(waiting(pair_id="AAA/BBB"))
    submit(warehouse, broker, sheet, is_halted=lambda: False, over=FRIDAY, now=NOW)
    broker.open_session(MONDAY, {("AAA", "buy"): Quote(50.0, 0.0)})
    [fill] = collect_fills(warehouse, broker, "s", "s-1", NOW)
    assert isinstance(fill, BrokerFill)
    splits = pl.DataFrame({"symbol": ["AAA"], "session": [dt.date(2017, 7, 5)], "split_ratio": [2.0]})
    days = [FRIDAY, MONDAY, dt.date(2017, 7, 5)]
    found, engine = books_on_record(warehouse, "s", "s-1", days, splits, ENGINE_FILLS.empty())
    assert found.held == {("AAA", "AAA/BBB"): 200.0}
    assert found.cash == -5_000.0
    assert engine == Books()
    assert ratios_at(splits, MONDAY) == {}
