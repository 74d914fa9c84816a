"""What chance could have made of the result: resampled returns, resampled trades, decisions at random."""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.backtest import PreparedBacktest, backtest, excess_returns_of, sweep_prepared
from trading_assets.backtests.engine.arrays import Signals
from trading_assets.backtests.perturbations import with_entries, with_moved_targets
from trading_assets.backtests.results import return_metrics
from trading_assets.backtests.results.run_tables import Result
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.config.verdict import ALPHA
from trading_assets.robustness.overfitting.sharpe_inference import long_run_variance
from trading_assets.robustness.resampling.stationary_bootstrap import stationary_indices
from trading_assets.robustness.tables import BANDS, RESAMPLING

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BOOTSTRAP, TRADE_BOOTSTRAP, PERMUTATION = "bootstrap", "trade_bootstrap", "permutation"
#: Runs that show how many candidates make as many trades as the strategy made, and how often they are repeated.
PILOT_RUNS, PILOTS = 32, 3

#: Sessions by which target weights move at least: a month.
SHORTEST_SHIFT = 21

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


@dataclass(frozen=True)
class RandomRuns:
    """Portfolio runs with decisions at random.

    Attributes
    ----------
    sharpes
        (runs,) a year; 0 for a run without any variation.
    trades
        (runs,) closed round trips.
    """

    sharpes: Floats
    trades: Integers


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
    split
        Name of the span in the tables.
    alpha
        Error rate of the strategy's tests, its part of that of its batch.
    """
    run = backtest(prepared, start, end, split=split)
    returns, excess = _returns_of(run)
    generator = _generator(seed, BOOTSTRAP)
    chosen = stationary_indices(returns.size, resamples, block_sessions, generator)
    drawn, drawn_excess = returns[chosen], excess[chosen]
    periods = prepared.periods_per_year

    def quantile(level: float, wanted: int) -> float | None:
        return sharpe_quantile(excess, drawn_excess, level, periods, block_sessions, wanted, generator)

    bootstrapped = bootstrap_statistics(drawn, drawn_excess, periods) | {"sharpe_5": quantile(ALPHA, resamples)}
    trades = run.trades["r_multiple"].drop_nulls().to_numpy()
    measured: dict[str, tuple[Mapping[str, float | None], int]] = {
        BOOTSTRAP: (bootstrapped, resamples),
        TRADE_BOOTSTRAP: (trade_statistics(trades, resamples, _generator(seed, TRADE_BOOTSTRAP)), resamples),
    }
    measured[PERMUTATION] = (
        _permutation(prepared, run, start, end, permutations, seed, alpha),
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
    """Percentiles over resampled daily returns (resamples, sessions); all None if they do not vary.

    Sharpe ratios are of the excess returns, drawdown and Calmar ratio of the returns without interest.
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
    """Return the name of the quantile alpha of the bootstrapped Sharpe ratios, in percent: sharpe_5, sharpe_0.25."""
    return f"sharpe_{100 * alpha:.8g}"


