"""What an account has left and its broker still holds is sold by a later sheet, once, whatever goes wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from trading_assets.trading.broker_books import Books, own_books_on_record
from trading_assets.trading.brokers.port import Broker, BrokerFill, BrokerPosition, BrokerUnavailableError
from trading_assets.trading.brokers.simulated import Hostility, Quote, SimulatedBroker
from trading_assets.trading.left_over_of_account import Trades, lines_of_close, units_left
from trading_assets.trading.order_sheet import LEFT_OVER
from trading_assets.trading.rollout.withheld import Parting, parted
from trading_assets.trading.settlement import Settling, settle
from trading_assets.trading.submission import submit_until_answered, units_sent
from trading_assets.trading.tables import FILLS, SUBMISSIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.trading.breakout_account import BARS, whole_account
from trading_assets_tests.trading.brokers.alpaca.service import Alpaca, alpaca
from trading_assets_tests.trading.brokers.test_account_at_broker import Days
from trading_assets_tests.trading.rollout.test_settling_by_stage import AtStage

NOW = dt.datetime(2002, 3, 1)
PRICES = BARS.select("symbol", "session", "open", "close").rows()
OPENS = {(symbol, session): opened for symbol, session, opened, _ in PRICES}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Settling:
    return whole_account(tmp_path_factory.mktemp("small"))[0]


def short(account: Settling, sessions: int) -> Settling:
    """The first sessions in which something is ordered."""
    return replace(account, sessions=account.sessions[:sessions])


def rest_at(warehouse: Warehouse, broker: Broker, account: Settling, place: int) -> pl.DataFrame:
    """Lines of the sheet of a close for what is left over, as the asset makes them."""
    sessions, opening = account.sessions[: place + 1], account.opening
    parting = Parting(account.configuration, opening, account.pending, units_sent(warehouse, opening))
    stages = account.rollout.on_record()
    of_sent, _ = parted(parting, sessions, stages, account.splits, account.engine_fills)
    trades = Trades(sessions, account.splits, of_sent)
    left = units_left(warehouse, broker, opening, trades, parting.sent.held, NOW)
    closes = {symbol: close for symbol, session, _, close in PRICES if session <= sessions[-1]}
    names = (warehouse, account.configuration, opening, account.pending)
    return lines_of_close(*names, left, sessions[-1], closes)


def lived(account: Settling, warehouse: Warehouse, broker: SimulatedBroker, by_hand: int | None = None) -> pl.DataFrame:
    """Live all sessions evening by evening, the sheets with what is left over; return the differences."""
    found, sheets = list[pl.DataFrame](), list[pl.DataFrame]()
    for place in range(1, len(account.sessions)):
        made = pl.concat(sheets) if sheets else account.sheets
        until = replace(account, sessions=account.sessions[: place + 1], opens=OPENS, sheets=made)
        last = account.sessions[place - 1] if place > 1 else None
        if place == by_hand:
            broker.trade_by_hand(account.sessions[place], "AAA", "buy", 7.0, Quote(50.0, 0.0))
        found.append(settle(warehouse, broker, until, last, is_halted=lambda: False, now=NOW)[1])
        rest = rest_at(warehouse, broker, account, place)
        again = rest_at(warehouse, broker, account, place)
        assert again.equals(rest)
        for _ in range(2):  # whoever asks, however often
            submit_until_answered(
                warehouse, broker, rest, is_halted=lambda: False, over=account.sessions[place], now=NOW, attempts=60
            )
        sheets.append(rest)
    return pl.concat(found)


def own(warehouse: Warehouse, account: Settling, place: int) -> Books:
    names = (account.opening.strategy, account.opening.account)
    sessions = account.sessions[: place + 1]
    return own_books_on_record(warehouse, *names, sessions, account.splits, account.engine_fills)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3])
def test_what_a_hostile_broker_holds_too_long_is_sold_and_never_twice(
    seed: int, account: Settling, tmp_path: Path
) -> None:
    """Sales of what is left over are sent and fill, nothing is ever sold short, and no sum of units or cash is off."""
    wrong = Hostility(rejects=0.1, partial=0.5, late=0.25, told_twice=0.3, deaf=0.1, mute=0.1)
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), SimulatedBroker(tmp_path / "b.db", wrong, seed)
    account = short(account, 50)
    found = lived(account, warehouse, broker)
    told = warehouse.read(FILLS)
    rests = warehouse.read(SUBMISSIONS).filter(event="intended")
    plain = {row["client_order_id"] for row in account_lines(account)}
    left = rests.filter(~pl.col("client_order_id").is_in(plain))
    assert left.height > 3, left.height
    assert told.filter(pl.col("client_order_id").is_in(left["client_order_id"].implode())).height > 2
    for place in range(1, len(account.sessions)):
        assert all(units > 0 for units in own(warehouse, account, place).held.values())
    of_rest = found.filter(pl.col("client_order_id").is_in(left["client_order_id"].implode()))
    assert {*of_rest["kind"]} <= {"rejected", "partial", "missed", "excess"}
    assert not {*found["kind"]} & {"units", "cash"}
    heard = [each.client_order_id for each in broker.orders()]
    assert len(heard) == len(set(heard))


def account_lines(account: Settling) -> list[dict[str, object]]:
    sheets = [account.sheet_at(day, Books(), differs=False) for day in account.sessions]
    return pl.concat(sheets).to_dicts()


@pytest.mark.slow
def test_at_a_clean_broker_nothing_is_left_over_and_what_somebody_bought_by_hand_stays(
    account: Settling, tmp_path: Path
) -> None:
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), SimulatedBroker(tmp_path / "b.db")
    account = short(account, 15)
    found = lived(account, warehouse, broker, by_hand=2)
    assert found["kind"].to_list() == ["manual_trade"]
    plain = {row["client_order_id"] for row in account_lines(account)}
    assert {*warehouse.read(SUBMISSIONS)["client_order_id"]} <= plain
    held = {each.symbol: each.quantity for each in broker.positions()}
    assert held["AAA"] >= 7.0


@pytest.fixture
def service() -> Iterator[Alpaca]:
    with alpaca() as found:
        yield found


class Lost:
    """A broker whose line is lost once its positions are known."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self.broker, name)

    def fills(self) -> Sequence[BrokerFill]:
        raise BrokerUnavailableError("the line was lost")


