"""Orders of an account, and a process that sends them by the stage on record and waits before each for a word."""

from __future__ import annotations

import datetime as dt
import sys
from functools import partial
from pathlib import Path

import polars as pl

from trading_assets.config.sections import Risk
from trading_assets.protocol import Protocol
from trading_assets.trading.broker_books import Leg
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.opening import openings_on
from trading_assets.trading.order_sheet import order_sheet
from trading_assets.trading.rollout.sending import AccountStage, send_by_stage
from trading_assets.trading.rollout.withheld import Parting, Withheld
from trading_assets.trading.submission import submit, units_sent
from trading_assets.warehouse import Warehouse
from trading_assets_tests.trading.experiment import STRATEGY, Experiment

NOW, PENDING, SHEET = dt.datetime(2017, 7, 1), "pending.parquet", "sheet.parquet"
HELD: dict[Leg, float] = {("EEE", None): 10.0, ("FFF", None): 10.0}


def send_in(folder: Path) -> None:
    """Send what waits, and ask for a word before each order."""
    configuration, pending = Experiment(folder).configuration, pl.read_parquet(folder / PENDING)
    opening = openings_on(Protocol.of(configuration).read(), configuration.name, STRATEGY)[-1]
    warehouse, broker = Warehouse(folder / "w.duckdb"), SimulatedBroker(folder / "b.db")

    def made(*, withheld: Withheld) -> pl.DataFrame:
        sheet = order_sheet(configuration.name, pending, Risk(), held=HELD, withheld=withheld.orders)
        return withheld.leave(sheet)

    def said() -> bool:
        print("next", flush=True)
        sys.stdin.readline()
        return False

    sent_by_now = partial(units_sent, warehouse, opening)
    sheet, _ = send_by_stage(
        AccountStage(configuration, opening, NOW),
        Parting(configuration.name, opening, pending, {}),
        pending["session"][0],
        made,
        partial(submit, warehouse, broker, is_halted=said, over=pending["session"][0], now=NOW),
        units_sent=sent_by_now,
    )
    sheet.write_parquet(folder / SHEET)


if __name__ == "__main__":
    send_in(Path(sys.argv[1]))
