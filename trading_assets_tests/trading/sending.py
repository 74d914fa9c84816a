"""Orders to send, and a process that sends them until it is killed."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import polars as pl

from trading_assets.trading.simulated_broker import Hostility, SimulatedBroker
from trading_assets.trading.submission import submit
from trading_assets.warehouse import Warehouse
from trading_assets_tests.trading.test_order_sheet import sheet_of, waiting

NOW = dt.datetime(2017, 7, 1)
ORDERS = 8


def sheet(count: int = ORDERS) -> pl.DataFrame:
    return sheet_of(*(waiting(f"S{number:02d}") for number in range(count)))


def parts(folder: Path, hostility: Hostility | None = None, seed: int = 0) -> tuple[Warehouse, SimulatedBroker]:
    return Warehouse(folder / "w.duckdb"), SimulatedBroker(folder / "broker.db", hostility or Hostility(), seed)


def main(folder: Path) -> None:
    """Send everything, and say each step before it is made: whoever reads it may kill at any of them."""
    warehouse, broker = parts(folder)

    def said() -> bool:
        print("next", flush=True)
        return False

    print("begun", flush=True)
    found = submit(warehouse, broker, sheet(), is_halted=said, now=NOW)
    print(f"done {len(found.answered)}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
