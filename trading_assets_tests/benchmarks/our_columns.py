"""Independent columns by `backtests.columns`: every set in one call. Arguments: the file of the bars."""

from __future__ import annotations

import sys

import numpy as np

from trading_assets.backtests.screen.screen import CROSS, Columns, Prices, Terms, screen_crosses
from trading_assets_tests.benchmarks.bars import read_bars
from trading_assets_tests.benchmarks.crosses import CASH, FEE_BPS, SETS, SLIPPAGE_BPS
from trading_assets_tests.benchmarks.measuring import measure, report


def main(path: str) -> None:
    bars = read_bars(path)
    prices, sets, terms = (
        Prices(bars.open, bars.low, bars.close),
        np.array(SETS, CROSS),
        Terms(CASH, FEE_BPS, SLIPPAGE_BPS),
    )
    found: list[Columns] = []

    def work() -> None:
        found[:] = [screen_crosses(prices, sets, terms, periods_per_year=365)]

    seconds = {"all": measure(work)}
    [result] = found
    report(seconds, **{name: float(np.nansum(each)) for name, each in vars(result).items()})


if __name__ == "__main__":
    main(sys.argv[1])
