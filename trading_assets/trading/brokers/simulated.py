"""A broker that is simulated: on a file of its own, which outlives whoever sends orders to it.

A clean one takes every order and fills it at the quote of its session; it knows splits, dividends and endings, and pays
what they pay. A hostile one also rejects, fills in part or a
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
from dataclasses import dataclass, field, replace
from pathlib import Path

from trading_assets.trading.broker_books import split_units
from trading_assets.trading.brokers.port import (
    ACCEPTED,
    CANCELLED,
    EXPIRED,
    FILLED,
    REJECTED,
    BrokerAccount,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    BrokerQuote,
    BrokerUnavailableError,
    DuplicateOrderError,
    OrderRequest,
    UnknownOrderError,
)
from trading_assets.trading.brokers.simulated_books import CorporateAction, SimulatedBooks, books_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    client_order_id TEXT PRIMARY KEY, for_session TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    quantity REAL NOT NULL, "limit" REAL, status TEXT NOT NULL, reason TEXT, heard INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS fills (
    number INTEGER PRIMARY KEY, broker_fill_id TEXT NOT NULL UNIQUE, client_order_id TEXT, session TEXT NOT NULL,
    symbol TEXT NOT NULL, side TEXT NOT NULL, quantity REAL NOT NULL, price REAL NOT NULL, fee REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS actions (
    session TEXT NOT NULL, symbol TEXT NOT NULL, ratio REAL NOT NULL, dividend REAL NOT NULL, ending REAL,
    ending_fee REAL NOT NULL, PRIMARY KEY (session, symbol)
);
CREATE TABLE IF NOT EXISTS quotes (
    symbol TEXT NOT NULL, side TEXT NOT NULL, session TEXT NOT NULL, price REAL NOT NULL, PRIMARY KEY (symbol, side)
);
CREATE TABLE IF NOT EXISTS calls (number INTEGER PRIMARY KEY AUTOINCREMENT, client_order_id TEXT);
"""


