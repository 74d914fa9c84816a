"""A broker that gets more wrong than the simulated one: prices, fees and answers; and trades by hand at its desk.

What goes wrong with an order follows from the seed and its id alone, and a trade by hand from the session, so that
whoever was killed meets the same again. Only where the line is lost depends on how often was called.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from trading_assets.trading.brokers.port import BrokerFill, BrokerOrder, BrokerUnavailableError
from trading_assets.trading.brokers.simulated import Hostility, Quote, SimulatedBroker

HOSTILE = Hostility(rejects=0.08, partial=0.1, late=0.08, told_twice=0.3, deaf=0.2, mute=0.2)
#: Probability of another price or fee of an order, of a lost line at a question, and of a trade by hand in a session.
PRICE, FEE, CUT, BY_HAND = 0.08, 0.08, 0.05, 0.06


@dataclass(frozen=True)
class HostileDesk(SimulatedBroker):
    """The simulated broker with more that goes wrong."""

    def orders(self) -> Sequence[BrokerOrder]:
        """Return its orders, if the line holds."""
        self._asked("orders")
        return super().orders()

    def fills(self) -> Sequence[BrokerFill]:
        """Return its fills, some twice, if the line holds."""
        self._asked("fills")
        return super().fills()

    def open_session(self, session: dt.date, quotes: Mapping[str | tuple[str, str], Quote], *more: Any) -> None:
        """Fill what is due, some of it at another price or for another fee."""
        super().open_session(session, {key: self._otherwise(key, quote) for key, quote in quotes.items()}, *more)

    def wrong(self, name: str) -> set[str]:
        """What the draws have for an order: rejects, late, partial, price, fee."""
        chances = {**vars(self.hostility), "price": PRICE, "fee": FEE}
        return {
            what for what in ("rejects", "late", "partial", "price", "fee") if self._drawn(what, name) < chances[what]
        }

    def by_hand(self, session: dt.date, symbols: Sequence[str], quote: Quote) -> bool:
        """Trade by hand at the desk in some sessions, each time once; whether it did."""
        if self._drawn("by hand", str(session)) >= BY_HAND:
            return False
        symbol = symbols[int(self._drawn("symbol", str(session)) * len(symbols))]
        side = "buy" if self._drawn("side", str(session)) < 0.7 else "sell"
        self.trade_by_hand(session, symbol, side, 5.0, quote)
        return True

    def heard(self) -> list[tuple[str, dt.date]]:
        """Return the id of each order that it took or rejected, and its session."""
        return [
            (name, dt.date.fromisoformat(day))
            for name, day in self._rows("SELECT client_order_id, for_session FROM orders")
        ]

    def made(self) -> list[BrokerFill]:
        """Return its fills, each once."""
        rows = self._rows(
            "SELECT broker_fill_id, client_order_id, session, symbol, side, quantity, price, fee FROM fills"
            " ORDER BY number"
        )
        return [BrokerFill(row[0], row[1], dt.date.fromisoformat(row[2]), *row[3:]) for row in rows]

    def calls(self) -> int:
        """Return how often it was called."""
        return int(self._rows("SELECT count(*) FROM calls")[0][0])

    def _otherwise(self, key: str | tuple[str, str], quote: Quote) -> Quote:
        if not isinstance(key, str):
            return quote
        wrong = self.wrong(key)
        price = quote.price * 1.002 if "price" in wrong else quote.price
        return replace(quote, price=price, fee=quote.fee * 1.5 + 0.001 if "fee" in wrong else quote.fee)

    def _asked(self, what: str) -> None:
        with self._opened() as connection:
            call = connection.execute("INSERT INTO calls (client_order_id) VALUES (?)", [what]).lastrowid
        if self._drawn(f"cut {call}", what) < CUT:
            raise BrokerUnavailableError(f"the line was lost at a question for {what}")

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._opened():  # the tables are there
            pass
        with closing(sqlite3.connect(self.path, timeout=60)) as connection:
            return connection.execute(sql).fetchall()
