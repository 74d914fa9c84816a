"""Each order is sent once, whatever happens: lost lines, rejects, a halt, a process that is killed at any moment."""

from __future__ import annotations

import datetime as dt
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from trading_assets.trading.brokers.port import BrokerOrder, BrokerUnavailableError, OrderRequest
from trading_assets.trading.brokers.simulated import Hostility, Quote, SimulatedBroker
from trading_assets.trading.opening import Opening
from trading_assets.trading.submission import collect_fills, fills_on_record, orders_of, submit, units_sent
from trading_assets.trading.tables import FILLS, SUBMISSIONS
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.trading.sending import NOW, ORDERS, SHEET, parts
from trading_assets_tests.trading.test_order_sheet import FRIDAY, MONDAY, sheet_of, waiting

HOUR = dt.timedelta(hours=1)


def never() -> bool:
    return False


@cache
def sheet(count: int = ORDERS) -> pl.DataFrame:
    return sheet_of(*(waiting(f"S{number:02d}") for number in range(count)))


def test_what_is_sent_is_written_down_before_and_after(tmp_path: Path) -> None:
    warehouse, broker = parts(tmp_path)
    found = submit(warehouse, broker, sheet(2), is_halted=never, over=FRIDAY, now=NOW)
    assert [each.status for each in found.answered] == ["accepted", "accepted"]
    events = warehouse.read(SUBMISSIONS)
    assert Counter(events["event"]) == {"intended": 2, "accepted": 2}
    assert [each.client_order_id for each in broker.orders()] == sorted(sheet(2)["client_order_id"])


def test_who_asks_again_sends_nothing_again(tmp_path: Path) -> None:
    warehouse, broker = parts(tmp_path)
    first = submit(warehouse, broker, sheet(), is_halted=never, over=FRIDAY, now=NOW)
    before = warehouse.fingerprint(SUBMISSIONS)
    assert submit(warehouse, broker, sheet(), is_halted=never, over=FRIDAY, now=NOW) == first
    assert warehouse.fingerprint(SUBMISSIONS) == before
    assert len(broker.orders()) == ORDERS


def test_a_blocked_order_is_not_sent(tmp_path: Path) -> None:
    warehouse, broker = parts(tmp_path)
    submit(warehouse, broker, sheet_of(waiting(), waiting("BBB", quantity=None)), is_halted=never, over=FRIDAY, now=NOW)
    assert len(broker.orders()) == 1


def test_a_halt_holds_back_what_is_not_sent_yet(tmp_path: Path) -> None:
    """It is asked before each order: after three, trading is halted."""
    warehouse, broker = parts(tmp_path)
    asked = iter([False] * 3 + [True] * ORDERS)
    found = submit(warehouse, broker, sheet(), is_halted=lambda: next(asked), over=FRIDAY, now=NOW)
    assert (len(found.answered), len(found.held_back)) == (3, ORDERS - 3)
    assert len(broker.orders()) == 3
    assert submit(warehouse, broker, sheet(), is_halted=never, over=FRIDAY, now=NOW).held_back == ()


def test_no_order_is_sent_for_a_session_that_is_over(tmp_path: Path) -> None:
    """What the broker has is asked about; what it has not comes too late."""
    warehouse, broker = parts(tmp_path)
    submit(warehouse, broker, sheet(2), is_halted=never, over=FRIDAY, now=NOW)
    found = submit(warehouse, broker, sheet(), is_halted=never, over=MONDAY, now=NOW)
    assert (len(found.answered), len(found.too_late)) == (2, ORDERS - 2)
    assert len(broker.orders()) == 2
    assert warehouse.read(SUBMISSIONS).filter(event="intended").height == 2


class Forgetful(SimulatedBroker):
    """It lists nothing, and takes whatever it is sent."""

    def orders(self) -> list[BrokerOrder]:
        return []


def test_an_order_that_is_taken_but_not_listed_is_asked_for_later(tmp_path: Path) -> None:
    """The broker has it under its id, and nothing that it said is on record."""
    warehouse, broker = parts(tmp_path / "other")
    submit(warehouse, broker, sheet(1), is_halted=never, over=FRIDAY, now=NOW)
    behind, (warehouse, _) = Forgetful(broker.path), parts(tmp_path)
    found = submit(warehouse, behind, sheet(1), is_halted=never, over=FRIDAY, now=NOW)
    assert found.unanswered == tuple(sheet(1)["client_order_id"])


