"""Three brokers behind one port, and what is done at their desks: simulated, a local Alpaca, a small TWS."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from trading_assets.config.trading import AlpacaSettings
from trading_assets.trading.brokers.alpaca.broker import AlpacaBroker
from trading_assets.trading.brokers.alpaca.line import Line
from trading_assets.trading.brokers.port import Broker, OrderRequest
from trading_assets.trading.brokers.simulated import Hostility, Quote, SimulatedBroker
from trading_assets_tests.trading.brokers.alpaca.conftest import KEYS
from trading_assets_tests.trading.brokers.alpaca.service import Alpaca, alpaca
from trading_assets_tests.trading.brokers.interactive_brokers.asking import asking
from trading_assets_tests.trading.brokers.interactive_brokers.tws import PLACE, Tws
from trading_assets_tests.trading.brokers.interactive_brokers.tws_messages import AAPL, Executed, Fields, Placed, error

#: What is ordered, and what it fills at.
UNITS, PRICE = 10.0, 50.0


class Desk(Protocol):
    """A broker, and what goes wrong there."""

    session: dt.date
    symbol: str

    @property
    def broker(self) -> Broker:
        """The port, made anew for each question, as another process makes it."""
        ...

    def reject(self) -> None:
        """Reject the next order."""
        ...

    def lose_line(self, when: str) -> None:
        """Lose the line `before` or `after` the next order is heard."""
        ...

    def mend_line(self) -> None:
        """Lose the line no more."""
        ...

    def fill(self, name: str, units: float) -> None:
        """Fill so many units of an order at the open."""
        ...


def order(desk: Desk, name: str = "ta-1") -> OrderRequest:
    """Return an order for the open."""
    return OrderRequest(name, desk.session, desk.symbol, "buy", UNITS, "market_on_open")


class SimulatedDesk:
    """The simulated broker."""

    session, symbol = dt.date(2017, 7, 11), "AAA"

    def __init__(self, path: Path) -> None:
        self.path, self.wrong = path, Hostility()

    @property
    def broker(self) -> Broker:
        return SimulatedBroker(self.path, self.wrong)

    def reject(self) -> None:
        self.wrong = Hostility(rejects=1.0)

    def lose_line(self, when: str) -> None:
        self.wrong = replace(Hostility(), **{{"before": "deaf", "after": "mute"}[when]: 1.0})

    def mend_line(self) -> None:
        self.wrong = Hostility()

    def fill(self, name: str, units: float) -> None:
        SimulatedBroker(self.path).open_session(self.session, {name: Quote(PRICE, 0.0, most=units)})


class AlpacaDesk:
    """The local service that speaks Alpaca's format."""

    session, symbol = dt.date(2017, 7, 11), "AAA"

    def __init__(self, service: Alpaca) -> None:
        self.service = service

    @property
    def broker(self) -> Broker:
        url = self.service.url
        settings = AlpacaSettings(base_url=url, data_url=url, timeout_seconds=0.6, attempts=1)
        return AlpacaBroker(Line(settings, KEYS, is_live=False))

    def reject(self) -> None:
        self.service.account["buying_power"] = "0"

    def lose_line(self, when: str) -> None:
        self.service.faults, self.service.only = [{"before": "deaf", "after": "mute"}[when]], ("POST", "/orders")

    def mend_line(self) -> None:
        self.service.faults = []

    def fill(self, name: str, units: float) -> None:
        self.service.fill(name, units, PRICE, "2017-07-11T13:30:00.5Z", last=units == UNITS)


class TwsDesk:
    """A small TWS."""

    session, symbol = dt.date(2026, 12, 1), "AAPL"

    def __init__(self, tws: Tws) -> None:
        self.tws = tws

    @property
    def broker(self) -> Broker:
        return asking(self.tws)

    def reject(self) -> None:
        def rejects(tws: Tws, placed: Placed) -> Iterable[Fields]:
            placed.status, placed.is_listed = "Inactive", False
            yield error(placed.number, 201, "Order rejected - reason:INSUFFICIENT BUYING POWER")

        self.tws.take = rejects

    def lose_line(self, when: str) -> None:
        self.tws.deaf, self.tws.mute = ({PLACE} if when == "before" else set()), when == "after"

    def mend_line(self) -> None:
        self.tws.deaf, self.tws.mute = set(), False

    def fill(self, name: str, units: float) -> None:
        [placed] = [each for each in self.tws.orders if each.name == name]
        placed.filled, placed.status = units, "Filled" if units == UNITS else "Submitted"
        at = "20261201 09:30:00 US/Eastern"
        self.tws.executions.append(Executed(f"{name}.a.01", name, PRICE, units, cost=0.0, time=at))
        self.tws.positions.append(("DU123", AAPL, units, PRICE))


@contextmanager
def desk_of(kind: str, folder: Path) -> Iterator[Desk]:
    """A desk: `simulated`, `alpaca` or `interactive_brokers`."""
    if kind == "simulated":
        yield SimulatedDesk(folder / "broker.db")
    elif kind == "alpaca":
        with alpaca() as service:
            yield AlpacaDesk(service)
    else:
        with Tws() as tws:
            yield TwsDesk(tws)
