"""What a contender's process reports: seconds of each run, its peak memory, and what the work came to."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

RUNS = 5
FOLDER = Path(__file__).parent


def measure(work: Callable[[], object], *, warm_up: bool = True) -> list[float]:
    """Seconds of each of some runs, after one that compiles and fills caches."""
    if warm_up:
        work()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


def report(seconds: Mapping[str, list[float]], **found: Any) -> None:
    """Print the line that `contender` reads; `seconds` by what was measured."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB on Linux, bytes on macOS
    megabytes = peak / (2**20 if sys.platform == "darwin" else 2**10)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    print(json.dumps({"seconds": medians, "runs": min(map(len, seconds.values())), "megabytes": megabytes, **found}))


def contender(name: str, *arguments: object, python: str = sys.executable) -> dict[str, Any]:
    """Run a module of this package as a process of its own and return its report.

    Raises
    ------
    subprocess.CalledProcessError
        It failed; what it wrote is on standard error.
    """
    command = [python, "-m", f"trading_assets_tests.benchmarks.{name}", *map(str, arguments)]
    done = subprocess.run(command, cwd=FOLDER.parent.parent, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
