"""What an account at the simulated broker holds and has in cash: its fills and corporate actions gone through again."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trading_assets.trading.broker_books import split_units
from trading_assets.trading.brokers.port import BrokerFill, BrokerPosition

_NOTHING = 1e-9


@dataclass(frozen=True)
class CorporateAction:
    """What becomes of a unit at the open of a session, before anything fills.

    Attributes
    ----------
    ratio
        New units per old one.
    dividend
        Cash a unit of the evening before: paid to who holds it, by who is short of it.
    ending
        Value a unit that everything is paid out at; None: the symbol goes on.
    ending_fee
        Fee a unit of that.
    """

    ratio: float = 1.0
    dividend: float = 0.0
    ending: float | None = None
    ending_fee: float = 0.0


@dataclass
class SimulatedBooks:
    """Cash, positions, and the last price that each symbol traded at."""

    cash: float
    held: dict[str, BrokerPosition] = field(default_factory=dict)
    marks: dict[str, float] = field(default_factory=dict)

    @property
    def equity(self) -> float:
        """Cash, and positions at the last price that they traded at."""
        return self.cash + sum(each.quantity * self.marks[symbol] for symbol, each in self.held.items())

    def act(self, symbol: str, action: CorporateAction) -> None:
        """Book a corporate action."""
        if symbol in self.marks:
            self.marks[symbol] /= action.ratio
        position = self.held.pop(symbol, None)
        if position is None:
            return
        units, price = position.quantity, position.average_price
        self.cash += units * action.dividend
        units = split_units(units, action.ratio)
        if action.ending is not None:
            self.cash += units * action.ending - abs(units) * action.ending_fee
        elif units:
            self.held[symbol] = BrokerPosition(symbol, units, price / action.ratio)

    def fill(self, fill: BrokerFill) -> None:
        """Book a fill: the mean price is of what was added since the position was flat."""
        symbol, units = fill.symbol, fill.quantity if fill.side == "buy" else -fill.quantity
        before = self.held.pop(symbol, BrokerPosition(symbol, 0.0, 0.0))
        after = before.quantity + units
        self.cash -= units * fill.price + fill.fee
        self.marks[symbol] = fill.price
        if before.quantity * units >= 0:
            price = (before.quantity * before.average_price + units * fill.price) / after
        else:
            price = before.average_price if before.quantity * after > 0 else fill.price
        if abs(after) > _NOTHING:
            self.held[symbol] = BrokerPosition(symbol, after, price)


def books_of(
    capital: float, fills: Sequence[BrokerFill], actions: Mapping[tuple[dt.date, str], CorporateAction]
) -> SimulatedBooks:
    """Return the books after some sessions.

    Parameters
    ----------
    capital
        Cash that the account began with.
    fills
        Fills in the order in which they were made.
    actions
        Corporate actions by session and symbol: booked before the fills of the session.
    """
    books, made = SimulatedBooks(capital), defaultdict[dt.date, list[BrokerFill]](list)
    for fill in fills:
        made[fill.session].append(fill)
    for session in sorted({*made, *(day for day, _ in actions)}):
        for (_, symbol), action in sorted((key, each) for key, each in actions.items() if key[0] == session):
            books.act(symbol, action)
        for fill in made[session]:
            books.fill(fill)
    return books
