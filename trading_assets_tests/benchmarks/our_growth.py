"""Seconds a bar of a portfolio run as markets grow. Arguments: symbols and sessions of the largest shape.

Small shapes are measured over parts of the largest market, one after another, from all of its years: one year is not as
busy as the next, and in one small part again and again all bars would come from the processor's cache.
"""

from __future__ import annotations

import sys

from trading_assets.backtests.engine import simulate
from trading_assets_tests.benchmarks.market import WARM_UP, large, parts, shapes
from trading_assets_tests.benchmarks.measuring import measure, report

#: That a shape is measured over, at least, where the market has as many.
BARS = 2_000_000


def main(symbols: int, sessions: int) -> None:
    whole = large(symbols, WARM_UP + sessions)
    seconds = {}
    for width, length in shapes():
        if width > symbols or length > sessions:
            continue
        contexts = list(parts(whole, width, length, max(sessions // length, BARS // (width * length))))
        runs = [(each.market, each.signals, each.run_parameters) for each in contexts]
        taken = measure(lambda: simulate.sweep_runs(runs, whole.settings, threads=1))  # noqa: B023
        seconds[f"{width} x {length}"] = [each / (len(runs) * width * length) for each in taken]
    report(seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
