from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from arch.bootstrap import StationaryBootstrap

from trading_assets.backtests import tables as backtests
from trading_assets.backtests.backtest import PreparedBacktest, backtest, prepare, sweep_prepared
from trading_assets.backtests.backtest import metrics_of as metrics_rows
from trading_assets.backtests.parallel_sweep import Span
from trading_assets.backtests.perturbations import with_entries
from trading_assets.backtests.results.return_metrics import annual_sharpes, calmar, max_drawdown, sharpe
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.backtests.sweep_returns import excess_returns_of
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.robustness.overfitting.sharpe_inference import long_run_variance
from trading_assets.robustness.resampling.random_runs import PERMUTATION, percentile, random_entries
from trading_assets.robustness.resampling.resample import (
    BOOTSTRAP,
    TRADE_BOOTSTRAP,
    bootstrap_statistics,
    resample,
    resamples_needed,
    sharpe_quantile,
    sharpe_quantile_name,
    statistic_of,
    trade_statistics,
)
from trading_assets.robustness.resampling.stationary_bootstrap import stationary_indices
from trading_assets.robustness.tables import BANDS, RESAMPLING
from trading_assets.robustness.verdict.criteria import bootstrap_statistic
from trading_assets.strategies.evaluation.inputs import read_frames
from trading_assets.warehouse import Rows
from trading_assets_tests.robustness.pipeline import Experiment

START, END = dt.date(2016, 1, 4), dt.date(2016, 12, 15)
KNOWN = Rows("strategy", "known")


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def prepared(finished: Experiment) -> PreparedBacktest:
    return prepare(finished.configuration, read_frames(finished.warehouse, finished.configuration, "known"))


def test_the_bootstrap_agrees_with_arch_on_dependent_returns() -> None:
    shocks = generator(1).normal(0.0005, 0.01, 750)
    returns = np.zeros(750)
    for day in range(1, 750):
        returns[day] = 0.3 * returns[day - 1] + shocks[day]
    own = annual_sharpes(returns[stationary_indices(750, 4000, 10, generator())], 252)
    other = StationaryBootstrap(10, returns, seed=3).apply(lambda drawn: sharpe(drawn, 252), 4000)[:, 0]
    # Standard error of these percentiles of 4,000 draws of deviation .7: about .025.
    for q in (0.05, 0.5, 0.95):
        assert np.quantile(own, q) == pytest.approx(np.quantile(other, q), abs=0.1)
    independent = annual_sharpes(returns[stationary_indices(750, 4000, 1, generator())], 252)
    assert np.std(independent) < 0.9 * np.std(own)


def test_percentiles_are_those_of_the_metrics_row_by_row() -> None:
    drawn = generator(2).normal(0.0005, 0.01, (200, 120))
    excess = drawn - np.linspace(0.0, 0.0002, 120)
    found = bootstrap_statistics(drawn, excess, 252)
    sharpes = [sharpe(row, 252) for row in excess]
    depths = [-(max_drawdown(row) or 0.0) for row in drawn]
    calmars = sorted(value for row in drawn if (value := calmar(row, 252)) is not None)
    expected = [*np.quantile(np.array(sharpes, dtype=float), (0.05, 0.5, 0.95)), np.quantile(depths, 0.95), calmars[9]]
    assert list(found.values()) == pytest.approx(expected)


def test_returns_that_do_not_vary_and_no_trades() -> None:
    assert set(bootstrap_statistics(np.zeros((10, 50)), np.zeros((10, 50)), 252).values()) == {None}
    assert set(trade_statistics(np.array([]), 10, generator()).values()) == {None}


def test_trades_drawn_anew() -> None:
    r_multiples = generator(3).normal(0.2, 1.0, 400)
    found = trade_statistics(r_multiples, 5000, generator())
    spread = 1.645 * r_multiples.std() / 20  # of a mean of 400
    low, middle, high = found.values()
    assert low == pytest.approx(r_multiples.mean() - spread, abs=0.01)
    assert middle == pytest.approx(r_multiples.mean(), abs=0.01)
    assert high == pytest.approx(r_multiples.mean() + spread, abs=0.01)


def test_a_small_error_rate_takes_more_resamples() -> None:
    """20 / .0025 = 8,000; of a batch of one 20 / .05 = 400, so the usual 1,000; a tenth for who sets 100."""
    assert [resamples_needed(alpha) for alpha in (0.05, 0.02, 0.0025, 0.001)] == [1000, 1000, 8000, 20_000]
    assert resamples_needed(0.0025, 100) == 800
    assert resamples_needed(0.0025, 10_000) == 10_000
    assert [sharpe_quantile_name(alpha) for alpha in (0.05, 0.0025)] == ["sharpe_5", "sharpe_0.25"]
    # Weights of 0.99999 and 1, and of 1/3 and 0.3333, are different error rates, and so are their names.
    alphas = [0.05, 0.05 * 0.99999, 0.05 / 3, 0.05 * 0.3333]
    assert len({sharpe_quantile_name(alpha) for alpha in alphas}) == 4
    assert len({bootstrap_statistic(alpha) for alpha in alphas}) == 4


def test_a_far_quantile_of_independent_returns_is_that_of_the_normal_distribution() -> None:
    """A Sharpe ratio of n = 1,000 days with a true one near 0 has a deviation of sqrt(252 / 1000) = .502 a year."""
    returns = generator(4).normal(0.0, 0.01, 1000)
    drawn = returns[stationary_indices(1000, 500, 1, generator())]
    found = sharpe_quantile(returns, drawn, 0.0025, 252, 1, 8000, generator(5))
    own = sharpe(returns, 252)
    assert found is not None and own is not None
    assert found == pytest.approx(own - 2.807 * 0.502, abs=0.1)  # z(.0025) = -2.807
    # Resamples that are all alike say that nothing could be worse: the normal quantile remains.
    alike = sharpe_quantile(returns, np.tile(returns, (8000, 1)), 0.0025, 252, 1, 8000, generator(5))
    assert alike == pytest.approx(own - 2.807 * 0.502, abs=0.05)
    assert sharpe_quantile(np.zeros(50), np.zeros((5, 50)), 0.05, 252, 5, 5, generator()) is None


