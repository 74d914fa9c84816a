"""Whole runs of two evenings at a local Alpaca and at a small TWS: orders are sent, filled at the open, and settled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pytest

from trading_assets.protocol.switches import MOVE
from trading_assets.trading.audit_trail.trail import read_trail
from trading_assets.trading.brokers import account_at_broker, connect
from trading_assets.trading.brokers.interactive_brokers import broker as interactive_brokers
from trading_assets.trading.tables import (
    DIFFERENCES,
    ENGINE_FILLS,
    FILLS,
    ORDER_SHEETS,
    RECONCILIATIONS,
    SUBMISSIONS,
)
from trading_assets_tests.benchmarks.fast_clock import FastClock
from trading_assets_tests.trading.brokers.alpaca.service import KEY, SECRET, Alpaca, alpaca
from trading_assets_tests.trading.brokers.interactive_brokers.tws import Tws
from trading_assets_tests.trading.brokers.interactive_brokers.tws_messages import Executed, Security
from trading_assets_tests.trading.experiment import OPENED, STRATEGY, Experiment

#: Close after which the strategy orders something, and the session that the orders are for.
EVENING, MORROW = dt.date(2017, 7, 11), dt.date(2017, 7, 12)
SYMBOLS = ("AAA", "BBB", "CCC", "DDD")


class Desk(Protocol):
    """A broker of the test."""

    def configured(self) -> dict[str, Any]:
        """What the section `trading` says of it."""
        ...

    def at(self, moment: dt.datetime) -> None:
        """Have a time of its own."""
        ...

    def fill_all(self) -> None:
        """Fill every order that it has at the open of the morrow, at 50."""
        ...

    def took(self) -> int:
        """How many orders it has taken."""
        ...


class AtAlpaca:
    """The local service that speaks Alpaca's format."""

    def __init__(self, service: Alpaca) -> None:
        self.service = service
        service.assets |= {name: service.asset(name) for name in SYMBOLS}
        service.prices |= dict.fromkeys(SYMBOLS, 50.0)

    def configured(self) -> dict[str, Any]:
        return {"broker": "alpaca", "alpaca": {"base_url": self.service.url, "attempts": 1}}

    def at(self, moment: dt.datetime) -> None:
        self.service.now, self.service.next_open = moment, f"{MORROW}T09:30:00-04:00"

    def fill_all(self) -> None:
        for order in self.service.orders:
            self.service.fill(order["client_order_id"], float(order["qty"]), 50.0, f"{MORROW}T13:30:01Z")

    def took(self) -> int:
        return len(self.service.orders)


class AtTws:
    """A small TWS."""

    def __init__(self, tws: Tws) -> None:
        self.tws = tws
        hours = f"{EVENING:%Y%m%d}:0930-{EVENING:%Y%m%d}:1600;{MORROW:%Y%m%d}:0930-{MORROW:%Y%m%d}:1600"
        tws.securities = [
            Security(name, number, local=name, hours=hours) for number, name in enumerate(SYMBOLS, start=1)
        ]

    def configured(self) -> dict[str, Any]:
        return {"broker": "interactive_brokers", "interactive_brokers": {"port": self.tws.port}}

    def at(self, moment: dt.datetime) -> None:
        self.tws.now = moment

    def fill_all(self) -> None:
        for order in self.tws.orders:
            units = float(order.quantity)
            order.filled, order.status = units, "Filled"
            side = "BOT" if order.side == "BUY" else "SLD"
            at, number = f"{MORROW:%Y%m%d} 09:30:01 US/Eastern", f"{order.name}.a.01"
            told = {"cost": 0.0, "security": order.security, "time": at, "client": order.client}
            self.tws.executions.append(Executed(number, order.name, 50.0, units, side, **told))  # type: ignore[arg-type]
            signed = units if side == "BOT" else -units
            self.tws.positions.append(("DU123", order.security, signed, 50.0))
            cash = float(self.tws.values["TotalCashValue"][0]) - signed * 50.0
            self.tws.values["TotalCashValue"] = (f"{cash:.2f}", "USD")

    def took(self) -> int:
        return len(self.tws.orders)


@contextmanager
def desk_of(kind: str) -> Iterator[Desk]:
    """The broker of a kind."""
    if kind == "alpaca":
        with alpaca() as service:
            yield AtAlpaca(service)
    else:
        with Tws() as tws:
            yield AtTws(tws)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["alpaca", "interactive_brokers"])
def test_whole_runs_send_fill_and_settle_orders_at_a_real_broker(
    kind: str, paper: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clocks of product and broker are those of the evening; slippage and cash may differ, units may not."""
    monkeypatch.setenv("APCA_API_KEY_ID", KEY)
    monkeypatch.setenv("APCA_API_SECRET_KEY", SECRET)
    clock = FastClock(dt.datetime.now(dt.UTC), (account_at_broker, connect, interactive_brokers))
    with desk_of(kind) as desk, clock.running():
        trading = desk.configured() | {"tolerances": {"price": 0.9, "fee": 0.01, "cash": 0.9}}

        def evening(day: dt.date) -> None:
            clock.moment = dt.datetime.combine(day, dt.time(23, 45), dt.UTC)  # 19:45 in New York
            desk.at(clock.moment)
            paper.until(str(day), trading=trading)
            assert paper.run().success
            assert paper.trade().success

        paper.until(str(paper.configuration.as_of), trading=trading)
        opening = paper.open()
        assert opening.broker == kind
        said = {"action": MOVE, "before": "off", "stage": "full", "broker": kind, "gate": [], "by": "ops"}
        from trading_assets.protocol import Protocol as OnRecord

        OnRecord.of(paper.configuration).append("account", f"strategy/{STRATEGY}", said | {"reason": "x"}, now=OPENED)
        evening(EVENING)
        warehouse = paper.warehouse
        sheet = warehouse.read(ORDER_SHEETS).filter(for_session=MORROW, status="ready")
        sent = warehouse.read(SUBMISSIONS).filter(event="accepted")
        assert {*sent["client_order_id"]} == {*sheet["client_order_id"]}
        assert desk.took() == sheet.height > 0
        desk.fill_all()
        evening(MORROW)
        told = warehouse.read(FILLS).filter(session=MORROW)
        assert {*told["client_order_id"]} == {*sheet["client_order_id"]}
        booked = warehouse.read(ENGINE_FILLS).filter(session=MORROW).group_by("symbol").agg(pl.col("quantity").sum())
        assert dict(told.select("symbol", "quantity").iter_rows()) == dict(booked.iter_rows())
        assert warehouse.read(RECONCILIATIONS).filter(session=MORROW)["fills"].item() == sheet.height
        assert warehouse.read_or_empty(DIFFERENCES).filter(session=MORROW).is_empty()
        entered = {*read_trail(paper.configuration)["event"]}
        assert {"opening", "rollout", "decision", "order", "intended", "accepted", "fill", "booked"} <= entered
        assert desk.took() == warehouse.read(SUBMISSIONS).filter(event="accepted").height  # sent once
    for path in Path(paper.folder).rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
