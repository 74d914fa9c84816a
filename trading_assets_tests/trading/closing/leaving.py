"""A process that works on an account that is being left, until it is killed."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import polars as pl

from trading_assets.trading.brokers.simulated import Hostility, SimulatedBroker
from trading_assets.trading.settlement import settle
from trading_assets.warehouse import Warehouse
from trading_assets_tests.trading.closing.slices import NOW
from trading_assets_tests.trading.experiment import Experiment

ACCOUNT, FOUND = "account.pickle", "found.parquet"
#: The line is lost, and fills are told twice; nothing is lost for good.
WRONG = Hostility(told_twice=0.5, deaf=0.3, mute=0.3)


def trade_in(folder: Path) -> bool:
    """Materialise the stage `trading` of the experiment of a folder."""
    return bool(Experiment(folder).trade().success)


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
    where = Path(sys.argv[2])
    print("begun", flush=True)
    if sys.argv[1] == "trade":
        sys.exit(0 if trade_in(where) else 1)
    settle_in(where).write_parquet(where / FOUND)
