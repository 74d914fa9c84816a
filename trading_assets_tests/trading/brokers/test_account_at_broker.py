"""An account whose orders go to a real broker: sessions pass by themselves, and what it holds is asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config.trading import AlpacaSettings, Trading
from trading_assets.trading.broker_books import Books
from trading_assets.trading.brokers.account_at_broker import (
    answer_of,
    held_there,
    keep_answer,
    lateness,
)
from trading_assets.trading.brokers.alpaca.broker import AlpacaBroker
from trading_assets.trading.brokers.alpaca.line import Line
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.brokers.tables import BROKER_BALANCES, BROKER_POSITIONS
from trading_assets.trading.settlement import Settling, settle
from trading_assets.trading.submission import submit
from trading_assets.trading.tables import ACCOUNTS, DIFFERENCES, EQUITY, FILLS, RECONCILIATIONS, SUBMISSIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.trading.breakout_account import whole_account
from trading_assets_tests.trading.brokers.alpaca.conftest import KEYS
from trading_assets_tests.trading.brokers.alpaca.service import KEY, SECRET, Alpaca, alpaca
from trading_assets_tests.trading.experiment import Experiment
from trading_assets_tests.trading.rollout.test_settling_by_stage import AtStage
from trading_assets_tests.trading.test_order_sheet import sheet_of, waiting

NOW = dt.datetime(2002, 3, 1)
TRADING = Trading()
#: What the broker fills at is so far from what the engine booked.
SLIPPAGE = 1.004


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settling, pl.DataFrame]:
    account, equity = whole_account(tmp_path_factory.mktemp("small"))
    return replace(account, opening=replace(account.opening, broker="alpaca")), equity


class Days:
    """Evenings and opens of an account at the local service."""

    def __init__(self, folder: Path, service: Alpaca, whole: tuple[Settling, pl.DataFrame]) -> None:
        self.account, self.equity = whole
        self.service, self.warehouse = service, Warehouse(folder / "w.duckdb")
        service.assets = {name: Alpaca.asset(name) for name in self.account.pending["symbol"].unique()}
        service.prices = dict.fromkeys(service.assets, 1.0)
        self.asked = 0
        self.first = self.account.sessions.index(min(self.account.pending["session"].to_list()))

    @property
    def broker(self) -> AlpacaBroker:
        """Made anew for each step."""
        settings = AlpacaSettings(base_url=self.service.url, data_url=self.service.url, attempts=1)
        return AlpacaBroker(Line(settings, KEYS, is_live=False))

    def until(self, place: int) -> Settling:
        return replace(self.account, sessions=self.account.sessions[: place + 1])

    def evening(self, place: int) -> pl.DataFrame:
        """Send what waits at a close."""
        evening, session = self.account.sessions[place], self.account.sessions[place + 1]
        self.service.now = dt.datetime.combine(evening, dt.time(23, 55), tzinfo=dt.UTC)
        self.service.next_open = f"{session}T09:30:00-05:00"
        sheet = self.account.sheet_at(evening, Books(), differs=False)
        submit(self.warehouse, self.broker, sheet, is_halted=lambda: False, over=evening, now=NOW)
        return sheet.filter(status="ready")

    def open(self, place: int, share: float = 1.0) -> None:
        """Fill all that waits, at a worse price than the engine booked."""
        session = self.account.sessions[place]
        for order in [each for each in self.service.orders if each["status"] == "accepted"]:
            row = self.sent.filter(client_order_id=order["client_order_id"]).to_dicts()[0]
            booked = self.account.engine_fills.filter(order_id=row["order_id"]).to_dicts()[0]
            price = booked["price"] * (SLIPPAGE if row["side"] == "buy" else 2.0 - SLIPPAGE)
            self.service.fill(order["client_order_id"], row["quantity"] * share, price, f"{session}T14:30:01Z")

    def day(self, place: int, share: float = 1.0) -> None:
        self.sent = self.evening(place)
        self.open(place + 1, share)

    def settled(self, place: int, last: int | None = None, hours: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Settle, and ask the broker in the evening of the last session, or so many hours later."""
        account, broker = self.until(place), self.broker
        before = None if last is None else account.sessions[last]
        done, found = settle(self.warehouse, broker, account, before, is_halted=lambda: False, now=NOW)
        self.asked += 1
        now = dt.datetime.combine(account.sessions[-1], dt.time(22, self.asked)) + dt.timedelta(hours=hours)
        answer = answer_of(self.warehouse, broker, account, self.equity, now)
        keep_answer(self.warehouse, answer)
        return done, pl.concat([found, answer.differences])


@pytest.fixture
def days(tmp_path: Path, whole: tuple[Settling, pl.DataFrame]) -> Iterator[Days]:
    with alpaca() as service:
        yield Days(tmp_path, service, whole)


