"""A portfolio by bt: every symbol at equal weight, once a week, at the close, in whole shares, free of cost.

That is less than a run of ours does: no signals, ranks, stops, costs, liquidity, limits, or record of decisions.
Argument: the file of the bars.
"""

from __future__ import annotations

import sys

import bt
import pandas as pd

from trading_assets_tests.benchmarks.bars import read_bars
from trading_assets_tests.benchmarks.measuring import measure, report


def main(path: str) -> None:
    bars = read_bars(path)
    closes = pd.DataFrame(bars.close, index=pd.DatetimeIndex(bars.days))
    closes.columns = [f"S{number:04d}" for number in range(closes.shape[1])]
    algos = bt.algos

    def work() -> None:
        weekly = [algos.RunWeekly(), algos.SelectAll(), algos.WeighEqually(), algos.Rebalance()]
        strategy = bt.Strategy("equal weight", weekly)
        bt.Backtest(strategy, closes, initial_capital=1e6, progress_bar=False).run()

    report({"all": measure(work)})


if __name__ == "__main__":
    main(sys.argv[1])
