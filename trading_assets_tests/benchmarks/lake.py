"""What tables in files cost and save. Argument: a data folder of one configuration, as a run left it.

Processor seconds of one process each, which asks the same of the tables inside of the database and in files: the first
time, as a command does, and from then on, as a run does. The folder itself is not changed.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.market_data.tables import BARS, RAW_BARS
from trading_assets.warehouse import Sessions, Warehouse
from trading_assets.warehouse.by_symbol import read_by_symbol
from trading_assets.warehouse.lake.switch import settle

TABLES = [RAW_BARS, BARS, INDICATORS, DAILY]


def processor_seconds() -> float:
    """User and system seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def questions(warehouse: Warehouse) -> dict[str, Callable[[], object]]:
    """What runs and people ask, by name."""
    days = warehouse.query("SELECT max(session) AS last, max(symbol) AS symbol FROM market_data.bars")
    last, symbol = days.row(0)
    month = warehouse.read(DAILY, where="session >= ?", parameters=[last.replace(day=1)])
    changed = month.with_columns(pl.col(month.columns[-1]).fill_null(0.0) + 1.0)
    return {
        "one symbol, all features": lambda: warehouse.read(DAILY, where="symbol = ?", parameters=[symbol]),
        "the last session, all features": lambda: warehouse.read(DAILY, where="session = ?", parameters=[last]),
        "mean of one feature by symbol": lambda: warehouse.query(
            f"SELECT symbol, avg({month.columns[-1]}) AS mean FROM features.daily GROUP BY symbol"
        ),
        "all bars": lambda: warehouse.read(BARS),
        "all features, symbols by symbols": lambda: sum(1 for _ in read_by_symbol(warehouse, DAILY)),
        "the last month replaced": lambda: warehouse.replace(Sessions(last.replace(day=1), last), {DAILY: changed}),
    }


def measure(path: Path, answer: Path) -> None:
    """Ask everything twice, and write the seconds of each down."""
    warehouse = Warehouse(path)
    found: dict[str, list[float]] = {}
    for name, ask in questions(warehouse).items():
        found[name] = []
        for _ in range(2):
            start = processor_seconds()
            ask()
            found[name].append(round(processor_seconds() - start, 3))
    answer.write_text(json.dumps(found))


def size_of(folder: Path) -> int:
    """Megabytes of all files in a folder."""
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6)


def main(folder: Path) -> None:
    """Print what both take."""
    processes, said = multiprocessing.get_context("spawn"), dict[str, object]()
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        copy = Path(temporary) / "copy"
        copy.mkdir()
        shutil.copy(folder / "warehouse.duckdb", copy)
        for lake in (False, True):
            start = processor_seconds()
            settle(copy / "warehouse.duckdb", 60, TABLES, lake=lake)
            moved = round(processor_seconds() - start, 1)
            process = processes.Process(target=measure, args=(copy / "warehouse.duckdb", copy / "answer"))
            process.start()
            process.join()
            answers = json.loads((copy / "answer").read_text())
            said["in files" if lake else "inside"] = {"carried over": moved, "MB": size_of(copy), **answers}
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
