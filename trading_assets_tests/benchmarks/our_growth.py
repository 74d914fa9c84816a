"""Seconds a bar of a portfolio run as markets grow. Arguments: symbols and sessions of the largest shape."""

from __future__ import annotations

import sys

from trading_assets.backtests import engine
from trading_assets_tests.benchmarks.market import WARM_UP, large, part, shapes
from trading_assets_tests.benchmarks.measuring import measure, report


def main(symbols: int, sessions: int) -> None:
    whole = large(symbols, WARM_UP + sessions)
    seconds = {}
    for width, length in shapes():
        if width > symbols or length > sessions:
            continue
        context = part(whole, width, length)
        repeats = max(1, 1_000_000 // (width * length))
        trials = context.trial.repeat(repeats)
        taken = measure(lambda: engine.sweep(context.market, context.signals, trials, context.settings, threads=1))  # noqa: B023
        seconds[f"{width} x {length}"] = [each / (repeats * width * length) for each in taken]
    report(seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