def test_a_batch_of_one_has_the_normal_quantile_as_a_limit_too(prepared: PreparedBacktest) -> None:
    """Blocks as long as the sample only rotate it, so resamples hardly differ: the 5 % quantile is the normal one.

    SR - 1.645 omega sqrt(252 / (n - 1)), omega of the PSR, by hand from the run's own returns.
    """
    found = resample(prepared, START, END, split="holdout", block_sessions=10**6, resamples=50, permutations=5, seed=1)
    returns = settled(backtest(prepared, START, END, split="holdout").equity)["excess_return"].fill_null(0.0).to_numpy()
    own, variance = sharpe(returns, 252), long_run_variance(returns)
    assert own is not None and variance is not None
    wanted = own - 1.6448536 * np.sqrt(252 * variance / (returns.size - 1))
    assert statistic_of(found.statistics, BOOTSTRAP, "sharpe_5") == pytest.approx(wanted)
    assert statistic_of(found.statistics, BOOTSTRAP, "sharpe_50") == pytest.approx(own, abs=0.05)


def test_random_runs_make_as_many_trades_as_the_strategy(prepared: PreparedBacktest) -> None:
    run = backtest(prepared, START, END, split="development")
    found = random_entries(Span(prepared, START, END), entries=run.trades.height, runs=60, seed=1)
    assert found.trades.mean() == pytest.approx(run.trades.height, rel=0.1)
    again = random_entries(Span(prepared, START, END), entries=run.trades.height, runs=60, seed=1)
    other = random_entries(Span(prepared, START, END), entries=run.trades.height, runs=60, seed=2)
    assert (found.sharpes == again.sharpes).all()
    assert (found.sharpes != other.sharpes).any()


def test_who_knows_tomorrow_beats_random_entries_and_who_draws_does_not(prepared: PreparedBacktest) -> None:
    close = prepared.market.close
    sessions = np.array(prepared.axes.sessions)
    inside = np.flatnonzero((sessions >= START) & (sessions <= END))[:-10]
    gain = close[inside + 10] / close[inside] - 1
    best = np.argwhere(gain > np.nanquantile(gain, 0.9))
    rows, columns = inside[best[:, 0]], best[:, 1]
    sweep = sweep_prepared([with_entries(prepared, rows, columns)], START, END)
    knowing = float(annual_sharpes(excess_returns_of(prepared, sweep), 252)[0])
    random = random_entries(Span(prepared, START, END), entries=int(sweep.trades[0]), runs=100, seed=3)
    assert percentile(knowing, random.sharpes) > 95
    drawn = random_entries(Span(prepared, START, END), entries=int(sweep.trades[0]), runs=40, seed=4).sharpes
    # Percentiles of 40 draws are uniform: their mean has a deviation of 5.
    assert np.mean([percentile(value, random.sharpes) for value in drawn]) == pytest.approx(50, abs=15)


def test_rows_of_a_run(finished: Experiment, prepared: PreparedBacktest) -> None:
    rows = finished.warehouse.read(RESAMPLING, rows=KNOWN)
    assert sorted(rows["split"].unique()) == [DEVELOPMENT, "holdout"]
    own = rows.filter(split=DEVELOPMENT)
    values = [statistic_of(own, BOOTSTRAP, name) for name in ("sharpe_5", "sharpe_50", "sharpe_95")]
    assert None not in values and values == sorted(values)  # type: ignore[type-var]
    trades = finished.warehouse.read(backtests.TRADES, rows=KNOWN)
    holdout = rows.filter(split="holdout")
    assert statistic_of(holdout, PERMUTATION, "trades") == trades.filter(split="holdout").height
    assert statistic_of(holdout, TRADE_BOOTSTRAP, "expectancy_r_5") <= statistic_of(  # type: ignore[operator]
        holdout, TRADE_BOOTSTRAP, "expectancy_r_95"
    )
    with pytest.raises(LookupError, match="no nothing"):
        statistic_of(own, BOOTSTRAP, "nothing")
    bands = finished.warehouse.read(BANDS, rows=KNOWN).filter(split=DEVELOPMENT)
    assert bands.filter((pl.col("low") > pl.col("middle")) | (pl.col("middle") > pl.col("high"))).is_empty()
    assert bands["session"].to_list() == [s for s in prepared.axes.sessions if START <= s <= END]


def test_a_strategy_that_is_not_registered_has_no_resamples_of_the_holdout(finished: Experiment) -> None:
    for table in (RESAMPLING, BANDS):
        rows = finished.warehouse.read(table, rows=Rows("strategy", "unknown"))
        assert rows["split"].unique().to_list() == [DEVELOPMENT]


def test_a_run_without_a_trade_has_nulls(prepared: PreparedBacktest) -> None:
    nothing = np.array([], dtype=np.int64)
    quiet = with_entries(prepared, nothing, nothing)
    found = resample(quiet, START, END, split="holdout", block_sessions=10, resamples=20, permutations=20, seed=1)
    values = dict(found.statistics.select("statistic", "value").iter_rows())
    assert values.pop("trades") == 0
    assert set(values.values()) == {None}
    RESAMPLING.validate(found.statistics)
    BANDS.validate(found.bands)
    assert (
        metrics_rows(quiet, backtest(quiet, START, END, split="development")).filter(metric="sharpe")["value"][0]
        is None
    )
