"""A process that settles an account at a hostile broker until it is killed."""

from __future__ import annotations

import datetime as dt
import pickle
import sys
from pathlib import Path

import polars as pl

from trading_assets.trading.brokers.simulated import Hostility, SimulatedBroker
from trading_assets.trading.settlement import settle
from trading_assets.warehouse import Warehouse

NOW = dt.datetime(2002, 3, 1)
ACCOUNT, FOUND = "account.pickle", "found.parquet"
WRONG = Hostility(partial=0.3, told_twice=0.5, deaf=0.3, mute=0.3)


def settle_in(folder: Path) -> pl.DataFrame:
    """Settle the account of a folder, and say each order before it is sent: whoever reads it may kill at any."""
    account = pickle.loads((folder / ACCOUNT).read_bytes())

    def said() -> bool:
        print("next", flush=True)
        return False

    warehouse, broker = Warehouse(folder / "w.duckdb"), SimulatedBroker(folder / "b.db", WRONG, 3)
    _, found = settle(warehouse, broker, account, None, is_halted=said, now=NOW)
    return found


if __name__ == "__main__":
    print("begun", flush=True)
    settle_in(Path(sys.argv[1])).write_parquet(Path(sys.argv[1]) / FOUND)