class Stale(Lost):
    """A broker whose positions are behind its fills."""

    def __init__(self, broker: Broker, held: Mapping[str, float]) -> None:
        super().__init__(broker)
        self.held = held

    def positions(self) -> Sequence[BrokerPosition]:
        return [BrokerPosition(symbol, units, 1.0) for symbol, units in self.held.items()]

    def fills(self) -> Sequence[BrokerFill]:
        return self.broker.fills()


@pytest.mark.parametrize("stage", ["full", "canary"])
def test_an_exit_that_came_too_late_at_a_real_broker_is_sold_by_the_next_sheet(
    stage: str, account: Settling, service: Alpaca, tmp_path: Path
) -> None:
    """Entries are filled, the exits of one close are never sent: the evening after, the sheet sells what is there."""
    real = replace(account, opening=replace(account.opening, broker="alpaca"))
    days = Days(tmp_path, service, (real, pl.DataFrame()))
    exits = real.pending.filter(~pl.col("entry")).sort("session")
    place = real.sessions.index(exits["session"][0])
    for each in range(days.first, place):
        days.day(each)
    if stage != "full":  # the way back lets exits go on
        days.account = real = replace(real, rollout=AtStage(stage, dict.fromkeys(real.sessions[:place], "full")))
    # The sheet of the close is not sent: the market had opened.
    done, found = settle(days.warehouse, days.broker, days.until(place + 1), None, is_halted=lambda: False, now=NOW)
    assert done.height == place + 1
    gone = exits.filter(session=real.sessions[place])
    lost = cast(Broker, Lost(days.broker))
    assert rest_at(days.warehouse, lost, real, place + 1).is_empty()  # the exits of the engine go on without
    rest = rest_at(days.warehouse, days.broker, real, place + 1)
    assert {*rest["symbol"]} == {*gone["symbol"]}
    assert {*rest["reason"]} == {LEFT_OVER}
    assert {*rest["status"]} == {"ready"}
    assert "missed" in {*found["kind"]}
    held = {each.symbol: each.quantity for each in days.broker.positions()}
    assert dict(rest.select("symbol", "quantity").iter_rows()) == {name: held[name] for name in rest["symbol"]}
    days.service.now = dt.datetime.combine(real.sessions[place + 1], dt.time(23, 55), tzinfo=dt.UTC)
    days.service.next_open = f"{real.sessions[place + 2]}T09:30:00-05:00"
    for _ in range(2):
        over = real.sessions[place + 1]
        submit_until_answered(days.warehouse, days.broker, rest, is_halted=lambda: False, over=over, now=NOW)
    assert sum(each["status"] == "accepted" for each in service.orders) == rest.height
    for order in [each for each in service.orders if each["status"] == "accepted"]:
        at = f"{real.sessions[place + 2]}T14:30:01Z"
        service.fill(order["client_order_id"], held[order["symbol"]], 50.0, at)
    stale = cast(Broker, Stale(days.broker, held))
    parting = Parting(real.configuration, real.opening, real.pending, units_sent(days.warehouse, real.opening))
    of_sent, _ = parted(parting, real.sessions[: place + 2], real.rollout.on_record(), real.splits, real.engine_fills)
    trades = Trades(real.sessions[: place + 2], real.splits, of_sent)
    # What was sold in the session that is running is not left over, though the positions of the broker are behind.
    assert units_left(days.warehouse, stale, real.opening, trades, parting.sent.held, NOW) == {}
    # Made again after its open the sheet is the same, and what was sent is known though no sheet was kept.
    assert rest_at(days.warehouse, days.broker, real, place + 1).equals(rest)
    until = replace(days.until(place + 2), sheets=rest.clear())
    _, found = settle(days.warehouse, days.broker, until, real.sessions[place + 1], is_halted=lambda: False, now=NOW)
    assert found.filter(pl.col("client_order_id").is_in(rest["client_order_id"].implode())).is_empty()
    assert rest_at(days.warehouse, days.broker, real, place + 2).is_empty()