def test_slippage_within_the_tolerance_is_no_difference(days: Days) -> None:
    """Five sessions at prices that are 40 bp worse, without fees: cash follows from the fills, and all is expected."""
    for place in range(days.first, days.first + 5):
        days.day(place)
    done, found = days.settled(days.first + 5)
    assert found.is_empty()
    assert done["fills"].sum() == days.warehouse.read(FILLS).height > 0
    balance = days.warehouse.read(BROKER_BALANCES).to_dicts()[0]
    assert balance["known_gap"] == pytest.approx(100_000.0 - 50_000.0, abs=1.0)
    assert balance["cash"] != 100_000.0
    positions = days.warehouse.read(BROKER_POSITIONS)
    assert positions["quantity"].to_list() == positions["expected"].to_list() != []


def test_nothing_is_sent_for_a_session_that_has_been(days: Days) -> None:
    """No evening was there: what the engine filled is missed, and no order was made up afterwards."""
    _, found = days.settled(days.first + 5)
    assert days.service.orders == []
    assert days.warehouse.read_or_empty(SUBMISSIONS).is_empty()
    assert {*found["kind"]} == {"missed"}


def test_partial_fills_prices_and_trades_by_hand_have_their_names(days: Days) -> None:
    days.day(days.first, share=0.5)
    session = days.account.sessions[days.first + 1]
    days.service.trade_by_hand("ZZZ", "buy", 3, 10.0, f"{session}T15:00:00Z")
    _, found = days.settled(days.first + 1)
    assert {*found["kind"]} == {"partial", "manual_trade"}
    assert found.filter(kind="partial").height == days.sent.height


def test_dividends_of_what_is_withheld_are_no_difference_of_cash(days: Days) -> None:
    """In shadow the engine holds, and gets 1,000 of dividends a session; the broker holds nothing, and gets none.

    Where all is sent the same 1,000 a session are expected there, and named.
    """
    place, (account, equity) = days.first + 3, (days.account, days.equity)
    paid = [1_000.0 * max(0, number - days.first - 1) for number in range(len(account.sessions))]
    days.equity = equity.sort("session").with_columns(cash=pl.col("cash") + pl.Series(paid[: equity.height]))
    full = account.rollout
    noted = dict.fromkeys(account.sessions, "shadow")
    days.account = replace(account, rollout=AtStage("shadow", noted))
    for until in (days.first, place):
        _, found = days.settled(until, None if until == days.first else days.first)
        assert found.is_empty()
    days.account = replace(account, rollout=full)
    _, found = days.settled(place, place)
    assert "cash" in {*found["kind"]}


def test_a_price_beyond_the_tolerance_is_a_difference(days: Days) -> None:
    days.sent = days.evening(days.first)
    for order in days.service.orders:
        row = days.sent.filter(client_order_id=order["client_order_id"]).to_dicts()[0]
        booked = days.account.engine_fills.filter(order_id=row["order_id"]).to_dicts()[0]
        at = f"{days.account.sessions[days.first + 1]}T14:30:01Z"
        days.service.fill(order["client_order_id"], row["quantity"], booked["price"] * 1.03, at)
    _, found = days.settled(days.first + 1)
    assert {*found["kind"]} == {"price"}


def test_what_changes_overnight_without_a_fill_has_its_name(days: Days) -> None:
    """A position is doubled, and a thousand is drawn from the account; asked again, both are known."""
    days.day(days.first)
    days.settled(days.first + 1)
    name = next(iter(days.service.positions))
    days.service.positions[name]["qty"] = str(2 * float(days.service.positions[name]["qty"]))
    days.service.account["cash"] = str(float(days.service.account["cash"]) - 1_000.0)
    _, found = days.settled(days.first + 1, days.first + 1)
    assert {*found.select("kind", "symbol").rows()} == {("corporate_action", name), ("cash", None)}
    assert days.settled(days.first + 1, days.first + 1)[1].is_empty()


@pytest.mark.parametrize("is_published", [True, False])
def test_a_split_that_the_broker_has_before_its_bar_comes_waits_for_it(days: Days, *, is_published: bool) -> None:
    """Asked an hour after the open of the session: nothing is said. In its evening it is, if no split was published."""
    days.day(days.first)
    days.settled(days.first + 1)
    [before, session] = days.account.sessions[days.first + 1 : days.first + 3]
    for each in days.service.positions.values():
        each["qty"] = str(2 * float(each["qty"]))
    hours = 24 * (session - before).days - 6
    assert days.settled(days.first + 1, days.first + 1, hours=hours)[1].is_empty()
    if is_published:
        rows = [{"symbol": each, "session": session, "split_ratio": 2.0} for each in days.service.positions]
        days.account = replace(days.account, splits=pl.DataFrame(rows, schema=days.account.splits.schema))
    _, found = days.settled(days.first + 2, days.first + 1)
    assert ("corporate_action" in {*found["kind"]}) is not is_published
    assert "units" not in {*found["kind"]}


