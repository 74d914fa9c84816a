"""Machine code, compiled once for all test processes: an entry point of the engine takes half a minute."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Mapping
from pathlib import Path


def run_orders() -> None:
    """Run the entry point of order-based strategies on the smallest market."""
    from trading_assets_tests.backtests.markets import entries, quiet_market
    from trading_assets_tests.backtests.runs import run

    market = quiet_market([100.0, 100.0, 100.0])
    run(market, entries(market, (0, 0)))


def run_targets() -> None:
    """Run the entry point of target-weight strategies on the smallest market."""
    from trading_assets_tests.backtests.markets import quiet_market
    from trading_assets_tests.backtests.target_runs import run, targets

    market = quiet_market([100.0, 100.0, 100.0])
    run(market, targets(market, (0, 0, 0.5)))


def run_features() -> None:
    """Compute all features and indicators of the smallest market."""
    from trading_assets.features.daily import daily_features
    from trading_assets.features.indicators import indicators
    from trading_assets_tests.features.markets import market

    bars = market(["AAA", "BBB"], 2)
    daily_features(bars, {"equity": "AAA"})
    indicators(bars)


ENTRY_POINTS: Mapping[str, Callable[[], None]] = {
    "orders": run_orders,
    "targets": run_targets,
    "features": run_features,
}


def compile_once(folder: Path, entry_points: Mapping[str, Callable[[], None]] = ENTRY_POINTS) -> list[str]:
    """Compile each entry point in one of the processes that share a folder; return after all are compiled.

    Parameters
    ----------
    folder
        Holds the locks. Each process compiles what no other has begun, then waits for what others compile; the code
        itself is kept where numba keeps it, and read from there.

    Returns
    -------
    list of str
        What this process compiled, or found compiled before anybody else looked.
    """
    own = []
    for name, run in entry_points.items():
        done = folder / f"{name}.compiled"
        with (folder / f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if not done.exists():
                run()
                done.touch()
                own.append(name)
    for name in entry_points:
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
    return own
