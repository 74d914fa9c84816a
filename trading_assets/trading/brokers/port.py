"""What a broker is to the stage: a small port. It takes an order once under its id, and tells what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class OrderRequest:
    """An order as it is sent.

    Attributes
    ----------
    client_order_id
        Id that the sender gives it: a broker takes it once.
    for_session
        Session at whose open it is to fill.
    symbol, side, quantity
        What is bought or sold; the quantity is positive.
    type, limit
        One of `tables.ORDER_TYPES`, and the worst price that it takes; None without one.
    """

    client_order_id: str
    for_session: dt.date
    symbol: str
    side: str
    quantity: float
    type: str
    limit: float | None = None


@dataclass(frozen=True)
class BrokerOrder:
    """An order that a broker knows: its id, `accepted` or `rejected`, and why."""

    client_order_id: str
    status: str
    reason: str | None = None


@dataclass(frozen=True)
class BrokerFill:
    """A fill as a broker tells it. The same one may be told twice: it has the same id then.

    `client_order_id` is None where no order of ours was behind it.
    """

    broker_fill_id: str
    client_order_id: str | None
    session: dt.date
    symbol: str
    side: str
    quantity: float
    price: float
    fee: float


class BrokerUnavailableError(Exception):
    """The broker did not answer: nobody knows whether it heard what was sent."""


class DuplicateOrderError(Exception):
    """The broker has an order of this id already."""


class Broker(Protocol):
    """A broker. Every method may raise `BrokerUnavailableError`."""

    def orders(self) -> Sequence[BrokerOrder]:
        """Return all orders that it ever took or rejected."""
        ...

    def submit(self, order: OrderRequest) -> BrokerOrder:
        """Send an order; `DuplicateOrderError` if it has one of this id."""
        ...

    def fills(self) -> Sequence[BrokerFill]:
        """Return all fills, in the order in which they were made."""
        ...
