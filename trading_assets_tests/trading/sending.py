"""Orders to send, and a process that sends them until it is killed."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import polars as pl

from trading_assets.trading.brokers.simulated import Hostility, SimulatedBroker
from trading_assets.trading.submission import submit
from trading_assets.warehouse import Warehouse

NOW = dt.datetime(2017, 7, 1)
ORDERS = 8
SHEET = "sheet.parquet"


def parts(folder: Path, hostility: Hostility | None = None, seed: int = 0) -> tuple[Warehouse, SimulatedBroker]:
    return Warehouse(folder / "w.duckdb"), SimulatedBroker(folder / "broker.db", hostility or Hostility(), seed)


def main(folder: Path) -> None:
    """Send everything, and say each step before it is made: whoever reads it may kill at any of them."""
    warehouse, broker = parts(folder)

    def said() -> bool:
        print("next", flush=True)
        return False

    print("begun", flush=True)
    found = submit(warehouse, broker, pl.read_parquet(folder / SHEET), is_halted=said, over=NOW.date(), now=NOW)
    print(f"done {len(found.answered)}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
