"""What a broker is to the stage: a small port. It takes an order once under its id, and tells what became of it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

ACCEPTED, PARTIALLY_FILLED, FILLED = "accepted", "partially_filled", "filled"
CANCELLED, EXPIRED, REJECTED = "cancelled", "expired", "rejected"
#: Of an order of which nothing more comes.
FINAL = (FILLED, CANCELLED, EXPIRED, REJECTED)
#: How each id that we give an order begins; what a broker makes up for an order by hand does not.
OUR_IDS = "ta-"


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
    """An order that a broker knows.

    Attributes
    ----------
    client_order_id
        Id that the sender gave it.
    status
        `accepted`, `partially_filled`, or one of `FINAL`. Of one that has ended with a part filled: `expired` or
        `cancelled`; its fills say how much.
    reason
        Why, in plain words; None where there is nothing to say.
    """

    client_order_id: str
    status: str
    reason: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status in FINAL


@dataclass(frozen=True)
class BrokerAccount:
    """An account as its broker tells it.

    Attributes
    ----------
    account_id
        Name that the broker gives it.
    currency
        Of the amounts that follow, as `USD`.
    cash, equity, buying_power
        Cash with the proceeds of short sales, cash and positions, and what may be bought for.
    is_paper
        Whether no money is in it.
    may_trade, may_short
        Whether the broker takes orders for it, and short sales.
    """

    account_id: str
    currency: str
    cash: float
    equity: float
    buying_power: float
    is_paper: bool
    may_trade: bool
    may_short: bool

    def __post_init__(self) -> None:
        """Stop what is no number: nothing that is compared with it would ever differ."""
        _assert_numbers(f"account {self.account_id}", self.cash, self.equity, self.buying_power)


@dataclass(frozen=True)
class BrokerPosition:
    """What an account holds of a symbol: units, negative for a short position, and what one has cost."""

    symbol: str
    quantity: float
    average_price: float

    def __post_init__(self) -> None:
        """Stop a quantity that is no number; what a unit has cost is for people alone."""
        _assert_numbers(f"position in {self.symbol}", self.quantity)


@dataclass(frozen=True)
class BrokerQuote:
    """Best bid and ask of a symbol, and when it was made, UTC."""

    symbol: str
    bid: float
    ask: float
    at: dt.datetime


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

    def __post_init__(self) -> None:
        """Stop what is no fill."""
        what = f"fill {self.broker_fill_id} of {self.symbol}"
        _assert_numbers(what, self.quantity, self.price, self.fee)
        if self.side not in ("buy", "sell") or self.quantity < 0 or self.price < 0 or not self.broker_fill_id:
            raise BrokerUnavailableError(f"an answer that is not as documented: {what}: {self.side} {self.quantity:g}")


class BrokerUnavailableError(Exception):
    """The broker did not answer: nobody knows whether it heard what was sent."""


class BrokerRefusedError(Exception):
    """The broker heard, and says no to the connection or the account as a whole: nothing was sent.

    `str()` names the key of the configuration, what is expected there, and what to do.
    """


class DuplicateOrderError(Exception):
    """The broker has an order of this id already."""


class UnknownOrderError(Exception):
    """The broker has no order of this id."""


def _assert_numbers(what: str, *values: float) -> None:
    """An answer with NaN, or with what is no number, is as good as none: it is asked for again by the next run."""
    if not all(isinstance(each, int | float) and math.isfinite(each) for each in values):
        raise BrokerUnavailableError(f"an answer that is not as documented: {what} has {values}")


class Broker(Protocol):
    """A broker. Every method may raise `BrokerUnavailableError`, and `BrokerRefusedError`."""

    def account(self) -> BrokerAccount:
        """Return the account that orders are for."""
        ...

    def positions(self) -> Sequence[BrokerPosition]:
        """Return what the account holds, by symbol."""
        ...

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, BrokerQuote]:
        """Return the last quote of each symbol that has one."""
        ...

    def orders(self) -> Sequence[BrokerOrder]:
        """Return all orders that it ever took or rejected."""
        ...

    def submit(self, order: OrderRequest) -> BrokerOrder:
        """Send an order; `DuplicateOrderError` if it has one of this id.

        One that cannot be traded so (not shortable, no fractions, too little buying power, a closed market) is
        `rejected`, and the reason says why.
        """
        ...

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """Take an order back, and return how it stands then; one that is final stays as it is.

        `UnknownOrderError` if there is none of this id.
        """
        ...

    def fills(self) -> Sequence[BrokerFill]:
        """Return all fills, in the order in which they were made."""
        ...