def test_what_a_broker_took_and_forgot_is_not_sent_again(tmp_path: Path) -> None:
    """It forgets what was filled or cancelled that day, and would take the order a second time."""
    warehouse, broker = parts(tmp_path)
    first = submit(warehouse, broker, sheet(2), is_halted=never, over=FRIDAY, now=NOW)
    anew = Forgetful(tmp_path / "anew.db")
    found = submit(warehouse, anew, sheet(3), is_halted=never, over=FRIDAY, now=NOW + dt.timedelta(days=1))
    assert found.answered[:2] == first.answered
    assert [each.client_order_id for each in SimulatedBroker(anew.path).orders()] == [found.answered[2].client_order_id]


def test_what_a_broker_filled_in_part_and_then_rejected_is_not_sent_again(tmp_path: Path) -> None:
    """It had filled 40 of 100, rejected the others and forgot: sent again it would buy 140."""
    warehouse, _ = parts(tmp_path)
    (order,) = sheet(1).to_dicts()
    said = {name: order.get(name) for name in SUBMISSIONS.columns} | {"recorded_at": NOW, "reason": "no margin"}
    events = [said | {"event": event} for event in ("intended", "rejected")]
    warehouse.append_new(SUBMISSIONS, SUBMISSIONS.conform(pl.DataFrame(events)))
    fill = {name: order.get(name) for name in FILLS.columns} | {"broker_fill_id": "f", "session": MONDAY}
    fill |= {"quantity": 40.0, "price": 50.0, "fee": 0.0, "recorded_at": NOW}
    warehouse.append_new(FILLS, FILLS.conform(pl.DataFrame([fill])))
    forgetful = Forgetful(tmp_path / "broker.db")
    found = submit(warehouse, forgetful, sheet(1), is_halted=never, over=FRIDAY, now=NOW + HOUR)
    assert found.answered == (BrokerOrder(order["client_order_id"], "cancelled", "no margin"),)
    assert SimulatedBroker(forgetful.path).orders() == []


def test_what_a_broker_rejected_without_keeping_it_is_known_by_its_words(tmp_path: Path) -> None:
    """It lists nothing; what it said is on record, and may be sent again until its session opens."""

    class Rejecting(SimulatedBroker):
        def orders(self) -> list[BrokerOrder]:
            return [each for each in super().orders() if each.status != "rejected"]

        def submit(self, order: OrderRequest) -> BrokerOrder:
            return BrokerOrder(order.client_order_id, "rejected", "parts of a share")

    warehouse, broker = parts(tmp_path)
    forgetful = Rejecting(broker.path)
    for _ in range(2):
        submit(warehouse, forgetful, sheet(1), is_halted=never, over=FRIDAY, now=NOW)
    name = sheet(1)["client_order_id"].item()
    assert orders_of(warehouse, forgetful, "s", "s-1") == [BrokerOrder(name, "rejected", "parts of a share")]
    submit(warehouse, broker, sheet(1), is_halted=never, over=FRIDAY, now=NOW)
    assert orders_of(warehouse, broker, "s", "s-1") == [BrokerOrder(name, "accepted")]


def test_units_that_a_broker_rejected_were_not_sent_unless_it_took_or_filled_them_afterwards(tmp_path: Path) -> None:
    warehouse, _ = parts(tmp_path)
    same = {"strategy": "s", "account": "s-1", "for_session": MONDAY, "symbol": "AAA", "pair_id": None, "side": "buy"}
    told = {
        "unanswered": ["intended"],
        "taken": ["intended", "accepted"],
        "refused": ["intended", "rejected"],
        "taken-later": ["intended", "rejected", "accepted"],
        "refused-later": ["intended", "accepted", "rejected"],
        "filled": ["intended", "rejected"],
    }
    rows = [
        {**same, "client_order_id": name, "quantity": 10.0, "event": event, "recorded_at": NOW + place * HOUR}
        for name, events in told.items()
        for place, event in enumerate(events)
    ]
    warehouse.append_new(SUBMISSIONS, SUBMISSIONS.conform(pl.DataFrame(rows)))
    numbers = {"quantity": 10.0, "price": 50.0, "fee": 0.0, "recorded_at": NOW}
    owner = {"strategy": "s", "account": "s-1"}
    fill = owner | {
        "client_order_id": "filled",
        "broker_fill_id": "f",
        "session": MONDAY,
        "symbol": "AAA",
        "side": "buy",
    }
    warehouse.append_new(FILLS, FILLS.conform(pl.DataFrame([fill | numbers])))
    opening = Opening("s", "s-1", FRIDAY, 1.0, "reject", "0", "ops", NOW)
    assert sorted(units_sent(warehouse, opening)) == ["filled", "taken", "taken-later", "unanswered"]


