"""What chance could have made of the result: resampled returns, resampled trades, decisions at random."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.backtest import PreparedBacktest, backtest
from trading_assets.backtests.engine.arrays import Signals
from trading_assets.backtests.parallel_sweep import Span
from trading_assets.backtests.results import return_metrics
from trading_assets.backtests.results.return_metrics import annual_sharpes
from trading_assets.backtests.results.run_tables import Result
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.config.verdict import ALPHA
from trading_assets.parallel.workers import IN_PROCESS, Workers
from trading_assets.robustness.overfitting.sharpe_inference import long_run_variance
from trading_assets.robustness.resampling.random_runs import (
    PERMUTATION,
    generator_of,
    normal_p,
    percentile,
    random_entries,
    random_targets,
)
from trading_assets.robustness.resampling.stationary_bootstrap import stationary_indices
from trading_assets.robustness.tables import BANDS, RESAMPLING

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BOOTSTRAP, TRADE_BOOTSTRAP = "bootstrap", "trade_bootstrap"
#: Resamples of a test at error rate alpha: this over alpha, so that about this many lie below the quantile.
RESAMPLES_BELOW = 20
#: Resamples that the rule is made for; who configures fewer gets a part of them.
USUAL_RESAMPLES = 1000
#: Below this error rate a p-value of the random runs is that of a normal distribution.
LEAST_COUNTED_P = 0.01

_NO_SPREAD = 1e-12
#: Resamples drawn at once beyond the first; bounds the memory.
_CHUNK = 1_000


@dataclass(frozen=True)
class Resampling:
    """Rows of `robustness.resampling` and `robustness.resampling_bands`."""

    statistics: pl.DataFrame
    bands: pl.DataFrame


def resample(
    prepared: PreparedBacktest,
    start: dt.date,
    end: dt.date,
    *,
    split: str,
    block_sessions: int,
    resamples: int,
    permutations: int,
    seed: int,
    alpha: float = ALPHA,
    workers: Workers = IN_PROCESS,
) -> Resampling:
    """Resample one span by every method, flat start.

    bootstrap
        Stationary-block resamples of the daily returns: percentiles 5 (`sharpe_quantile`), 50 and 95 of the annual
        Sharpe ratio, 95 of the depth of the drawdown (a positive fraction), 5 of the Calmar ratio; and where `alpha`
        is another one the quantile alpha of the Sharpe ratio (`sharpe_quantile_name`), of at least 20 / alpha
        resamples.
    trade_bootstrap
        The trades drawn anew with replacement: percentiles 5, 50 and 95 of the expectancy in R.
    permutation
        Runs with random entry dates, of an order-based strategy: percentile of the actual Sharpe ratio among
        theirs, p-value, percentiles 5, 50 and 95 of theirs, trades of the actual run and their median; below
        an error rate of 1 % the p-value by the normal distribution of the random runs, too (`normal_p`). Of a
        target-weight strategy, runs with its weights at random times on random symbols (`random_targets`).

    Parameters
    ----------
    prepared
        Backtest of the strategy.
    start, end
        First and last session of the run.
    block_sessions
        Mean length of a block of the bootstrap, sessions.
    resamples, permutations
        Number of resamples, and of runs with decisions at random.
    seed
        Each method draws from a stream of its own by this seed.
    split
        Name of the span in the tables.
    alpha
        Error rate of the strategy's tests, its part of that of its batch.
    workers
        Who makes the runs with decisions at random.
    """
    run = backtest(prepared, start, end, split=split)
    returns, excess = _returns_of(run)
    generator = generator_of(seed, BOOTSTRAP)
    chosen = stationary_indices(returns.size, resamples, block_sessions, generator)
    drawn, drawn_excess = returns[chosen], excess[chosen]
    periods = prepared.periods_per_year

    def quantile(level: float, wanted: int) -> float | None:
        return sharpe_quantile(excess, drawn_excess, level, periods, block_sessions, wanted, generator)

    bootstrapped = bootstrap_statistics(drawn, drawn_excess, periods) | {"sharpe_5": quantile(ALPHA, resamples)}
    trades = run.trades["r_multiple"].drop_nulls().to_numpy()
    measured: dict[str, tuple[Mapping[str, float | None], int]] = {
        BOOTSTRAP: (bootstrapped, resamples),
        TRADE_BOOTSTRAP: (trade_statistics(trades, resamples, generator_of(seed, TRADE_BOOTSTRAP)), resamples),
    }
    measured[PERMUTATION] = (
        _permutation(Span(prepared, start, end), run, permutations, seed, alpha, workers),
        permutations,
    )
    lines = [
        (prepared.name, split, method, statistic, value, count)
        for method, (values, count) in measured.items()
        for statistic, value in values.items()
    ]
    if sharpe_quantile_name(alpha) != sharpe_quantile_name(ALPHA):
        wanted = resamples_needed(alpha, resamples)
        lines.append((prepared.name, split, BOOTSTRAP, sharpe_quantile_name(alpha), quantile(alpha, wanted), wanted))
    equity = prepared.settings.starting_equity * np.cumprod(1.0 + drawn, axis=1)
    low, middle, high = np.quantile(equity, (0.05, 0.5, 0.95), axis=0)
    return Resampling(
        statistics=pl.DataFrame(lines, schema=RESAMPLING.empty().schema, orient="row"),
        bands=BANDS.conform(
            run.equity.select(
                "strategy", "split", "session", low=pl.Series(low), middle=pl.Series(middle), high=pl.Series(high)
            )
        ),
    )


def _returns_of(run: Result) -> tuple[Floats, Floats]:
    """Daily returns of a run, (sessions,), and the same beyond the risk-free rate."""
    curve = settled(run.equity).select(pl.col("daily_return", "excess_return").fill_null(0.0))
    return curve["daily_return"].to_numpy(), curve["excess_return"].to_numpy()


def bootstrap_statistics(returns: Floats, excess: Floats, periods: float) -> dict[str, float | None]:
    """Return percentiles over resampled daily returns; all None if they do not vary.

    Sharpe ratios are of the excess returns, drawdown and Calmar ratio of the returns without interest.

    Parameters
    ----------
    returns, excess
        (resamples, sessions) daily returns, and the same beyond the risk-free rate.
    periods
        Sessions a year.
    """
    names = ("sharpe_5", "sharpe_50", "sharpe_95", "drawdown_95", "calmar_5")
    deviation = returns.std(axis=1, ddof=1) if returns.shape[1] > 1 else np.zeros(len(returns))
    if float(deviation.max()) < _NO_SPREAD:
        return dict.fromkeys(names)
    sharpes = annual_sharpes(excess, periods)
    curve = np.cumprod(1.0 + returns, axis=1)
    peak = np.maximum(np.maximum.accumulate(curve, axis=1), 1.0)
    depth = (1.0 - curve / peak).max(axis=1)
    with np.errstate(over="ignore"):
        growth = np.maximum(curve[:, -1], 0.0) ** (periods / returns.shape[1]) - 1.0
    falls = depth > 0
    # A resample that never falls has no Calmar ratio; it cannot be among the worst.
    calmars = np.where(falls, growth / np.where(falls, depth, 1.0), np.inf)
    values = [*np.quantile(sharpes, (0.05, 0.5, 0.95)), np.quantile(depth, 0.95), _lower(calmars, 0.05)]
    return {name: float(value) if math.isfinite(value) else None for name, value in zip(names, values, strict=True)}


def sharpe_quantile_name(alpha: float) -> str:
    """Return the name of the quantile alpha of the bootstrapped Sharpe ratios, in percent: sharpe_5, sharpe_0.25.

    Examples
    --------
    >>> sharpe_quantile_name(0.05), sharpe_quantile_name(0.0025)
    ('sharpe_5', 'sharpe_0.25')
    """
    return f"sharpe_{100 * alpha:.8g}"


def resamples_needed(alpha: float, resamples: int = USUAL_RESAMPLES) -> int:
    """Return how many resamples a quantile alpha takes: `resamples`, or 20 / alpha if that is more.

    Who configures fewer than the usual number gets as much of 20 / alpha.

    Examples
    --------
    >>> resamples_needed(0.05), resamples_needed(0.0025)  # 20 / 0.0025
    (1000, 8000)
    """
    return max(resamples, math.ceil(RESAMPLES_BELOW / alpha * min(1.0, resamples / USUAL_RESAMPLES) - 1e-9))


def sharpe_quantile(
    returns: Floats,
    drawn: Floats,
    alpha: float,
    periods: float,
    block: int,
    wanted: int,
    generator: np.random.Generator,
) -> float | None:
    """Return the quantile alpha of the annual Sharpe ratio; None if the returns do not vary.

    The lower of two: that over resamples, and that of the normal distribution with the long-run variance of the Sharpe
    ratio. A few hundred sessions are some dozens of blocks, so the resamples' own spread is often too small: of AR(0.3)
    returns of 252 sessions whose true ratio is the threshold 8 % passed a quantile of 5 % by them alone.

    Parameters
    ----------
    alpha
        Probability below the quantile.
    periods, block
        Sessions a year, and the mean length of a block of the bootstrap.
    generator
        Source of the randomness of further resamples.
    returns
        (sessions,) daily returns.
    drawn
        (resamples, sessions) resamples of them so far; more are drawn until there are `wanted`.
    """
    if float(np.std(returns)) < _NO_SPREAD:
        return None
    sharpes = [annual_sharpes(drawn, periods)]
    for begin in range(len(drawn), wanted, _CHUNK):
        count = min(_CHUNK, wanted - begin)
        sharpes.append(annual_sharpes(returns[stationary_indices(returns.size, count, block, generator)], periods))
    drawn_low = float(np.quantile(np.concatenate(sharpes), alpha))
    variance = long_run_variance(returns)
    if variance is None:
        return drawn_low
    spread = math.sqrt(periods * variance / (returns.size - 1))
    own = float(annual_sharpes(returns[np.newaxis, :], periods)[0])
    return min(drawn_low, own + spread * NormalDist().inv_cdf(alpha))


def trade_statistics(r_multiples: Floats, resamples: int, generator: np.random.Generator) -> dict[str, float | None]:
    """Return percentiles of the mean of as many trades drawn with replacement; None without a trade.

    Parameters
    ----------
    r_multiples
        (trades,) profit over the risk at entry.
    resamples
        Number of resamples.
    generator
        Source of the randomness.

    Examples
    --------
    Trades that are all alike have one mean, however they are drawn.

    >>> trade_statistics(np.array([0.5, 0.5]), resamples=10, generator=np.random.default_rng(1))
    {'expectancy_r_5': 0.5, 'expectancy_r_50': 0.5, 'expectancy_r_95': 0.5}
    """
    names = ("expectancy_r_5", "expectancy_r_50", "expectancy_r_95")
    if not r_multiples.size:
        return dict.fromkeys(names)
    means = r_multiples[generator.integers(0, r_multiples.size, (resamples, r_multiples.size))].mean(axis=1)
    return {name: float(q) for name, q in zip(names, np.quantile(means, (0.05, 0.5, 0.95)), strict=True)}


def statistic_of(rows: pl.DataFrame, method: str, statistic: str) -> float | None:
    """Return one number of `robustness.resampling` rows of one strategy and split; None where it is null.

    Parameters
    ----------
    rows
        Rows of `robustness.resampling` of one strategy and split.
    method, statistic
        Their names in the table.

    Raises
    ------
    LookupError
        It is not there.
    """
    found = rows.filter(method=method, statistic=statistic)["value"]
    if found.is_empty():
        raise LookupError(f"no {statistic} of the {method} in {RESAMPLING.name}")
    value: float | None = found.item()
    return value


def _permutation(
    span: Span, run: Result, runs: int, seed: int, alpha: float, workers: Workers
) -> Mapping[str, float | None]:
    names = ("percentile", "p", "sharpe_5", "sharpe_50", "sharpe_95")
    beyond = alpha < LEAST_COUNTED_P
    trades = run.trades.height
    actual = return_metrics.sharpe(_returns_of(run)[1], span.prepared.periods_per_year)
    if not trades or actual is None:
        unknown: dict[str, float | None] = {**dict.fromkeys(names), "trades": float(trades), "trades_50": None}
        return unknown | ({"p_normal": None} if beyond else {})
    if isinstance(span.prepared.signals, Signals):
        found = random_entries(span, entries=trades, runs=runs, seed=seed, workers=workers)
    else:
        found = random_targets(span, runs=runs, seed=seed, workers=workers)
    rank = percentile(actual, found.sharpes)
    quantiles = (float(q) for q in np.quantile(found.sharpes, (0.05, 0.5, 0.95)))
    values = (rank, 1.0 - rank / 100.0, *quantiles)
    return {
        **dict(zip(names, values, strict=True)),
        "trades": float(trades),
        "trades_50": float(np.median(found.trades)),
        **({"p_normal": normal_p(actual, found.sharpes)} if beyond else {}),
    }


def _lower(values: Floats, quantile: float) -> float:
    """A quantile that is one of the values, so that infinite ones above it do not matter."""
    return float(np.quantile(values, quantile, method="lower"))