@dataclass(frozen=True)
class Quote:
    """What a symbol trades at in a session, on one side: price, fee a unit, how many units at most, and its split.

    `raw` is the open, from which the slippage of the price is measured; None: it is the price. `ratio` is new units per
    old one at the open: what waits for it is adjusted, as FINRA rule 5330 has open orders.
    """

    price: float
    fee: float
    most: float = math.inf
    raw: float | None = None
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
    slippage
        Slippage of each fill over that of its quote: 2 doubles it.
    """

    rejects: float = 0.0
    partial: float = 0.0
    late: float = 0.0
    told_twice: float = 0.0
    deaf: float = 0.0
    mute: float = 0.0
    slippage: float = 1.0


@dataclass(frozen=True)
class SimulatedBroker:
    """A simulated broker.

    Parameters
    ----------
    path
        File of its own.
    hostility, seed
        What goes wrong, and what decides with which order.
    capital
        Cash that the account began with.
    """

    path: Path
    hostility: Hostility = field(default_factory=Hostility)
    seed: int = 0
    capital: float = 0.0

    def account(self) -> BrokerAccount:
        """Return the account: it buys for its cash alone, and is as short as it likes."""
        books = self._books()
        return BrokerAccount(
            account_id=self.path.stem,
            currency="USD",
            cash=books.cash,
            equity=books.equity,
            buying_power=max(0.0, books.cash),
            is_paper=True,
            may_trade=True,
            may_short=True,
        )

    def positions(self) -> Sequence[BrokerPosition]:
        """Return what is held, by symbol: after its fills, splits and endings."""
        held = self._books().held
        return [held[symbol] for symbol in sorted(held)]

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, BrokerQuote]:
        """Return what each symbol was bought and sold at in the last session in which it was."""
        with self._opened() as connection:
            rows = connection.execute("SELECT symbol, side, session, price FROM quotes ORDER BY session").fetchall()
        found: dict[str, BrokerQuote] = {}
        for symbol, side, session, price in rows:
            at = dt.datetime.combine(dt.date.fromisoformat(session), dt.time())
            before = found.get(symbol)
            bid, ask = (price, price) if before is None or before.at < at else (before.bid, before.ask)
            bid, ask = (bid, price) if side == "buy" else (price, ask)
            found[symbol] = BrokerQuote(symbol, bid, ask, at)
        return {symbol: found[symbol] for symbol in symbols if symbol in found}

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
        made = BrokerOrder(name, *((REJECTED, "not shortable") if is_rejected else (ACCEPTED, None)))
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

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """Take an order back that has not filled.

        Raises
        ------
        UnknownOrderError
            There is none of this id.
        """
        with self._opened() as connection:
            connection.execute(
                "UPDATE orders SET status = ? WHERE client_order_id = ? AND status = ?",
                [CANCELLED, client_order_id, ACCEPTED],
            )
        known = {each.client_order_id: each for each in self.orders()}
        if client_order_id not in known:
            raise UnknownOrderError(client_order_id)
        return known[client_order_id]

    def fills(self) -> Sequence[BrokerFill]:
        """Return all fills in the order in which they were made; some of a hostile broker's twice."""
        return [
            fill
            for fill in self._made()
            for _ in range(1 + int(self._drawn("told twice", fill.broker_fill_id) < self.hostility.told_twice))
        ]

    def open_session(
        self,
        session: dt.date,
        quotes: Mapping[str | tuple[str, str], Quote],
        actions: Mapping[str, CorporateAction] | None = None,
    ) -> None:
        """Book corporate actions and fill what is due at the open of a session; asked again it does nothing twice.

        Parameters
        ----------
        session
            Session that opens. An order for it fills now, or where it comes late at the next one that has a quote.
            What is due and does not fill, or not wholly, expires.
        quotes
            By the id of an order, else by symbol and side. What has none does not fill.
        actions
            What becomes of a unit at this open, by symbol; None: nothing.
        """
        day = session.isoformat()
        with self._opened() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO actions VALUES (?, ?, ?, ?, ?, ?)",
                [(day, symbol, *vars(action).values()) for symbol, action in (actions or {}).items()],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO quotes VALUES (?, ?, ?, ?)",
                [(*key, day, quote.price) for key, quote in quotes.items() if isinstance(key, tuple)],
            )
            due = connection.execute(
                'SELECT client_order_id, for_session, symbol, side, quantity, "limit" FROM orders'
                " WHERE status = ? AND for_session <= ? ORDER BY heard",
                [ACCEPTED, day],
            ).fetchall()
            for name, for_session, symbol, side, quantity, limit in due:
                is_late = self._drawn("late", name) < self.hostility.late
                quote, filled = _slipped(quotes.get(name, quotes.get((symbol, side))), self.hostility.slippage), 0.0
                if is_late and (for_session == day or quote is None):
                    continue
                units = quantity if quote is None else split_units(quantity, quote.ratio)
                if quote is not None and is_late == (for_session < day) and not _is_beyond(quote, side, limit):
                    share = 0.5 if self._drawn("partial", name) < self.hostility.partial else 1.0
                    filled = min(units * share, quote.most)
                if quote is not None and filled > 0.0:
                    _book(connection, f"{name}-1", name, session, symbol, side, filled, quote)
                status = FILLED if filled >= units else EXPIRED
                connection.execute("UPDATE orders SET status = ? WHERE client_order_id = ?", [status, name])

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

    def _books(self) -> SimulatedBooks:
        with self._opened() as connection:
            rows = connection.execute("SELECT * FROM actions").fetchall()
        actions = {(dt.date.fromisoformat(day), symbol): CorporateAction(*said) for day, symbol, *said in rows}
        return books_of(self.capital, self._made(), actions)

    def _made(self) -> list[BrokerFill]:
        """Each fill once."""
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT broker_fill_id, client_order_id, session, symbol, side, quantity, price, fee FROM fills"
                " ORDER BY number"
            ).fetchall()
        return [BrokerFill(row[0], row[1], dt.date.fromisoformat(row[2]), *row[3:]) for row in rows]

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


def _slipped(quote: Quote | None, multiple: float) -> Quote | None:
    """A quote whose price is so many times as far from the open."""
    if quote is None or quote.raw is None or multiple == 1.0:
        return quote
    return replace(quote, price=max(0.0, quote.raw + multiple * (quote.price - quote.raw)))


def _is_beyond(quote: Quote, side: str, limit: float | None) -> bool:
    """Whether a price is worse than an order takes, in units of the session."""
    if limit is None:
        return False
    worst = limit / quote.ratio
    return quote.price > worst if side == "buy" else quote.price < worst


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