def resamples_needed(alpha: float, resamples: int = USUAL_RESAMPLES) -> int:
    """Return how many resamples a quantile alpha takes: `resamples`, or 20 / alpha if that is more.

    Who configures fewer than the usual number gets as much of 20 / alpha.
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
    """Percentiles of the mean of as many trades drawn with replacement; None without a trade."""
    names = ("expectancy_r_5", "expectancy_r_50", "expectancy_r_95")
    if not r_multiples.size:
        return dict.fromkeys(names)
    means = r_multiples[generator.integers(0, r_multiples.size, (resamples, r_multiples.size))].mean(axis=1)
    return {name: float(q) for name, q in zip(names, np.quantile(means, (0.05, 0.5, 0.95)), strict=True)}


def annual_sharpes(returns: Floats, periods: float) -> Floats:
    """Return the annual Sharpe ratio of each row, as `return_metrics.sharpe`; 0 where it does not vary."""
    deviation = returns.std(axis=1, ddof=1)
    found: Floats = np.divide(
        returns.mean(axis=1) * math.sqrt(periods),
        deviation,
        out=np.zeros(len(returns)),
        where=deviation > _NO_SPREAD,
    )
    return found


def random_entries(
    prepared: PreparedBacktest, start: dt.date, end: dt.date, *, entries: int, runs: int, seed: int
) -> RandomRuns:
    """Run the whole portfolio with candidates at random sessions and symbols; exits and sizing are the strategy's.

    Candidates are drawn without replacement from all usable bars of the span of symbols that were in the universe
    then. The portfolio's own rules refuse some of them (already held, no slot, no cash), so more are drawn than the
    strategy made entries: as many as make the same number of entries on average, which pilot runs find out.

    Parameters
    ----------
    entries
        Entries of the actual run; closed and still open ones.
    """
    rows, columns = _pool(prepared, start, end)
    candidates = min(entries, rows.size)

    def varied(count: int, generator: np.random.Generator, wanted: int) -> Iterator[PreparedBacktest]:
        for _ in range(wanted):
            chosen = generator.choice(rows.size, size=count, replace=False)
            yield with_entries(prepared, rows[chosen], columns[chosen])

    for pilot in range(PILOTS):
        found = sweep_prepared(varied(candidates, _generator(seed, f"pilot {pilot}"), PILOT_RUNS), start, end)
        made = float(found.trades.mean())
        if made <= 0 or abs(made - entries) <= 0.02 * entries:
            break
        candidates = int(np.clip(round(candidates * entries / made), 1, rows.size))
    found = sweep_prepared(varied(candidates, _generator(seed, PERMUTATION), runs), start, end)
    returns = excess_returns_of(prepared, found)
    return RandomRuns(annual_sharpes(returns, prepared.periods_per_year), found.trades)


def random_targets(prepared: PreparedBacktest, start: dt.date, end: dt.date, *, runs: int, seed: int) -> RandomRuns:
    """Run the whole portfolio with a target-weight strategy's weights at random times, and on random symbols.

    All that is decided in the span moves by one random number of sessions (a circular shift, `SHORTEST_SHIFT` or more
    either way), and the weights of each symbol go to another one. How much is held, long and short, and how often it
    changes are the strategy's own; that it is these symbols at these times is not. Pairs stay the pairs that they are.
    What has no bar then, or is no member of the universe, is not bought: cash stays in its place.
    """
    size = bisect_right(prepared.axes.sessions, end) - bisect_left(prepared.axes.sessions, start)
    shortest = min(SHORTEST_SHIFT, size // 4)
    members = np.zeros(prepared.market.close.shape, dtype=np.bool_)
    rows, columns = _pool(prepared, start, end)
    members[rows, columns] = True
    held = np.unique(columns)

    def varied(generator: np.random.Generator) -> Iterator[PreparedBacktest]:
        for _ in range(runs):
            shift = int(generator.integers(shortest, size - shortest + 1))
            places = np.arange(len(prepared.axes.symbols))
            places[held] = generator.permutation(held)
            yield with_moved_targets(prepared, start, end, shift=shift, columns=places, members=members)

    found = sweep_prepared(varied(_generator(seed, PERMUTATION)), start, end)
    returns = excess_returns_of(prepared, found)
    return RandomRuns(annual_sharpes(returns, prepared.periods_per_year), found.trades)


def percentile(actual: float, random: Floats) -> float:
    """Return the percentage of the random results that the actual one beats, itself counted among them.

    100 (1 - p) with p = (1 + #{random >= actual}) / (n + 1), which is never 0 (Phipson and Smyth 2010).

    Examples
    --------
    One of nine random results is as good: 100 (1 - 2 / 10).

    >>> percentile(8.0, np.arange(9.0))
    80.0
    """
    return 100.0 * (1.0 - (1.0 + float(np.sum(random >= actual))) / (random.size + 1.0))


def normal_p(actual: float, random: Floats) -> float | None:
    """Return the p-value of a result by the normal distribution of the random ones; None if these do not vary.

    1 - Phi((actual - mean) / deviation): below 1 / (n + 1), which is the least that counting n of them can say.
    """
    deviation = float(np.std(random, ddof=1)) if random.size > 1 else 0.0
    return NormalDist().cdf((float(np.mean(random)) - actual) / deviation) if deviation >= _NO_SPREAD else None


def statistic_of(rows: pl.DataFrame, method: str, statistic: str) -> float | None:
    """Return one number of `robustness.resampling` rows of one strategy and split; None where it is null.

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
    prepared: PreparedBacktest, run: Result, start: dt.date, end: dt.date, runs: int, seed: int, alpha: float
) -> Mapping[str, float | None]:
    names = ("percentile", "p", "sharpe_5", "sharpe_50", "sharpe_95")
    beyond = alpha < LEAST_COUNTED_P
    trades = run.trades.height
    actual = return_metrics.sharpe(_returns_of(run)[1], prepared.periods_per_year)
    if not trades or actual is None:
        unknown: dict[str, float | None] = {**dict.fromkeys(names), "trades": float(trades), "trades_50": None}
        return unknown | ({"p_normal": None} if beyond else {})
    if isinstance(prepared.signals, Signals):
        found = random_entries(prepared, start, end, entries=trades, runs=runs, seed=seed)
    else:
        found = random_targets(prepared, start, end, runs=runs, seed=seed)
    rank = percentile(actual, found.sharpes)
    quantiles = (float(q) for q in np.quantile(found.sharpes, (0.05, 0.5, 0.95)))
    values = (rank, 1.0 - rank / 100.0, *quantiles)
    return {
        **dict(zip(names, values, strict=True)),
        "trades": float(trades),
        "trades_50": float(np.median(found.trades)),
        **({"p_normal": normal_p(actual, found.sharpes)} if beyond else {}),
    }


def _pool(prepared: PreparedBacktest, start: dt.date, end: dt.date) -> tuple[Integers, Integers]:
    """Rows and columns of the grid of the bars that could have been entered on."""
    sessions = {session: row for row, session in enumerate(prepared.axes.sessions)}
    columns = {symbol: column for column, symbol in enumerate(prepared.axes.symbols)}
    bars = prepared.panel.filter(pl.col("session").is_between(start, end), "in_universe").sort("session", "symbol")
    rows = np.array([sessions[session] for session in bars["session"]], dtype=np.int64)
    symbols = np.array([columns[symbol] for symbol in bars["symbol"]], dtype=np.int64)
    usable = prepared.market.present[rows, symbols]
    return rows[usable], symbols[usable]


def _generator(seed: int, purpose: str) -> np.random.Generator:
    """A stream of its own for each purpose, the same on every machine."""
    return np.random.Generator(np.random.PCG64([seed, *purpose.encode()]))


def _lower(values: Floats, quantile: float) -> float:
    """A quantile that is one of the values, so that infinite ones above it do not matter."""
    return float(np.quantile(values, quantile, method="lower"))