def test_an_order_whose_session_has_opened_is_too_late(tmp_path: Path) -> None:
    """The clock is asked before each one: after three the session opens."""
    warehouse, broker = parts(tmp_path)
    opens = iter([False] * 3 + [True] * ORDERS)
    found = submit(warehouse, broker, sheet(), is_halted=never, over=FRIDAY, now=NOW, is_late=lambda _: next(opens))
    assert (len(found.answered), len(found.too_late)) == (3, ORDERS - 3)
    assert len(broker.orders()) == 3


@pytest.mark.parametrize("seed", range(4))
def test_a_line_that_is_lost_loses_and_doubles_nothing(seed: int, tmp_path: Path) -> None:
    """Half of the calls are lost before, half of the others after the broker has heard the order."""
    warehouse, broker = parts(tmp_path, Hostility(deaf=0.5, mute=0.5, rejects=0.3), seed)
    for _ in range(50):
        found = submit(warehouse, broker, sheet(), is_halted=never, over=FRIDAY, now=NOW)
        if not found.unanswered:
            break
    assert sorted(each.client_order_id for each in found.answered) == sorted(sheet()["client_order_id"])
    assert sorted(each.client_order_id for each in broker.orders()) == sorted(sheet()["client_order_id"])
    events = warehouse.read(SUBMISSIONS)
    assert events.filter(event="intended").height == ORDERS
    said = {each.client_order_id: each.status for each in broker.orders()}
    answers = events.filter(events["event"] != "intended")
    assert dict(zip(answers["client_order_id"], answers["event"], strict=True)) == said


def test_a_broker_that_does_not_answer_at_all_leaves_all_for_later(tmp_path: Path) -> None:
    class Silent:
        def orders(self) -> list[object]:
            raise BrokerUnavailableError

    warehouse, _ = parts(tmp_path)
    found = submit(warehouse, Silent(), sheet(), is_halted=never, over=FRIDAY, now=NOW)  # type: ignore[arg-type]
    assert len(found.unanswered) == ORDERS


def test_a_fill_that_is_told_twice_is_on_record_once(tmp_path: Path) -> None:
    warehouse, broker = parts(tmp_path, Hostility(told_twice=1.0))
    submit(warehouse, broker, sheet(3), is_halted=never, over=FRIDAY, now=NOW)
    broker.open_session(MONDAY, {(f"S{number:02d}", "buy"): Quote(51.0, 0.01) for number in range(3)})
    assert len(broker.fills()) == 6
    for _ in range(2):
        assert len(collect_fills(warehouse, broker, "s", "s-1", NOW)) == 3
    assert len(fills_on_record(warehouse, "s", "s-1")) == 3
    rows = warehouse.read(FILLS)
    assert rows["quantity"].to_list() == [100.0] * 3
    assert rows["fee"].to_list() == [1.0] * 3


@pytest.mark.slow
def test_a_process_that_is_killed_at_any_moment_sends_each_order_once(tmp_path: Path) -> None:
    """Killed by the system after a random step and a random time, six times; the last one is left alone."""
    moments = random.Random(7)
    sheet().write_parquet(tmp_path / SHEET)
    for _ in range(6):
        process = _sending(tmp_path)
        assert process.stdout is not None
        for _ in range(moments.randint(1, 4)):
            process.stdout.readline()
        time.sleep(moments.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = _sending(tmp_path)
    said, _ = process.communicate(timeout=120)
    assert said.splitlines()[-1] == f"done {ORDERS}"
    warehouse, broker = parts(tmp_path)
    names = sorted(sheet()["client_order_id"])
    assert sorted(each.client_order_id for each in broker.orders()) == names
    events = warehouse.read(SUBMISSIONS)
    for event in ("intended", "accepted"):
        assert sorted(events.filter(event=event)["client_order_id"]) == names


def _sending(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "trading_assets_tests.trading.sending", str(folder)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
