"""What the runs of a sweep earned each session, and what the benchmark earned beside them."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest, Sweep, benchmark_column, universe_of
from trading_assets.backtests.engine.arrays import Floats
from trading_assets.backtests.results.baselines import UniverseArrays, equal_weight_returns, of_evening_before


def excess_returns_of(prepared: PreparedBacktest, sweep: Sweep) -> Floats:
    """Return the daily excess returns (runs, sessions) of the settled equity, the first from the starting equity.

    What is not cash has to earn the rate that it forgoes; cash without short proceeds earns it. 0 after a total loss.
    """
    returns = np.nan_to_num(daily_returns(sweep.settled_equity, prepared.settings.starting_equity))
    forgone: Floats = of_evening_before(sweep.long_exposure) * _rates(prepared, sweep)
    return returns - forgone


def benchmark_beside(prepared: PreparedBacktest, sweep: Sweep) -> Floats:
    """Return excess returns (runs, sessions) of the benchmark, held at each run's net exposure of the session before.

    The rest is cash. Without a benchmark it is the universe at equal weights; without a bar of it, nothing but the rate
    that the holding forgoes.
    """
    days = pl.DataFrame({"session": sweep.sessions}, schema={"session": pl.Date})
    if prepared.benchmark_name:
        aligned = days.join(benchmark_column(prepared), on="session", how="left", maintain_order="left")
        earned: Floats = np.nan_to_num(aligned["benchmark_return"].cast(pl.Float64).fill_null(0.0).to_numpy())
    else:
        earned = equal_weight_returns(UniverseArrays.of(days["session"], universe_of(prepared)))
    return of_evening_before(sweep.net_exposure) * (earned - _rates(prepared, sweep))


def daily_returns(equity: Floats, starting_equity: float) -> Floats:
    """Return the daily returns of equity (runs, sessions) at the closes, the first from the starting equity.

    Examples
    --------
    Nothing is earned after a total loss.

    >>> daily_returns(np.array([[110.0, 0.0, 0.0]]), starting_equity=100.0).round(4).tolist()
    [[0.1, -1.0, 0.0]]
    """
    before = np.concatenate([np.full((equity.shape[0], 1), starting_equity), equity[:, :-1]], axis=1)
    growth: Floats = np.divide(equity, before, out=np.ones_like(before), where=before > 0)
    return growth - 1.0


def _rates(prepared: PreparedBacktest, sweep: Sweep) -> Floats:
    first = bisect_left(prepared.axes.sessions, sweep.sessions[0])
    return prepared.risk_free[first : first + len(sweep.sessions)]
