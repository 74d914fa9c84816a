"""What every broker behind the port does, whichever it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from trading_assets.trading.brokers.port import (
    ACCEPTED,
    CANCELLED,
    EXPIRED,
    FILLED,
    PARTIALLY_FILLED,
    REJECTED,
    BrokerOrder,
    BrokerPosition,
    BrokerUnavailableError,
    DuplicateOrderError,
    UnknownOrderError,
)
from trading_assets_tests.trading.brokers.desks import PRICE, UNITS, Desk, desk_of, order


@pytest.fixture(params=["simulated", "alpaca", "interactive_brokers"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with desk_of(request.param, tmp_path) as found:
        yield found


def test_an_order_is_taken_once_under_its_id(desk: Desk) -> None:
    assert desk.broker.submit(order(desk)) == BrokerOrder("ta-1", ACCEPTED)
    with pytest.raises(DuplicateOrderError):
        desk.broker.submit(order(desk))
    assert desk.broker.submit(order(desk, "ta-2")).status == ACCEPTED
    assert sorted(each.client_order_id for each in desk.broker.orders()) == ["ta-1", "ta-2"]


def test_what_is_rejected_says_why_and_fills_nothing(desk: Desk) -> None:
    desk.reject()
    found = desk.broker.submit(order(desk))
    assert (found.client_order_id, found.status, bool(found.reason)) == ("ta-1", REJECTED, True)
    assert {each.status for each in desk.broker.orders()} <= {REJECTED}
    assert (list(desk.broker.fills()), list(desk.broker.positions())) == ([], [])


def test_what_is_cancelled_is_final_and_another_id_is_unknown(desk: Desk) -> None:
    desk.broker.submit(order(desk))
    for _ in range(2):
        assert desk.broker.cancel("ta-1").status == CANCELLED
    assert [(each.status, each.is_final) for each in desk.broker.orders()] == [(CANCELLED, True)]
    with pytest.raises(UnknownOrderError):
        desk.broker.cancel("ta-2")


def test_an_order_that_nobody_heard_may_be_sent_again(desk: Desk) -> None:
    desk.lose_line("before")
    with pytest.raises(BrokerUnavailableError):
        desk.broker.submit(order(desk))
    desk.mend_line()
    assert list(desk.broker.orders()) == []
    assert desk.broker.submit(order(desk)).status == ACCEPTED


def test_an_order_whose_answer_is_lost_is_found_again_and_is_there_once(desk: Desk) -> None:
    """Some find it at once, of others it is asked later."""
    desk.lose_line("after")
    with contextlib.suppress(BrokerUnavailableError):
        assert desk.broker.submit(order(desk)).status == ACCEPTED
    desk.mend_line()
    with pytest.raises(DuplicateOrderError):
        desk.broker.submit(order(desk))
    assert list(desk.broker.orders()) == [BrokerOrder("ta-1", ACCEPTED)]


def test_what_fills_is_told_and_held(desk: Desk) -> None:
    desk.broker.submit(order(desk))
    desk.fill("ta-1", UNITS)
    assert [(each.status, each.is_final) for each in desk.broker.orders()] == [(FILLED, True)]
    for _ in range(2):
        [fill] = desk.broker.fills()
        assert (fill.client_order_id, fill.session, fill.symbol, fill.side) == (
            "ta-1",
            desk.session,
            desk.symbol,
            "buy",
        )
        assert (fill.quantity, fill.price, fill.fee) == (UNITS, PRICE, 0.0)
    assert list(desk.broker.positions()) == [BrokerPosition(desk.symbol, UNITS, PRICE)]
    assert desk.broker.cancel("ta-1").status == FILLED


def test_a_part_is_told_as_a_part(desk: Desk) -> None:
    """The rest may still come, or the order has ended: its fills say how much."""
    desk.broker.submit(order(desk))
    desk.fill("ta-1", 4.0)
    [found] = desk.broker.orders()
    assert found.status in (PARTIALLY_FILLED, EXPIRED)
    assert sum(each.quantity for each in desk.broker.fills()) == 4.0
    assert list(desk.broker.positions()) == [BrokerPosition(desk.symbol, 4.0, PRICE)]
