"""Every word of TWS for an order in the words of the port, and which list is believed."""

from __future__ import annotations

import pytest
from ib_async import Execution, Order, OrderState

from trading_assets.trading.brokers.interactive_brokers.known_orders import ended, executed, opened, status_of
from trading_assets.trading.brokers.port import FINAL


@pytest.mark.parametrize(
    ("status", "filled", "said", "expected"),
    [
        ("PendingSubmit", 0.0, "", "accepted"),
        ("ApiPending", 0.0, "", "accepted"),
        ("PreSubmitted", 0.0, "", "accepted"),
        ("Submitted", 0.0, "", "accepted"),
        ("Submitted", 1.0, "", "partially_filled"),
        ("PendingCancel", 0.0, "", "accepted"),
        ("PendingCancel", 1.0, "", "partially_filled"),
        ("Filled", 10.0, "Filled Size: 10", "filled"),
        ("Cancelled", 0.0, "Cancelled by Trader", "cancelled"),
        ("Cancelled", 3.0, "", "cancelled"),
        ("ApiCancelled", 0.0, "", "cancelled"),
        ("Cancelled", 0.0, "Order expired", "expired"),
        ("Cancelled", 0.0, "Rejected by System:no margin", "rejected"),
        ("Cancelled", 3.0, "Rejected by System:no margin", "cancelled"),
        ("Inactive", 0.0, "", "rejected"),
        ("Inactive", 3.0, "", "cancelled"),
        ("SomethingNew", 0.0, "", "accepted"),
    ],
)
def test_statuses_of_tws_are_those_of_the_port(status: str, filled: float, said: str, expected: str) -> None:
    """What may still fill is never final: a cancel without an answer may fill yet, a new word may mean anything."""
    assert status_of(status, filled, said) == expected
    assert (expected in FINAL) == (status in ("Filled", "Cancelled", "ApiCancelled", "Inactive"))


def an_order(name: str, account: str = "DU1", client: int = 17) -> Order:
    return Order(orderRef=name, account=account, clientId=client)


def told(number: int, status: str, filled: float, client: int = 17) -> tuple[object, ...]:
    return number, status, filled, 0.0, 0.0, 9, 0, 0.0, client, "", 0.0


def test_the_last_status_of_an_order_holds_and_numbers_of_another_program_are_others() -> None:
    listed = [
        (5, None, an_order("one"), OrderState(status="PreSubmitted")),
        (5, None, an_order("two", client=18), OrderState(status="PreSubmitted")),
        (6, None, an_order("", client=18), OrderState(status="PreSubmitted")),
        (7, None, an_order("three", account="DU2"), OrderState(status="PreSubmitted")),
    ]
    statuses = [told(5, "Submitted", 0.0), told(5, "Submitted", 2.0), told(9, "Filled", 1.0)]
    found = opened("DU1", listed, statuses)
    assert [(each.client_order_id, each.status, each.filled) for each in found] == [
        ("one", "Submitted", 2.0),
        ("two", "PreSubmitted", 0.0),
    ]


def test_ended_and_executed_orders_are_those_of_the_account_that_have_a_name() -> None:
    state = OrderState(status="Cancelled", completedStatus="Cancelled by Trader")
    unset = Order(orderRef="one", account="DU1")  # TWS leaves the filled quantity empty
    (one,) = ended("DU1", [(None, unset, state), (None, an_order(""), state), (None, an_order("two", "DU2"), state)])
    assert (one.client_order_id, one.status, one.filled, one.said) == ("one", "Cancelled", 0.0, "Cancelled by Trader")
    executions = [
        Execution(acctNumber=account, orderRef=name, cumQty=4.0) for account, name in (("DU1", "x"), ("DU2", "y"))
    ]
    assert [
        (each.client_order_id, each.filled) for each in executed("DU1", [(1, None, each) for each in executions])
    ] == [("x", 4.0)]
