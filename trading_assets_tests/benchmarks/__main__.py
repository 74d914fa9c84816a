"""Measure every contender, keep the results, print the table and write it into the README.

Run by `make bench`. Argument: the Python of zipline's environment.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from trading_assets_tests.benchmarks.measuring import contender
from trading_assets_tests.benchmarks.table import REPOSITORY, RESULTS, rows, written_into

SYMBOLS, SESSIONS = 500, 2520
LARGEST = (5000, 5040)
#: Sets on which vectorbt's engines are compared with each other.
FEW = 4
PEERS = ("vectorbt", "vectorbt-rust", "bt")


def main(zipline_python: str) -> None:
    console = Console(width=120)

    def run(name: str, *arguments: object, **options: str) -> dict[str, Any]:
        found = contender(name, *arguments, **options)
        shown = ", ".join(f"{what} {seconds:.4g} s" for what, seconds in found["seconds"].items())
        console.print(f"{name}: {shown}; {found['megabytes']:,.0f} MB", style="dim", highlight=False)
        return found

    with tempfile.TemporaryDirectory() as folder:
        bars = Path(folder) / "bars.npz"
        contender("bars", bars, SYMBOLS, SESSIONS)
        engines = {engine: run("vectorbt_columns", bars, engine, FEW) for engine in ("numba", "rust")}
        engine = min(engines, key=lambda each: engines[each]["seconds"]["all"])
        results: dict[str, Any] = {
            "processors": os.cpu_count(),
            "versions": {peer: version(peer) for peer in PEERS},
            "vectorbt_engine": engine,
            "our_columns": run("our_columns", bars),
            "vectorbt_columns": run("vectorbt_columns", bars, engine, 100),
            "our_portfolio": run("our_portfolio", SYMBOLS, SESSIONS, "runs"),
            "small_sweep": run("our_portfolio", SYMBOLS, SESSIONS, 100),
            "sweep": run("our_portfolio", SYMBOLS, SESSIONS, 1000),
            "our_growth": run("our_growth", *LARGEST),
            "bt_weekly": run("bt_weekly", bars),
            "new_session": run("new_session", SYMBOLS, 10),
            "new_session_short": run("new_session", SYMBOLS, 1),
            "zipline_daily": run("zipline_daily", bars, folder, python=zipline_python),
        }
    check_same(results["our_columns"], results["vectorbt_columns"])
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    readme = REPOSITORY / "README.md"
    readme.write_text(written_into(readme.read_text(encoding="utf-8"), results), encoding="utf-8")
    table = Table("what", "goal", "measured", title="Benchmarks", title_justify="left")
    for row in rows(results):
        table.add_row(*row)
    console.print(table)


def check_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Both sides of the comparison came to the same: sums of every figure over all columns.

    Raises
    ------
    ValueError
        They differ by more than a billionth.
    """
    for name in ("final_equity", "total_return", "max_drawdown", "sharpe", "trades"):
        if abs(ours[name] - theirs[name]) > 1e-9 * abs(theirs[name]):
            raise ValueError(f"{name}: ours is {ours[name]!r}, vectorbt's {theirs[name]!r}")


if __name__ == "__main__":
    main(sys.argv[1])
