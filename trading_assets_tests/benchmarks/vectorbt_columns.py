"""Independent columns by vectorbt: one set a call, its fastest use.

Signals come from `columns.cross_signals`, which takes less time than its own indicators do.
`all` also asks for the figures that `columns` returns; `fills` stops at the orders.
Arguments: the file of the bars, the engine, how many sets.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

import numpy as np
import vectorbt

from trading_assets.backtests.screen.screen import cross_signals
from trading_assets_tests.benchmarks.bars import Bars, read_bars
from trading_assets_tests.benchmarks.crosses import CASH, FEE_BPS, SETS, SLIPPAGE_BPS
from trading_assets_tests.benchmarks.measuring import RUNS, report

FIGURES = ("final_equity", "total_return", "max_drawdown", "sharpe", "trades")


def main(path: str, engine: str, sets: int) -> None:
    bars = read_bars(path)
    chosen = SETS[:sets]
    once(bars, chosen[:1], engine)  # compiles
    seconds: dict[str, list[float]] = {"fills": [], "all": []}
    found: dict[str, float] = {}
    for _ in range(RUNS):
        fills, everything, found = once(bars, chosen, engine)
        seconds["fills"].append(fills)
        seconds["all"].append(everything)
    report(seconds, **found)


def once(bars: Bars, sets: list[tuple[int, int, float]], engine: str) -> tuple[float, float, dict[str, float]]:
    """Seconds to the orders and to the figures, and the figures' sums."""
    fills, everything = 0.0, 0.0
    sums = np.zeros(len(FIGURES))
    for each in sets:
        begun = time.perf_counter()
        done = portfolio(bars, *each, engine)
        filled = time.perf_counter()
        figures = (done.final_value(), done.total_return(), done.max_drawdown(), done.sharpe_ratio())
        sums[:4] += [np.nansum(figure[np.isfinite(figure)]) for figure in figures]
        sums[4] += done.trades.closed.count().sum()
        fills, everything = fills + filled - begun, everything + time.perf_counter() - begun
        del done, figures
        gc.collect()  # its portfolios refer to themselves: left alone they would fill the memory
    return fills, everything, dict(zip(FIGURES, sums.tolist(), strict=True))


def portfolio(bars: Bars, fast: int, slow: int, stop: float, engine: str) -> Any:
    """Signals one session late, filled at the open with all cash; the stop is checked from the session after."""
    due = np.zeros((2, *bars.close.shape), dtype=bool)
    due[:, 1:] = np.stack(cross_signals(bars.close, fast, slow))[:, :-1]
    return vectorbt.Portfolio.from_signals(
        bars.close,
        due[0],
        due[1],
        open=bars.open,
        high=bars.high,
        low=bars.low,
        price=bars.open,
        size=np.inf,
        direction="longonly",
        upon_long_conflict="exit",
        sl_stop=stop,
        stop_entry_price="price",
        stop_exit_price="stopmarket",
        fees=FEE_BPS / 1e4,
        slippage=SLIPPAGE_BPS / 1e4,
        init_cash=CASH,
        freq="1D",
        engine=engine,
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
