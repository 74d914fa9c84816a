"""A broker that is simulated: on a file of its own, which outlives whoever sends orders to it.

A clean one takes every order and fills it at the quote of its session. A hostile one also rejects, fills in part or a
session late, tells fills twice, and loses the line before or after it has heard an order; all of it by draws that
depend on the seed and the order alone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trading_assets.trading.broker_books import split_units
from trading_assets.trading.brokers.port import (
    BrokerFill,
    BrokerOrder,
    BrokerUnavailableError,
    DuplicateOrderError,
    OrderRequest,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    client_order_id TEXT PRIMARY KEY, for_session TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    quantity REAL NOT NULL, "limit" REAL, status TEXT NOT NULL, reason TEXT, heard INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS fills (
    number INTEGER PRIMARY KEY, broker_fill_id TEXT NOT NULL UNIQUE, client_order_id TEXT, session TEXT NOT NULL,
    symbol TEXT NOT NULL, side TEXT NOT NULL, quantity REAL NOT NULL, price REAL NOT NULL, fee REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS calls (number INTEGER PRIMARY KEY AUTOINCREMENT, client_order_id TEXT);
"""


@dataclass(frozen=True)
class Quote:
    """What a symbol trades at in a session, on one side: price, fee a unit, how many units at most, and its split.

    `ratio` is new units per old one at the open: what waits for it is adjusted, as FINRA rule 5330 has open orders.
    """

    price: float
    fee: float
    most: float = math.inf
    ratio: float = 1.0


@dataclass(frozen=True)
class Hostility:
    """Probabilities of what goes wrong with an order; all 0: a clean broker.

    Attributes
    ----------
    rejects, partial, late, told_twice
        Of an order that is rejected, filled in part, filled a session late, or whose fill is told twice.
    deaf, mute
        Of a call in which the line is lost before, or after, the order was heard.
    """

    rejects: float = 0.0
    partial: float = 0.0
    late: float = 0.0
    told_twice: float = 0.0
    deaf: float = 0.0
    mute: float = 0.0


@dataclass(frozen=True)
class SimulatedBroker:
    """A simulated broker.

    Parameters
    ----------
    path
        File of its own.
    hostility, seed
        What goes wrong, and what decides with which order.
    """

    path: Path
    hostility: Hostility = field(default_factory=Hostility)
    seed: int = 0

    def orders(self) -> Sequence[BrokerOrder]:
        """Return all orders that it ever took or rejected."""
        with self._opened() as connection:
            rows = connection.execute("SELECT client_order_id, status, reason FROM orders ORDER BY heard").fetchall()
        return [BrokerOrder(*row) for row in rows]

    def submit(self, order: OrderRequest) -> BrokerOrder:
        """Take an order, or reject it.

        Raises
        ------
        BrokerUnavailableError
            The line was lost, before or after the order was heard.
        DuplicateOrderError
            It has an order of this id.
        """
        name, wrong = order.client_order_id, self.hostility
        with self._opened() as connection:
            call = connection.execute("INSERT INTO calls (client_order_id) VALUES (?)", [name]).lastrowid
        if self._drawn(f"deaf {call}", name) < wrong.deaf:
            raise BrokerUnavailableError("the line was lost before the order was heard")
        is_rejected = self._drawn("rejects", name) < wrong.rejects
        made = BrokerOrder(name, *(("rejected", "not shortable") if is_rejected else ("accepted", None)))
        row = (name, order.for_session.isoformat(), order.symbol, order.side, order.quantity, order.limit)
        try:
            with self._opened() as connection:
                connection.execute(
                    "INSERT INTO orders SELECT ?, ?, ?, ?, ?, ?, ?, ?, count(*) + 1 FROM orders",
                    (*row, made.status, made.reason),
                )
        except sqlite3.IntegrityError:
            raise DuplicateOrderError(name) from None
        if self._drawn(f"mute {call}", name) < wrong.mute:
            raise BrokerUnavailableError("the line was lost after the order was heard")
        return made

    def fills(self) -> Sequence[BrokerFill]:
        """Return all fills in the order in which they were made; some of a hostile broker's twice."""
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT broker_fill_id, client_order_id, session, symbol, side, quantity, price, fee FROM fills"
                " ORDER BY number"
            ).fetchall()
        found = [BrokerFill(row[0], row[1], dt.date.fromisoformat(row[2]), *row[3:]) for row in rows]
        return [
            fill
            for fill in found
            for _ in range(1 + int(self._drawn("told twice", fill.broker_fill_id) < self.hostility.told_twice))
        ]

    def open_session(self, session: dt.date, quotes: Mapping[str | tuple[str, str], Quote]) -> None:
        """Fill what is due at the open of a session; asked again it fills nothing twice.

        Parameters
        ----------
        session
            Session that opens. An order for it fills now, or where it comes late at the next one that opens.
        quotes
            By the id of an order, else by symbol and side. What has none does not fill, and is not tried again.
        """
        with self._opened() as connection:
            due = connection.execute(
                'SELECT client_order_id, for_session, symbol, side, quantity, "limit" FROM orders'
                " WHERE status = 'accepted' AND for_session <= ?"
                " AND client_order_id NOT IN (SELECT client_order_id FROM fills WHERE client_order_id IS NOT NULL)"
                " ORDER BY heard",
                [session.isoformat()],
            ).fetchall()
            for name, for_session, symbol, side, quantity, limit in due:
                is_late = self._drawn("late", name) < self.hostility.late
                quote = quotes.get(name, quotes.get((symbol, side)))
                if quote is None or is_late != (for_session < session.isoformat()) or _is_beyond(quote, side, limit):
                    continue
                share = 0.5 if self._drawn("partial", name) < self.hostility.partial else 1.0
                filled = min(split_units(quantity, quote.ratio) * share, quote.most)
                if filled > 0.0:
                    _book(connection, f"{name}-1", name, session, symbol, side, filled, quote)

    def trade_by_hand(self, session: dt.date, symbol: str, side: str, quantity: float, quote: Quote) -> None:
        """Book a trade that somebody made at the broker's own desk.

        Parameters
        ----------
        session, symbol, side, quantity, quote
            What was traded, and at which price.
        """
        with self._opened() as connection:
            name = f"desk-{session}-{symbol}-{side}"
            _book(connection, name, None, session, symbol, side, quantity, quote)

    def _drawn(self, what: str, name: str) -> float:
        """A uniform draw that depends on its arguments alone."""
        bits = hashlib.sha256(f"{self.seed} {what} {name}".encode()).digest()
        return int.from_bytes(bits[:8], "little") / 2.0**64

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=60)) as connection:
            connection.executescript(_SCHEMA)
            with connection:  # a transaction
                yield connection


def _is_beyond(quote: Quote, side: str, limit: float | None) -> bool:
    """Whether a price is worse than an order takes."""
    return limit is not None and (quote.price > limit if side == "buy" else quote.price < limit)


def _book(
    connection: sqlite3.Connection,
    fill_id: str,
    order: str | None,
    session: dt.date,
    symbol: str,
    side: str,
    quantity: float,
    quote: Quote,
) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO fills (broker_fill_id, client_order_id, session, symbol, side, quantity, price, fee)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (fill_id, order, session.isoformat(), symbol, side, quantity, quote.price, quote.fee * quantity),
    )
