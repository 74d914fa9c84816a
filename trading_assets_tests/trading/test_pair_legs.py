"""Of a pair both legs are entered at a broker or neither, whatever it makes of one of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.config.sections import Risk
from trading_assets.trading.broker_books import Leg
from trading_assets.trading.brokers.port import BrokerOrder, OrderRequest
from trading_assets.trading.brokers.simulated import Hostility, Quote, SimulatedBroker
from trading_assets.trading.left_over_of_account import Trades, lines_of_close, units_left
from trading_assets.trading.order_sheet import order_sheet
from trading_assets.trading.pair_legs import broken_legs, other_entries
from trading_assets.trading.submission import collect_fills, submit, submit_until_answered
from trading_assets.trading.tables import ENGINE_FILLS, PENDING_ORDERS, SUBMISSIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.trading.test_order_sheet import FRIDAY, MONDAY, sheet_of, waiting
from trading_assets_tests.trading.test_reconciliation import OPENING

NOW, PAIR = dt.datetime(2017, 6, 30, 22), "AAA/BBB"
LONG, SHORT = waiting(pair_id=PAIR, stop_price=None), waiting("BBB", pair_id=PAIR, side="sell", stop_price=None)
ENGINE: dict[Leg, float] = {("AAA", PAIR): 100.0, ("BBB", PAIR): -100.0}
QUOTES: dict[str | tuple[str, str], Quote] = {
    (symbol, side): Quote(50.0, 0.0) for symbol in ("AAA", "BBB") for side in ("buy", "sell")
}


class Refusing(SimulatedBroker):
    """A broker that refuses a symbol."""

    refused: str = ""

    def submit(self, order: OrderRequest) -> BrokerOrder:
        if order.symbol == self.refused:
            return BrokerOrder(order.client_order_id, "rejected", "not shortable")
        return super().submit(order)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "w.duckdb")


def sheet() -> pl.DataFrame:
    return sheet_of(LONG, SHORT, waiting("CCC"))


@pytest.mark.parametrize("symbol", ["AAA", "BBB"])
def test_where_one_leg_is_refused_the_other_is_not_sent_or_taken_back(
    symbol: str, warehouse: Warehouse, tmp_path: Path
) -> None:
    """Whichever is asked first; asked again nothing else comes of it, and what is no leg goes its own way."""
    broker = Refusing(tmp_path / "b.db")
    object.__setattr__(broker, "refused", symbol)
    names = dict(sheet().select("symbol", "client_order_id").iter_rows())
    found = submit(warehouse, broker, sheet(), is_halted=lambda: False, over=FRIDAY, now=NOW)
    assert names[symbol] in {each.client_order_id for each in found.answered if each.status == "rejected"}
    submit(warehouse, broker, sheet(), is_halted=lambda: False, over=FRIDAY, now=NOW)
    broker.open_session(MONDAY, QUOTES | {("CCC", "buy"): Quote(50.0, 0.0)})
    assert [fill.symbol for fill in broker.fills()] == ["CCC"]
    other = "BBB" if symbol == "AAA" else "AAA"
    said = warehouse.read(SUBMISSIONS).filter(symbol=other).sort("event").select("event", "reason").rows()
    side = "buy" if symbol == "AAA" else "sell"
    why = f"the broker refused {side} {symbol}, the other leg of its pair"
    is_first = names[symbol] < names[other]
    taken_back = [("accepted", None), ("cancel", why), ("cancelled", why), ("intended", None)]
    assert said == ([] if is_first else taken_back)


def test_a_leg_that_is_refused_once_and_taken_later_does_not_enter_alone(warehouse: Warehouse, tmp_path: Path) -> None:
    """A broker that keeps no order that it refused is asked again: the leg that was taken back stays taken back."""
    broker = Refusing(tmp_path / "b.db")
    names = dict(sheet().select("symbol", "client_order_id").iter_rows())
    last = max(("AAA", "BBB"), key=lambda symbol: names[symbol])
    object.__setattr__(broker, "refused", last)
    submit(warehouse, broker, sheet(), is_halted=lambda: False, over=FRIDAY, now=NOW)
    object.__setattr__(broker, "refused", "")
    found = submit(warehouse, broker, sheet(), is_halted=lambda: False, over=FRIDAY, now=NOW)
    assert names[last] in found.held_back
    broker.open_session(MONDAY, QUOTES)
    assert not [fill for fill in broker.fills() if fill.symbol in ("AAA", "BBB")]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_line_does_no_leg_enters_alone(seed: int, warehouse: Warehouse, tmp_path: Path) -> None:
    """Half of the orders are rejected, and half of the calls are lost."""
    broker = SimulatedBroker(tmp_path / "b.db", Hostility(rejects=0.5, deaf=0.3, mute=0.3), seed)
    submit_until_answered(warehouse, broker, sheet(), is_halted=lambda: False, over=FRIDAY, now=NOW, attempts=60)
    broker.open_session(MONDAY, QUOTES)
    legs = {fill.symbol for fill in broker.fills()} & {"AAA", "BBB"}
    assert legs in (set(), {"AAA", "BBB"})


def test_both_legs_are_sent_where_nothing_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    broker = SimulatedBroker(tmp_path / "b.db")
    found = submit(warehouse, broker, sheet(), is_halted=lambda: False, over=FRIDAY, now=NOW)
    assert len(found.answered) == 3
    broker.open_session(MONDAY, QUOTES)
    assert {fill.symbol for fill in broker.fills()} == {"AAA", "BBB"}


def after_open(warehouse: Warehouse, broker: SimulatedBroker, quotes: dict[str | tuple[str, str], Quote]) -> Trades:
    """Both legs were sent, and the market has opened."""
    submit(warehouse, broker, sheet_of(LONG, SHORT), is_halted=lambda: False, over=FRIDAY, now=NOW)
    broker.open_session(MONDAY, quotes)
    collect_fills(warehouse, broker, "s", "s-1", NOW)
    splits = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date, "split_ratio": pl.Float64})
    return Trades([FRIDAY, MONDAY], splits, ENGINE_FILLS.empty())


def test_a_leg_whose_other_leg_did_not_fill_is_sold_by_the_next_sheet(warehouse: Warehouse, tmp_path: Path) -> None:
    """BBB has no quote, and expires: 100 of AAA are there alone, though the engine holds both."""
    broker = SimulatedBroker(tmp_path / "b.db")
    trades = after_open(warehouse, broker, {("AAA", "buy"): Quote(50.0, 0.0)})
    left = units_left(warehouse, broker, OPENING, trades, ENGINE, NOW)
    assert left == {("AAA", PAIR): 100.0}
    pending = PENDING_ORDERS.conform(pl.DataFrame([LONG, SHORT], schema=PENDING_ORDERS.empty().schema))
    [line] = lines_of_close(warehouse, "small", OPENING, pending, left, MONDAY, {"AAA": 50.0}).to_dicts()
    said = (line["symbol"], line["side"], line["quantity"], line["reason"], line["status"])
    assert said == ("AAA", "sell", 100.0, "left_over", "ready")


@pytest.mark.parametrize("reason", ["reformation", "hard_stop"])
def test_a_broken_leg_that_the_engine_leaves_at_this_close_is_sold_once(
    warehouse: Warehouse, tmp_path: Path, reason: str
) -> None:
    """Its own exit and what is left over would both sell the 100 that are there: -100 after the open."""
    broker = SimulatedBroker(tmp_path / "b.db")
    trades = after_open(warehouse, broker, {("AAA", "buy"): Quote(50.0, 0.0)})
    left = units_left(warehouse, broker, OPENING, trades, ENGINE, NOW)
    leaves: dict[str, Any] = {"pair_id": PAIR, "stop_price": None, "entry": False, "session": MONDAY, "reason": reason}
    exits = [waiting(side="sell", order_id="x1", **leaves), waiting("BBB", side="buy", order_id="x2", **leaves)]
    pending = PENDING_ORDERS.conform(pl.DataFrame([LONG, SHORT, *exits], schema=PENDING_ORDERS.empty().schema))
    rest = lines_of_close(warehouse, "small", OPENING, pending, left, MONDAY, {"AAA": 50.0})
    own = order_sheet("small", pending.filter(session=MONDAY), Risk(), held={("AAA", PAIR): 100.0})
    both = pl.concat([own, rest])
    submit(warehouse, broker, both, is_halted=lambda: False, over=MONDAY, now=NOW)
    broker.open_session(both["for_session"][0], QUOTES)
    assert [(each.symbol, each.quantity) for each in broker.positions() if each.quantity] == []


def test_a_leg_that_may_still_come_is_taken_back_before_the_other_is_sold(warehouse: Warehouse, tmp_path: Path) -> None:
    """BBB would fill a session late: it is taken back, and the pair is none at the broker."""
    names = dict(sheet_of(LONG, SHORT).select("symbol", "client_order_id").iter_rows())
    seed = next(
        seed
        for seed in range(200)
        if _is_late(seed, names["BBB"], tmp_path) and not _is_late(seed, names["AAA"], tmp_path)
    )
    broker = SimulatedBroker(tmp_path / "b.db", Hostility(late=0.5), seed)
    trades = after_open(warehouse, broker, QUOTES)
    assert units_left(warehouse, broker, OPENING, trades, ENGINE, NOW) == {("AAA", PAIR): 100.0}
    assert {each.client_order_id: each.status for each in broker.orders()}[names["BBB"]] == "cancelled"


def _is_late(seed: int, name: str, folder: Path) -> bool:
    return SimulatedBroker(folder / "none.db", seed=seed)._drawn("late", name) < 0.5


def test_a_pair_whose_legs_are_both_there_is_left_alone(warehouse: Warehouse, tmp_path: Path) -> None:
    broker = SimulatedBroker(tmp_path / "b.db")
    trades = after_open(warehouse, broker, QUOTES)
    assert units_left(warehouse, broker, OPENING, trades, ENGINE, NOW) == {}


def test_legs_of_several_pairs_in_one_symbol_are_told_apart() -> None:
    """AAA is in two pairs: of P both legs are there, of Q one; and a pair of which nothing is there is not broken."""
    engine: dict[Leg, float] = {("AAA", "P"): 1.0, ("BBB", "P"): -1.0, ("AAA", "Q"): 2.0, ("CCC", "Q"): -2.0}
    engine |= {("DDD", "R"): 1.0}
    ours: dict[Leg, float] = {("AAA", "P"): 1.0, ("BBB", "P"): -1.0, ("AAA", "Q"): 2.0}
    assert broken_legs(ours, engine) == ({("AAA", "Q")}, {("CCC", "Q")})
    assert broken_legs({}, engine) == (set(), set())


def test_only_entries_of_a_pair_wait_for_each_other() -> None:
    leaving = [LONG | {"entry": False}, SHORT | {"entry": False}]
    assert other_entries(sheet_of(*leaving)) == {}
    names = dict(sheet().select("symbol", "client_order_id").iter_rows())
    assert other_entries(sheet()) == {names["AAA"]: (names["BBB"],), names["BBB"]: (names["AAA"],)}
