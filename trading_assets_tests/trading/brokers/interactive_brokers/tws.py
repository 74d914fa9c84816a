"""A small Trader Workstation on this machine: it speaks the wire of TWS, knows a few things, and fails as it is told.

Messages are fields, each ended by a NUL, behind their length in four bytes (`tws_messages.py` has them).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from trading_assets_tests.trading.brokers.interactive_brokers.tws_messages import (
    AAPL,
    BRK,
    BTC,
    Executed,
    Fields,
    Placed,
    Security,
    completed,
    contract,
    cost,
    details,
    error,
    execution,
    opened,
    status,
)

VERSION = 178
#: Ids of what a client asks.
PLACE, CANCEL, OPEN_ORDERS, EXECUTIONS, DETAILS = 3, 4, 16, 7, 9
QUOTE, TIME, POSITIONS, SUMMARY, COMPLETED = 1, 49, 61, 62, 99
#: What is silent where the hour is not told at the beginning.
TIME_OF_SHAKE = -1
#: Monday evening in New York.
EVENING = dt.datetime(2026, 11, 30, 23, 0, tzinfo=dt.UTC)


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
                yield 61, 3, account, *contract(security), quantity, price
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


async def _message(reader: asyncio.StreamReader) -> list[str]:
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    return (await reader.readexactly(length)).decode().split("\0")[:-1]


def _send(writer: asyncio.StreamWriter, *messages: Fields) -> None:
    for fields in messages:
        body = "".join(f"{each}\0" for each in fields).encode()
        writer.write(struct.pack(">I", len(body)) + body)
