"""What Trader Workstation has and says: securities, orders, executions, and the fields of each of its messages.

Ids, order and number of the fields are those of server version 178, as the public documentation of the API and what
`ib_async` sends and reads show them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

NEW_YORK_HOURS = "20261127:0930-20261127:1300;20261128:CLOSED;20261130:0930-20261130:1600;20261201:0930-20261201:1600"
Fields = tuple[object, ...]


@dataclass(frozen=True)
class Security:
    """A security that IB has."""

    symbol: str
    number: int
    kind: str = "STK"
    currency: str = "USD"
    local: str = ""
    tick: float = 0.01
    least: float = 1.0
    step: float = 1.0
    zone: str = "US/Eastern"
    hours: str = NEW_YORK_HOURS


AAPL, BRK = Security("AAPL", 1, local="AAPL"), Security("BRK B", 2, local="BRK B")
BTC = Security("BTC", 3, "CRYPTO", local="BTC.USD", least=0.0001, step=0.00000001, zone="UTC", hours="")
OPTION = Security("AAPL", 4, "OPT", local="AAPL  261218C00200000")


@dataclass
class Placed:
    """An order that TWS has."""

    number: int
    client: int
    permanent: int
    name: str
    account: str
    security: Security
    side: str
    quantity: str
    kind: str
    limit: str
    tif: str
    status: str = "PreSubmitted"
    filled: float = 0.0
    ended: str = ""
    is_listed: bool = True


@dataclass(frozen=True)
class Executed:
    """An execution, and what it cost; None: that is not told."""

    number: str
    name: str
    price: float
    quantity: float
    side: str = "BOT"
    cost: float | None = 1.0
    cost_in: str = "USD"
    security: Security = AAPL
    time: str = "20261130-14:30:00"
    account: str = "DU123"
    client: int = 17


def error(number: object, code: int, text: str) -> Fields:
    """Return an error, or a note."""
    return 4, 2, number, code, text, ""


def contract(security: Security) -> Fields:
    """Return a security as messages name it."""
    exchange = "PAXOS" if security.kind == "CRYPTO" else "NASDAQ"
    return (
        security.number,
        security.symbol,
        security.kind,
        "",
        0,
        "",
        "",
        exchange,
        security.currency,
        security.local,
        "NMS",
    )


def details(number: object, each: Security) -> Fields:
    """Return what IB says of a security."""
    exchange = "PAXOS" if each.kind == "CRYPTO" else "SMART"
    what = (
        10,
        number,
        each.symbol,
        each.kind,
        "",
        0,
        "",
        exchange,
        each.currency,
        each.local,
        "NMS",
        "NMS",
        each.number,
    )
    traded = (each.tick, "", "LMT,MKT,OPG", "SMART,NASDAQ", 1, 0, "A NAME", "NASDAQ", "", "", "", "")
    return (
        *what,
        *traded,
        each.zone,
        each.hours,
        each.hours,
        "",
        "",
        0,
        1,
        "",
        "",
        "26",
        "",
        "COMMON",
        each.least,
        each.step,
        1,
    )


def opened(order: Placed) -> Fields:
    """Return an order that is open."""
    head = (order.side, order.quantity, order.kind, order.limit, 0.0, order.tif, "", order.account, "O", 0, order.name)
    return (
        *(
            5,
            order.number,
            *contract(order.security),
            *head,
            order.client,
            order.permanent,
            0,
            0,
            0,
            "",
            "",
            "",
            "",
            "",
        ),
        *([""] * 29),
        *([""] * 7),
        *("0", "0", "0", "", "", "", ""),
        *("0", "", "", "0", "0"),
        "",
        *("0", "0", order.status, *([""] * 13), "", "0", "0"),
        "0",
        *([""] * 16),
        *([""] * 3),
        *([""] * 5),
    )


def completed(order: Placed) -> Fields:
    """Return an order that has ended."""
    head = (order.side, order.quantity, order.kind, order.limit, 0.0, order.tif, "", order.account, "O", 0, order.name)
    return (
        *(101, *contract(order.security), *head, order.permanent, 0, 0, 0, "", "", "", ""),
        *([""] * 23),
        *([""] * 5),
        *("0", "0", "0", "", "", "", ""),
        *("", "", "0", "0"),
        "",
        *("0", order.status, "0", "0"),
        "0",
        *("", "", "", "", "", "", order.filled, "", "", "", "", "", "", "20261130 18:00:00 EST", order.ended),
        *([""] * 5),
    )


def status(order: Placed) -> Fields:
    """Return how an order stands."""
    left = float(order.quantity) - order.filled
    return 3, order.number, order.status, order.filled, left, 0.0, order.permanent, 0, 0.0, order.client, "", 0.0


def execution(number: object, each: Executed) -> Fields:
    """Return an execution."""
    head = (11, number, 1, *contract(each.security), each.number, each.time, each.account, "NASDAQ", each.side)
    return (
        *head,
        each.quantity,
        each.price,
        9000,
        each.client,
        0,
        each.quantity,
        each.price,
        each.name,
        "",
        "",
        "",
        2,
        0,
    )


def cost(each: Executed) -> Fields:
    """Return what an execution cost."""
    return 59, 1, each.number, each.cost, each.cost_in, "1.7976931348623157E308", "", ""


def quoted(bid: float, ask: float, *, kind: int = 1, halted: float = 0.0, last: int | None = None) -> list[Fields]:
    """Return the messages of a snapshot."""
    shift = 65 if kind in (3, 4) else 0
    told: list[Fields] = [(58, 1, "0", kind), (1, 6, "0", 1 + shift, bid, 5, 0), (1, 6, "0", 2 + shift, ask, 7, 0)]
    told.append((45, 6, "0", 49, halted))
    if last is not None:
        told.append((46, 6, "0", 88 if shift else 45, last))
    return [*told, (57, 1, "0")]


def corrected(each: Executed, **changed: object) -> Executed:
    """Return an execution with something else in it."""
    return replace(each, **changed)  # type: ignore[arg-type]
