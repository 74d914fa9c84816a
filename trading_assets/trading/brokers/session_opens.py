"""How sessions of an account open at its broker: a simulated market is opened by the run, a real one has been open.

What waits for a session that a run passes over is sent to a simulated broker before it opens. Of a real one nothing is
sent for a session that has been; it is asked once for its fills, and what it told is on record.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import polars as pl

from trading_assets.trading.broker_books import AT_NO_OPEN, split_units
from trading_assets.trading.brokers.port import Broker, BrokerFill, BrokerOrder
from trading_assets.trading.brokers.simulated import Quote, SimulatedBroker
from trading_assets.trading.brokers.simulated_books import CorporateAction
from trading_assets.trading.opening import Opening
from trading_assets.trading.order_sheet import LEFT_OVER
from trading_assets.trading.reconciliation import Filled
from trading_assets.trading.rollout.sending import IsWithheld
from trading_assets.trading.submission import (
    Submitted,
    collect_fills,
    fills_on_record,
    orders_of,
    submit_until_answered,
)
from trading_assets.warehouse import Warehouse


@dataclass(frozen=True)
class Opened:
    """What is known of a session after its open.

    Attributes
    ----------
    asked
        Rows of `trading.order_sheets` that were for it, in the units in which the broker's fills are held to them.
    orders, fills
        All that the broker knows, of every session.
    """

    asked: pl.DataFrame
    orders: Sequence[BrokerOrder]
    fills: Sequence[BrokerFill]


class SessionOpens(Protocol):
    """The opens of an account's sessions, one after the other."""

    def send(self, sheet: pl.DataFrame, *, over: dt.date, is_withheld: IsWithheld) -> Submitted:
        """Send what waits at a close that a run passes over, before the open after it.

        Parameters
        ----------
        sheet, over, is_withheld
            As `submit` takes them.
        """
        ...

    def open(self, session: dt.date, asked: pl.DataFrame, booked: pl.DataFrame, ratios: Mapping[str, float]) -> Opened:
        """Return what is known of a session after its open.

        Parameters
        ----------
        session, asked
            Session, and rows of `trading.order_sheets` that are for it.
        booked
            Rows of `trading.engine_fills` of the session.
        ratios
            New units per old one at the open, by symbol.
        """
        ...


def session_opens(
    warehouse: Warehouse,
    broker: Broker,
    opening: Opening,
    *,
    is_halted: Callable[[], bool],
    now: dt.datetime,
    prices: Mapping[tuple[str, dt.date], float] | None = None,
) -> SessionOpens:
    """Return how sessions of an account open at its broker.

    Parameters
    ----------
    warehouse, broker, opening
        Where intents, answers and fills are written down, the broker, and the account.
    is_halted
        Whether trading is halted: asked before each order.
    now
        Time of the records, UTC.
    prices
        Opens by symbol and session, at which a simulated broker fills what was left over; None: it fills none of it.
    """
    if isinstance(broker, SimulatedBroker):
        return SimulatedOpens(warehouse, broker, opening, is_halted, now, prices or {})
    return PastOpens(warehouse, broker, opening, now)


@dataclass(frozen=True)
class SimulatedOpens:
    """Opens of the simulated market, at what the engine booked; see `session_opens`."""

    warehouse: Warehouse
    broker: SimulatedBroker
    opening: Opening
    is_halted: Callable[[], bool]
    now: dt.datetime
    prices: Mapping[tuple[str, dt.date], float] = field(default_factory=dict)

    def send(self, sheet: pl.DataFrame, *, over: dt.date, is_withheld: IsWithheld) -> Submitted:
        """Send it, but for orders of sessions that are over.

        Parameters
        ----------
        sheet, over, is_withheld
            See `SessionOpens`.
        """
        return submit_until_answered(
            self.warehouse,
            self.broker,
            sheet,
            is_halted=self.is_halted,
            over=over,
            now=self.now,
            is_withheld=is_withheld,
        )

    def open(self, session: dt.date, asked: pl.DataFrame, booked: pl.DataFrame, ratios: Mapping[str, float]) -> Opened:
        """Open the market, and collect its fills.

        Parameters
        ----------
        session, asked, booked, ratios
            See `SessionOpens`.
        """
        quotes = quotes_of(booked, asked, ratios) | self._of_left_over(session, asked, ratios)
        self.broker.open_session(session, quotes, actions_of(booked, ratios))
        fills = collect_fills(self.warehouse, self.broker, self.opening.strategy, self.opening.account, self.now)
        return Opened(_after_split(asked, ratios), self.broker.orders(), list(fills))

    def _of_left_over(
        self, session: dt.date, asked: pl.DataFrame, ratios: Mapping[str, float]
    ) -> dict[str | tuple[str, str], Quote]:
        """At the open and free of charge: the engine books nothing of it."""
        rows = asked.filter(reason=LEFT_OVER).select("client_order_id", "symbol").iter_rows()
        known = {name: (self.prices.get((symbol, session)), ratios.get(symbol, 1.0)) for name, symbol in rows}
        return {name: Quote(price, 0.0, raw=price, ratio=ratio) for name, (price, ratio) in known.items() if price}


