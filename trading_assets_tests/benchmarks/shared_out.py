"""What workers save of an audit and of random runs. Arguments: workers, then symbols and sessions or a folder of bars.

0 workers is this process alone; start it as `taskset -c 0` to pin it to one processor, as a worker is. The workers are
started and have their machine code before the time is taken; what is sent to them is in it.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from trading_assets.backtests.parallel_sweep import Span
from trading_assets.parallel.dask_workers import connected
from trading_assets.parallel.processors import processors
from trading_assets.parallel.workers import IN_PROCESS, Workers
from trading_assets.robustness.look_ahead.audit import look_ahead
from trading_assets.robustness.resampling.random_runs import random_entries
from trading_assets_tests.backtests.frames import frames_of, loaded, prepare_strategy
from trading_assets_tests.benchmarks.look_ahead_audit import bars_of_folder, snapshot
from trading_assets_tests.benchmarks.market import symbol_bars
from trading_assets_tests.benchmarks.measuring import report

STRATEGY, RUNS = "equity_momentum", 1_000


def main(workers: int, *where: str) -> None:
    """Measure both, once, and print a hash of what was found: it is the same whoever computed it."""
    who: Workers = connected(workers, None) if workers else IN_PROCESS
    bars = bars_of_folder(Path(where[0])) if len(where) == 1 else symbol_bars(int(where[0]), int(where[1]))
    with tempfile.TemporaryDirectory() as folder:
        configuration = loaded(Path(folder), strategies={STRATEGY: {"type": STRATEGY}})
        prepared = prepare_strategy(configuration, STRATEGY, frames_of(bars))
        days, found, seconds = prepared.axes.sessions, hashlib.sha256(), dict[str, list[float]]()
        span = Span(prepared, days[len(days) // 5], days[-1])
        random_entries(span, entries=100, runs=8 * max(workers, 1), seed=1, workers=who)  # machine code

        def timed(what: str, answer: Any, start: float) -> None:
            seconds[what] = [time.perf_counter() - start]
            found.update(repr(answer).encode())

        start = time.perf_counter()
        audit = look_ahead(configuration, STRATEGY, snapshot(bars), configuration.robustness.look_ahead_cuts, who)
        timed("audit", audit.rows(), start)
        start = time.perf_counter()
        runs = random_entries(span, entries=1_000, runs=RUNS, seed=1, workers=who)
        timed("permutations", (runs.sharpes.tolist(), runs.trades.tolist()), start)
    report(seconds, workers=workers, processors=processors(), bars=bars.height, found=found.hexdigest()[:12])


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