def test_fills_of_a_session_whose_bars_are_still_to_come_are_no_difference(days: Days) -> None:
    """Asked after the open of the next session."""
    days.day(days.first)
    days.settled(days.first)
    _, found = days.settled(days.first, days.first)
    assert found.is_empty()
    assert days.warehouse.read(FILLS).height > 0


def test_what_the_broker_refused_is_rejected_with_its_words(days: Days) -> None:
    for name in days.service.assets:
        days.service.assets[name] |= {"tradable": False}
    days.day(days.first)
    _, found = days.settled(days.first + 1)
    assert {*found["kind"]} == {"rejected"}
    assert all("is not traded at Alpaca now" in each for each in found["detail"])


def test_a_real_broker_is_asked_what_can_be_left(days: Days, tmp_path: Path) -> None:
    days.service.hold("AAA", 3, 50.0)
    opening, books = days.account.opening, Books({("AAA", None): 10.0, ("BBB", None): 2.0})
    assert held_there(days.broker, opening, books) == {("AAA", None): 3.0}
    simulated = SimulatedBroker(tmp_path / "b.db")
    assert held_there(simulated, replace(opening, broker="simulated"), books) == books.held


def test_no_order_is_sent_after_its_open_by_the_clock(days: Days) -> None:
    """All sessions of the account are long over: whatever its sheets say, nothing is sent."""
    evening = days.account.sessions[days.first]
    sheet = days.account.sheet_at(evening, Books(), differs=False)
    late = lateness(TRADING, days.account.opening, sheet, days.account.pending, None)
    assert all(late["is_late"](name) for name in sheet["client_order_id"])
    found = submit(
        days.warehouse,
        days.broker,
        sheet,
        is_halted=lambda: False,
        over=evening,
        now=NOW,
        is_late=late["is_late"],
    )
    assert len(found.too_late) == sheet.filter(status="ready").height > 0
    assert days.service.orders == []
    simulated = replace(days.account.opening, broker="simulated")
    assert lateness(TRADING, simulated, sheet, days.account.pending, None) == {}


@pytest.mark.slow
def test_the_assets_ask_a_real_broker_and_send_nothing_that_is_over(
    paper: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bars of 2017, and the clock of today: all opens have been. No key is in any file that the run leaves."""
    monkeypatch.setenv("APCA_API_KEY_ID", KEY)
    monkeypatch.setenv("APCA_API_SECRET_KEY", SECRET)
    with alpaca() as service:
        service.now = dt.datetime.now(dt.UTC)
        trading = {"broker": "alpaca", "clock_skew_seconds": 3600, "alpaca": {"base_url": service.url, "attempts": 1}}
        paper.until(str(paper.configuration.as_of), trading=trading)
        opening = paper.open()
        paper.until("2017-07-14", trading=trading)
        assert (opening.broker, opening.label[:5]) == ("alpaca", "paper")
        assert paper.run().success
        assert paper.trade().success
        warehouse = paper.warehouse
        assert warehouse.read(ACCOUNTS)["broker"].to_list() == ["alpaca"]
        assert warehouse.read(BROKER_BALANCES)["broker_account"].to_list() == ["PA3TEST00001"]
        assert warehouse.read(RECONCILIATIONS).height == warehouse.read(EQUITY).height - 1 > 0
        assert {method for method, _, _ in service.asked} == {"GET"}
        assert {*warehouse.read_or_empty(DIFFERENCES)["kind"]} <= {"missed"}
        before = warehouse.fingerprint(BROKER_BALANCES)
        service.faults = ["500"] * 20
        assert not paper.trade().success
        assert warehouse.fingerprint(BROKER_BALANCES) == before
    for path in paper.folder.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
            assert SECRET.encode() not in path.read_bytes(), path


def test_a_simulated_broker_takes_entries_until_their_open_and_exits_at_any_time(days: Days) -> None:
    """New York opens at 14:30 UTC in winter, 13:30 in summer; a coin's entry is late an hour after its day began."""
    simulated = replace(days.account.opening, broker="simulated")
    entry, leaving = waiting(), waiting("OUT", entry=False, side="sell")
    coin = waiting("COIN", calendar="24/7", asset_class="crypto")
    sheet, pending = sheet_of(entry, leaving, coin), pl.DataFrame([entry, leaving, coin])
    ids = dict(sheet.select("symbol", "client_order_id").iter_rows())
    opens = dt.datetime.combine(sheet.filter(symbol="AAA")["for_session"].item(), dt.time(13, 30))
    begun = dt.datetime.combine(sheet.filter(symbol="COIN")["for_session"].item(), dt.time())
    for now, late in (
        (opens - dt.timedelta(seconds=1), {"COIN"}),
        (opens, {"AAA", "COIN"}),
        (begun + dt.timedelta(minutes=59), set()),
        (begun + dt.timedelta(minutes=60), {"COIN"}),
    ):
        is_late = lateness(TRADING, simulated, sheet, pending, now)["is_late"]
        assert {symbol for symbol, name in ids.items() if is_late(name)} == late