@dataclass(frozen=True)
class PastOpens:
    """Opens that have been, at a real broker; see `session_opens`."""

    warehouse: Warehouse
    broker: Broker
    opening: Opening
    now: dt.datetime

    def send(self, sheet: pl.DataFrame, *, over: dt.date, is_withheld: IsWithheld) -> Submitted:
        """Send nothing: the session has been.

        Parameters
        ----------
        sheet, over, is_withheld
            See `SessionOpens`.
        """
        return Submitted((), (), ())

    def open(self, session: dt.date, asked: pl.DataFrame, booked: pl.DataFrame, ratios: Mapping[str, float]) -> Opened:
        """Return what the broker told when it was first asked.

        Parameters
        ----------
        session, asked, booked, ratios
            See `SessionOpens`.
        """
        orders, fills = self._told
        return Opened(asked, orders, fills)

    @cached_property
    def _told(self) -> tuple[list[BrokerOrder], list[BrokerFill]]:
        names = (self.opening.strategy, self.opening.account)
        collect_fills(self.warehouse, self.broker, *names, self.now)
        fills = fills_on_record(self.warehouse, *names)
        return orders_of(self.warehouse, self.broker, *names), fills


def quotes_of(
    engine_fills: pl.DataFrame, asked: pl.DataFrame, ratios: Mapping[str, float]
) -> dict[str | tuple[str, str], Quote]:
    """Return what a clean simulated broker fills at: the prices that the engine booked.

    Parameters
    ----------
    engine_fills
        Rows of `trading.engine_fills` of one session.
    asked
        Rows of `trading.order_sheets` that are for it: each has the price of its own order, and an entry no more units
        than the engine could pay for. What comes late has the mean of its symbol and side.
    ratios
        New units per old one at the open, by symbol.
    """
    found: dict[str | tuple[str, str], Quote] = {}
    for (symbol, side), rows in engine_fills.group_by("symbol", "side"):
        filled = Filled.of(rows.select("quantity", "price", "fee").rows())
        if filled.quantity:
            found[str(symbol), str(side)] = Quote(filled.price, filled.fee / filled.quantity, raw=_raw_price(rows))
    for order in asked.iter_rows(named=True):
        booked = engine_fills.filter(order_id=order["order_id"], side=order["side"])
        filled = Filled.of(booked.select("quantity", "price", "fee").rows())
        most = filled.quantity if order["entry"] else math.inf
        if filled.quantity:
            rate, raw = filled.fee / filled.quantity, _raw_price(booked)
            ratio = ratios.get(order["symbol"], 1.0)
            found[order["client_order_id"]] = Quote(filled.price, rate, most, raw, ratio)
        else:
            found[order["client_order_id"]] = Quote(0.0, 0.0, 0.0)
    return found


def actions_of(engine_fills: pl.DataFrame, ratios: Mapping[str, float]) -> dict[str, CorporateAction]:
    """Return what becomes of a unit at an open, by symbol: splits, and the value of what has ended.

    Parameters
    ----------
    engine_fills
        Rows of `trading.engine_fills` of one session.
    ratios
        New units per old one at its open, by symbol.
    """
    found = {symbol: CorporateAction(ratio) for symbol, ratio in ratios.items()}
    for ended in engine_fills.filter(reason=AT_NO_OPEN).iter_rows(named=True):
        fee = ended["fee"] / ended["quantity"] if ended["quantity"] else 0.0
        ratio = ratios.get(ended["symbol"], 1.0)
        found[ended["symbol"]] = CorporateAction(ratio, ending=ended["price"], ending_fee=fee)
    return found


def _after_split(asked: pl.DataFrame, ratios: Mapping[str, float]) -> pl.DataFrame:
    """Orders in units of the session that they are for."""
    split = [
        None if quantity is None else split_units(quantity, ratios.get(symbol, 1.0))
        for quantity, symbol in asked.select("quantity", "symbol").iter_rows()
    ]
    return asked.with_columns(quantity=pl.Series(split, dtype=pl.Float64)) if ratios else asked


def _raw_price(fills: pl.DataFrame) -> float:
    """The mean open of fills of the engine."""
    return Filled.of(fills.select("quantity", "raw_price", "fee").rows()).price
