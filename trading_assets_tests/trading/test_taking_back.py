"""Orders that are taken back are written down before and after, and are on the trail."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from trading_assets.trading.audit_trail.events import events_of_rows
from trading_assets.trading.brokers.port import BrokerOrder, BrokerUnavailableError
from trading_assets.trading.brokers.simulated import Quote, SimulatedBroker
from trading_assets.trading.left_over import take_back
from trading_assets.trading.submission import orders_of, submit, units_sent
from trading_assets.trading.tables import SUBMISSIONS
from trading_assets.trading.taking_back import take_order_back
from trading_assets.warehouse import Warehouse
from trading_assets_tests.trading.test_order_sheet import FRIDAY, MONDAY, sheet_of, waiting
from trading_assets_tests.trading.test_reconciliation import OPENING

NOW = dt.datetime(2017, 6, 30, 22)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "w.duckdb")


def sent(warehouse: Warehouse, broker: SimulatedBroker) -> dict[str, object]:
    """An order that the broker has taken, as its sheet has it."""
    sheet = sheet_of(waiting())
    submit(warehouse, broker, sheet, is_halted=lambda: False, over=FRIDAY, now=NOW)
    return sheet.row(0, named=True)


def events(warehouse: Warehouse) -> list[tuple[str, str | None]]:
    rows = warehouse.read(SUBMISSIONS).select("event", "reason").rows()
    return sorted(rows)


def test_what_is_taken_back_is_written_down_with_why_and_is_on_the_trail(warehouse: Warehouse, tmp_path: Path) -> None:
    broker = SimulatedBroker(tmp_path / "b.db")
    row = sent(warehouse, broker)
    for _ in range(2):  # whoever asks again finds it taken back
        found = take_order_back(warehouse, broker, row, "it is wrong", NOW)
        assert found == BrokerOrder(str(row["client_order_id"]), "cancelled", None)
    assert events(warehouse) == [
        ("accepted", None),
        ("cancel", "it is wrong"),
        ("cancelled", "it is wrong"),
        ("intended", None),
    ]
    entered = events_of_rows(warehouse, "s", frozenset())
    assert entered["event"].to_list() == ["intended", "accepted", "cancel", "cancelled"]
    [order] = orders_of(warehouse, broker, "s", "s-1")
    assert (order.status, order.reason) == ("cancelled", "it is wrong")
    assert list(units_sent(warehouse, OPENING)) == [row["client_order_id"]]  # it was sent, and is held to that


def test_what_fills_before_it_is_taken_back_is_no_cancelled_order(warehouse: Warehouse, tmp_path: Path) -> None:
    broker = SimulatedBroker(tmp_path / "b.db")
    row = sent(warehouse, broker)
    broker.open_session(MONDAY, {("AAA", "buy"): Quote(50.0, 0.0)})
    found = take_order_back(warehouse, broker, row, "it is wrong", NOW)
    assert found is not None
    assert found.status == "filled"
    assert [event for event, _ in events(warehouse)] == ["accepted", "cancel", "intended"]


class Deaf(SimulatedBroker):
    """A broker that does not answer to a request to take something back, and took it back all the same."""

    def cancel(self, client_order_id: str) -> BrokerOrder:
        super().cancel(client_order_id)
        raise BrokerUnavailableError("the line was lost")


def test_what_was_taken_back_without_an_answer_is_written_down_by_the_next_one(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """As by a process that is killed after it has asked: the next evening finds the order final."""
    row = sent(warehouse, SimulatedBroker(tmp_path / "b.db"))
    assert take_back(warehouse, Deaf(tmp_path / "b.db"), OPENING, ["AAA"], MONDAY, NOW) == {"AAA"}
    assert [event for event, _ in events(warehouse)] == ["accepted", "cancel", "intended"]
    assert take_back(warehouse, SimulatedBroker(tmp_path / "b.db"), OPENING, ["AAA"], MONDAY, NOW) == set()
    assert [event for event, _ in events(warehouse)] == ["accepted", "cancel", "cancelled", "intended"]
    assert row["client_order_id"] == warehouse.read(SUBMISSIONS)["client_order_id"].unique().item()


def test_what_is_unknown_to_the_broker_is_nobodys_knowledge(warehouse: Warehouse, tmp_path: Path) -> None:
    row = sent(warehouse, SimulatedBroker(tmp_path / "b.db"))
    assert take_order_back(warehouse, SimulatedBroker(tmp_path / "other.db"), row, "it is wrong", NOW) is None
