"""The bars that every contender of one comparison reads: written once, (sessions, symbols)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Bars(NamedTuple):
    """Prices and volume, (sessions, symbols), and the dates of the sessions."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    days: np.ndarray


def write_bars(path: Path, symbols: int, sessions: int) -> None:
    """Bars of the benchmarks' market."""
    from trading_assets_tests.backtests.frames import BENCHMARK
    from trading_assets_tests.benchmarks.market import symbol_bars

    rows = symbol_bars(symbols, sessions)
    days = rows.filter(symbol=BENCHMARK)["session"].to_numpy()
    own = rows.filter(rows["symbol"] != BENCHMARK).sort("session", "symbol")
    columns: dict[str, Any] = {name: own[name].to_numpy().reshape(sessions, symbols) for name in Bars._fields[:-1]}
    np.savez(path, days=days, **columns)


def read_bars(path: str) -> Bars:
    """What `write_bars` wrote."""
    with np.load(path) as stored:
        return Bars(*(stored[name] for name in Bars._fields))


if __name__ == "__main__":
    write_bars(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    print("{}")
