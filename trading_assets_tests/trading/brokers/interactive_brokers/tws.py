"""A small Trader Workstation on this machine: it speaks the wire of TWS, knows a few things, and fails as it is told.

Messages are fields, each ended by a NUL, behind their length in four bytes. Ids, order and number of the fields are
those of server version 178, as the public documentation of the API and what `ib_async` sends and reads show them.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

VERSION = 178
#: Ids of what a client asks.
PLACE, CANCEL, OPEN_ORDERS, EXECUTIONS, DETAILS = 3, 4, 16, 7, 9
QUOTE, TIME, POSITIONS, SUMMARY, COMPLETED = 1, 49, 61, 62, 99
NEW_YORK_HOURS = "20261127:0930-20261127:1300;20261128:CLOSED;20261130:0930-20261130:1600;20261201:0930-20261201:1600"
#: Monday evening in New York.
EVENING = dt.datetime(2026, 11, 30, 23, 0, tzinfo=dt.UTC)
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


@dataclass
class Tws:
    """A TWS that listens on `port` within `with`; what tests change is read at each question."""

    accounts: list[str] = field(default_factory=lambda: ["DU123"])
    securities: list[Security] = field(default_factory=lambda: [AAPL, BRK, BTC])
    orders: list[Placed] = field(default_factory=list)
    executions: list[Executed] = field(default_factory=list)
    positions: list[tuple[str, Security, float, float]] = field(default_factory=list)
    values: dict[str, tuple[str, str]] = field(
        default_factory=lambda: {
            "NetLiquidation": ("100000.50", "USD"),
            "TotalCashValue": ("60000.25", "USD"),
            "BuyingPower": ("240000", "USD"),
            "AvailableFunds": ("60000", "USD"),
        }
    )
    now: dt.datetime = EVENING
    #: Client ids that are in use, and how many connections find them so.
    in_use: dict[int, int] = field(default_factory=dict)
    #: Questions that are not answered, and those at which the line is cut before they are heard.
    silent: set[int] = field(default_factory=set)
    deaf: set[int] = field(default_factory=set)
    #: Orders at which the line is cut once they are taken.
    mute: bool = False
    #: Told to each client once it is in: number, code, text.
    notices: list[tuple[int, int, str]] = field(default_factory=lambda: [(-1, 2104, "Market data farm is OK:usfarm")])
    #: What becomes of a new order.
    take: Callable[[Tws, Placed], Iterable[Fields]] = field(default=lambda tws, order: tws.told(order))
    #: What becomes of a request to cancel.
    let_go: Callable[[Tws, Placed], Iterable[Fields]] = field(default=lambda tws, order: tws.cancelled(order))
    #: Messages about a quote by symbol, with `0` for the number of the request.
    ticks: dict[str, list[Fields]] = field(default_factory=dict)
    heard: list[list[str]] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    version: int = VERSION

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(5)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _serve(self, ready: threading.Event) -> None:
        async def start() -> asyncio.Server:
            return await asyncio.start_server(self._meet, "127.0.0.1", 0)

        server = self._loop.run_until_complete(start())
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await reader.readexactly(4)  # API and a NUL
            await _message(reader)
            if TIME_OF_SHAKE not in self.silent:
                _send(writer, (self.version, "20261130 18:00:00 EST"))
            client = 0
            while True:
                fields = await _message(reader)
                self.heard.append(fields)
                kind = int(fields[0])
                if kind in self.deaf:
                    break
                if kind == 71:
                    client = int(fields[2])
                    if not self._admit(writer, client):
                        break
                    continue
                replies = list(self.answer(kind, fields, client))
                if kind == PLACE and self.mute:
                    break
                if kind not in self.silent:
                    for reply in replies:
                        _send(writer, reply)
        writer.close()

    def _admit(self, writer: asyncio.StreamWriter, client: int) -> bool:
        if self.in_use.get(client, 0) > 0:
            self.in_use[client] -= 1
            _send(
                writer, error(-1, 326, "Unable to connect as the client id is already in use. Retry with a unique one.")
            )
            return False
        _send(writer, (15, 1, ",".join(self.accounts)), (9, 1, 100 + len(self.orders)))
        _send(writer, *(error(*each) for each in self.notices))
        return True

    def answer(self, kind: int, said: list[str], client: int) -> Iterable[Fields]:
        """Return what is told to a question."""
        if kind == PLACE:
            yield from self._take(said, client)
        elif kind == CANCEL:
            own = [each for each in self.orders if each.number == int(said[2]) and each.client == client]
            yield from self.let_go(self, own[0]) if own else [error(said[2], 10147, "OrderId is not found.")]
        elif kind == OPEN_ORDERS:
            for order in self.orders:
                if order.status not in ("Filled", "Cancelled") and order.is_listed:
                    yield from self.told(order)
            yield 53, 1
        elif kind == COMPLETED:
            yield from (
                completed(each) for each in self.orders if each.status in ("Filled", "Cancelled") and each.is_listed
            )
            yield (102,)
        elif kind == EXECUTIONS:
            yield from (execution(said[2], each) for each in self.executions if each.account == said[4])
            yield 55, 1, said[2]
            yield from (cost(each) for each in self.executions if each.cost is not None)
        elif kind == DETAILS:
            yield from self._details(said)
        elif kind == QUOTE:
            ticks = self.ticks.get(said[4], [error("0", 354, "Requested market data is not subscribed.")])
            yield from (tuple(said[2] if each == "0" else each for each in tick) for tick in ticks)
        elif kind == TIME:
            yield 49, 1, int(self.now.timestamp())
        elif kind == POSITIONS:
            for account, security, quantity, price in self.positions:
                yield 61, 3, account, *_contract(security), quantity, price
            yield 62, 1
        elif kind == SUMMARY:
            for account in self.accounts:
                yield from ((63, 1, said[2], account, tag, *value) for tag, value in self.values.items())
            yield 64, 1, said[2]

    def told(self, order: Placed) -> Iterable[Fields]:
        """Return what is told of an order that is open."""
        yield opened(order)
        yield status(order)

    def cancelled(self, order: Placed) -> Iterable[Fields]:
        """Cancel an order, and return what is told."""
        order.status, order.ended = "Cancelled", "Cancelled by Trader"
        yield error(order.number, 202, "Order Canceled - reason:")
        yield status(order)

    def _take(self, said: list[str], client: int) -> Iterable[Fields]:
        (security,) = [each for each in self.securities if each.number == int(said[2])]
        order = Placed(
            number=int(said[1]),
            client=client,
            permanent=9000 + len(self.orders),
            name=said[26],
            account=said[23],
            security=security,
            side=said[16],
            quantity=said[17],
            kind=said[18],
            limit=said[19],
            tif=said[21],
        )
        self.orders.append(order)
        yield from self.take(self, order)

    def _details(self, said: list[str]) -> Iterable[Fields]:
        number, symbol, kind, currency = int(said[3]), said[4], said[5], said[12]
        found = [
            each
            for each in self.securities
            if each.number == number or (each.symbol, each.kind, each.currency) == (symbol, kind, currency)
        ]
        if not found:
            yield error(said[2], 200, "No security definition has been found for the request")
            return
        yield from (details(said[2], each) for each in found)
        yield 52, 1, said[2]


TIME_OF_SHAKE = -1


def error(number: object, code: int, text: str) -> Fields:
    """Return an error, or a note."""
    return 4, 2, number, code, text, ""


def _contract(security: Security) -> Fields:
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
            *_contract(order.security),
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
        *(101, *_contract(order.security), *head, order.permanent, 0, 0, 0, "", "", "", ""),
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
    head = (11, number, 1, *_contract(each.security), each.number, each.time, each.account, "NASDAQ", each.side)
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


async def _message(reader: asyncio.StreamReader) -> list[str]:
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    return (await reader.readexactly(length)).decode().split("\0")[:-1]


def _send(writer: asyncio.StreamWriter, *messages: Fields) -> None:
    for fields in messages:
        body = "".join(f"{each}\0" for each in fields).encode()
        writer.write(struct.pack(">I", len(body)) + body)
