"""A portfolio of ours, all rules on. Arguments: symbols, sessions, and `runs` or the number of sets of a sweep.

`runs` measures one run with every record of it and one of a sweep, which keeps the equity alone. A number measures
that many parameter sets from parameters to equity, with what their signals take.
"""

from __future__ import annotations

import sys

import numpy as np

from trading_assets.backtests.backtest import PreparedBacktest, parameter_grid, sweep_parameters
from trading_assets.backtests.engine import simulate
from trading_assets_tests.benchmarks.market import prepare_market
from trading_assets_tests.benchmarks.measuring import measure, report


def main(symbols: int, sessions: int, what: str) -> None:
    prepared = prepare_market(symbols, sessions)
    bars = symbols * sessions
    if what != "runs":
        report({"all": measure(lambda: sweep(prepared, int(what)))}, bars=bars * int(what))
        return
    market, signals, run_parameters, settings = (
        prepared.market,
        prepared.signals,
        prepared.run_parameters,
        prepared.settings,
    )
    seconds = {
        "recorded": measure(lambda: simulate.simulate(market, signals, run_parameters, settings)),
        "run": measure(lambda: simulate.sweep(market, signals, run_parameters, settings, threads=1)),
    }
    report(seconds, bars=bars, decisions=simulate.simulate(market, signals, run_parameters, settings).decisions.size)


def sweep(prepared: PreparedBacktest, sets: int) -> None:
    """Sets that differ in the stop and both clearances: ten values of each make 1,000."""
    steps = np.linspace(0.0, 0.9, 10)
    grid = {
        "stop_atr": (2 + 2 * steps).tolist(),
        "fast_clearance": (0.02 * steps).tolist(),
        "slow_clearance": (0.02 * steps).tolist(),
    }
    chosen = parameter_grid(prepared.parameters, grid)[:sets]
    sweep_parameters(prepared, chosen, prepared.axes.sessions[0], prepared.axes.sessions[-1])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
