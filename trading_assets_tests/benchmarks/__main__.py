"""The engine against itself: beside its plain-Python twin, with its records, and as markets grow.

Run by `make bench`. Prints ratios of medians: seconds say more of a machine than of the code.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from trading_assets.backtests.engine import simulate, sweep
from trading_assets.backtests.market import Market, Signals
from trading_assets_tests.backtests.markets import entries, quiet_market, settings, trial_of
from trading_assets_tests.backtests.twin import simulate_plainly

RUNS = 5
SETTINGS = settings()


def market_of(sessions: int, symbols: int) -> tuple[Market, Signals]:
    """A seeded random walk a symbol, with a candidate on one session in fifty."""
    random = np.random.default_rng(7)
    closes = 50 * np.exp(np.cumsum(random.normal(0.0003, 0.02, (sessions, symbols)), axis=0))
    market = quiet_market(closes)
    rows, columns = np.nonzero(random.random((sessions, symbols)) < 0.02)
    return market, entries(market, *zip(rows.tolist(), columns.tolist(), strict=True))


def median_seconds(work: Callable[[], object]) -> float:
    """Median of some runs, after one that compiles."""
    work()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Measure and print."""
    table = Table("what", "ratio", title="Engine", title_justify="left")
    market, signals = market_of(252, 20)
    trial = trial_of(market)
    compiled = median_seconds(lambda: simulate(market, signals, trial, SETTINGS))
    plain = median_seconds(lambda: simulate_plainly(market, signals, trial[0], SETTINGS))
    table.add_row("plain-Python twin / engine, 20 symbols x 252 sessions", f"{plain / compiled:,.0f}x")

    market, signals = market_of(2520, 500)
    trial = trial_of(market)
    recorded = median_seconds(lambda: simulate(market, signals, trial, SETTINGS))
    swept = median_seconds(lambda: sweep(market, signals, np.tile(trial, 8), SETTINGS)) / 8
    table.add_row("one run with every decision on record / one of a sweep, 500 x 2,520", f"{recorded / swept:.2f}x")

    base = None
    for symbols, sessions in ((50, 252), (50, 5040), (500, 2520), (2000, 2520)):
        market, signals = market_of(sessions, symbols)
        trial = trial_of(market)
        per_bar = median_seconds(lambda: sweep(market, signals, trial, SETTINGS)) / (symbols * sessions)  # noqa: B023
        base = base or per_bar
        table.add_row(f"time per bar, {symbols:,} x {sessions:,} / 50 x 252", f"{per_bar / base:.2f}x")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
