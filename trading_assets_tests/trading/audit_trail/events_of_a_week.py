"""A small account whose rows are written by hand, and a process that enters them until it is killed."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import polars as pl

from trading_assets.config import Configuration
from trading_assets.trading.audit_trail.trail import enter
from trading_assets.trading.tables import FILLS, SUBMISSIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.backtests.frames import loaded

NOW, DAY = dt.datetime(2017, 7, 31, 21, 0), dt.date(2017, 8, 1)
STRATEGY, ACCOUNT = "breakout", "breakout-1"


def place(folder: Path) -> tuple[Warehouse, Configuration]:
    """The warehouse and the configuration of a folder."""
    configuration = loaded(folder)
    configuration.home.mkdir(parents=True, exist_ok=True)
    return Warehouse(configuration.warehouse_path), configuration


def send(warehouse: Warehouse, number: int, event: str = "intended", now: dt.datetime = NOW) -> None:
    """Write a row of `trading.submissions`, as sending an order does."""
    row = {
        "strategy": STRATEGY,
        "account": ACCOUNT,
        "client_order_id": f"order-{number}",
        "event": event,
        "for_session": DAY,
        "symbol": "AAA",
        "side": "buy",
        "quantity": 10.0,
        "recorded_at": now,
    }
    warehouse.append_new(SUBMISSIONS, SUBMISSIONS.conform(pl.DataFrame([row])))


def fill(warehouse: Warehouse, number: int, now: dt.datetime = NOW) -> None:
    """Write a row of `trading.fills`, as a broker tells one."""
    row = {
        "strategy": STRATEGY,
        "account": ACCOUNT,
        "broker_fill_id": f"fill-{number}",
        "client_order_id": f"order-{number}",
        "session": DAY,
        "symbol": "AAA",
        "side": "buy",
        "quantity": 10.0,
        "price": 50.25,
        "fee": 0.5,
        "recorded_at": now,
    }
    warehouse.append_new(FILLS, FILLS.conform(pl.DataFrame([row])))


def main(folder: Path, first: int, count: int) -> None:
    """Send and enter orders one after the other, and say each before it is made."""
    warehouse, configuration = place(folder)
    for number in range(first, first + count):
        print(number, flush=True)
        send(warehouse, number)
        enter(warehouse, configuration, STRATEGY, NOW)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
