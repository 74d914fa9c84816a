"""How often the statistics of a verdict say what is not so: each figure with its seed, its draws and an interval.

Run by `make go-rate`, or by `python -m trading_assets_tests.benchmarks.error_rates [FIGURE ...]`; writes
docs/error_rates.json and the table in docs/honesty.md. Every draw has a seed of its own, so that a part of them is the
beginning of all.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from scipy.signal import lfilter
from scipy.stats import beta

from trading_assets.backtests.results.return_metrics import annual_sharpes
from trading_assets.config.verdict import ALPHA, VerdictThresholds
from trading_assets.robustness.overfitting.cscv import overfitting
from trading_assets.robustness.overfitting.field import Field, types_alike
from trading_assets.robustness.overfitting.reality_check import reality_check
from trading_assets.robustness.overfitting.selection import statistics
from trading_assets.robustness.overfitting.sharpe_inference import (
    independent_variance,
    long_run_variance,
    moments,
    probabilistic_sharpe,
)
from trading_assets.robustness.resampling.resample import resamples_needed, sharpe_quantile
from trading_assets.robustness.resampling.stationary_bootstrap import stationary_indices
from trading_assets_tests.benchmarks.table import REPOSITORY, replaced

Floats = NDArray[np.float64]

RESULTS = REPOSITORY / "docs" / "error_rates.json"
PAGE = REPOSITORY / "docs" / "honesty.md"
MARKS = ("<!-- error rates: written by `make go-rate` -->", "<!-- /error rates -->")
YEAR = 252
#: Sessions of train + validation in the markets of `make go-rate`.
SESSIONS = 1702
HOLDOUT_SESSIONS = 568
VOLATILITY = 0.01
TYPES, GRID, ALIKE = 20, 20, 0.7
SETS, PLATEAU_SHARPE = 64, 1.5


@dataclass(frozen=True)
class Figure:
    """A rate over draws.

    Attributes
    ----------
    goal
        Lowest and highest rate that it may have.
    hits_of
        What happened in the draw of a seed: 1 for a hit, 0 for none.
    """

    name: str
    goal: tuple[float, float]
    draws: int
    hits_of: Callable[[int], int]


@dataclass(frozen=True)
class Rate:
    """What was measured, and the 95 % interval of Clopper and Pearson (1934)."""

    name: str
    goal: tuple[float, float]
    seed: int
    draws: int
    hits: int
    low: float
    high: float


def interval(hits: int, draws: int) -> tuple[float, float]:
    """Exact 95 % interval of a binomial rate (Clopper and Pearson 1934)."""
    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, draws - hits + 1))
    high = 1.0 if hits == draws else float(beta.ppf(0.975, hits + 1, draws - hits))
    return low, high


def autoregressive(seed: int, phi: float = 0.3, sessions: int = SESSIONS) -> Floats:
    """Daily returns of AR(phi) with a mean of 0."""
    shocks = np.random.default_rng(seed).normal(0.0, VOLATILITY, sessions + 100)
    return np.asarray(lfilter([1.0], [1.0, -phi], shocks)[100:])


def psr_is_high(seed: int) -> int:
    """PSR of at least 95 % of an AR(0.3) with a mean of 0."""
    returns = autoregressive(seed)
    found, variance = moments(returns), long_run_variance(returns)
    return int(_psr(found, variance, returns.size) >= 0.95)


def independent_psr_is_high(seed: int) -> int:
    """The same, as if its returns were independent: what the PSR said before."""
    returns = autoregressive(seed)
    found = moments(returns)
    return int(_psr(found, None if found is None else independent_variance(*found), returns.size) >= 0.95)


def _psr(found: tuple[float, float, float] | None, variance: float | None, sessions: int) -> float:
    if found is None or variance is None:
        return 0.0
    return probabilistic_sharpe(found[0], 0.0, sessions, variance) or 0.0


def grid_of_type(random: np.random.Generator, sharpe: float) -> Floats:
    """Daily returns (sets, sessions) of a type's grid: all have one true Sharpe ratio and correlate by `ALIKE`."""
    common, own = random.standard_normal((1, SESSIONS)), random.standard_normal((GRID, SESSIONS))
    return np.asarray(VOLATILITY * (np.sqrt(ALIKE) * common + np.sqrt(1 - ALIKE) * own + sharpe / np.sqrt(YEAR)))


def deflated(seed: int, sharpes: tuple[float, ...], *, types: int | None = None) -> list[float]:
    """DSR of the best set of each type; `types` as counted from their returns, unless another number is given."""
    random = np.random.default_rng(seed)
    grids = [grid_of_type(random, sharpe) for sharpe in sharpes]
    counted = count_types(grids) if types is None else types
    found = []
    for grid in grids:
        own = np.array([_sharpe(row) for row in grid])
        values = statistics(
            grid[own.argmax()], grid, sharpes=own, distinct_trials=GRID, raw_trials=GRID, types=counted, periods=YEAR
        )
        found.append(values["dsr"] or 0.0)
    return found


def count_types(grids: list[Floats]) -> int:
    """Effective types, by the package's own count."""
    days = [dt.date(2000, 1, 1) + dt.timedelta(days=day) for day in range(SESSIONS)]
    trials = pl.DataFrame(
        {
            "type": [f"own.type_{number}" for number, grid in enumerate(grids) for _ in grid],
            "symbols": [["A"]] * sum(map(len, grids)),
            "strategy": "s",
            "start": days[0],
            "end": days[-1],
        }
    )
    field = Field(trials, days, np.concatenate(grids).T, trials.clear())
    return types_alike(field, "own.type_0", ["A"], days[0], days[-1])[0]


def _sharpe(returns: Floats) -> float:
    return float(returns.mean() / returns.std(ddof=1))


def any_type_passes(seed: int) -> int:
    """Any DSR of at least 95 % of 20 types without skill."""
    return int(max(deflated(seed, (0.0,) * TYPES)) >= 0.95)


def any_type_passes_alone(seed: int) -> int:
    """The same, each as if it were the only type: what the DSR said before."""
    return int(max(deflated(seed, (0.0,) * TYPES, types=1)) >= 0.95)


def skilled_type_passes(seed: int) -> int:
    """DSR of at least 95 % of one type with a true Sharpe ratio of 2 among 19 without skill."""
    return int(deflated(seed, (2.0, *(0.0,) * (TYPES - 1)))[0] >= 0.95)


def _noise(seed: int) -> Floats:
    return np.random.default_rng(seed).normal(0.0, VOLATILITY, (SESSIONS, 100))


def best_is_superior(seed: int) -> int:
    """SPA rejects at 5 % that no one of 100 trials of noise beats cash."""
    return int((reality_check(_noise(seed), block_sessions=20, resamples=500, seed=seed)["spa_p"] or 0.0) <= 0.05)


def best_passes_the_reality_check(seed: int) -> int:
    """White's reality check rejects the same."""
    found = reality_check(_noise(seed), block_sessions=20, resamples=500, seed=seed)["reality_check_p"]
    return int((found or 0.0) <= 0.05)


def best_alone_is_superior(seed: int) -> int:
    """SPA rejects it of the best of 100 trials of noise without the others: what it said before."""
    returns = _noise(seed)
    best = [int((returns.mean(axis=0) / returns.std(axis=0)).argmax())]
    return int((reality_check(returns[:, best], block_sessions=20, resamples=500, seed=seed)["spa_p"] or 0.0) <= 0.05)


def _plateau(seed: int) -> Floats:
    random = np.random.default_rng(seed)
    common, own = random.standard_normal((1, SESSIONS)), random.standard_normal((SETS, SESSIONS))
    shocks = np.sqrt(0.95) * common + np.sqrt(0.05) * own
    return np.asarray(VOLATILITY * (shocks + PLATEAU_SHARPE / np.sqrt(YEAR)))


def plateau_is_rejected(seed: int) -> int:
    """64 sets with a true Sharpe ratio of 1.5, 95 % alike: PBO above 1/2 and a loss more than 5 % of the time."""
    found = overfitting(_plateau(seed), 16)
    return int(found is not None and found.probability > 0.5 and found.probability_of_loss > 0.05)


def plateau_has_a_high_pbo(seed: int) -> int:
    """PBO above 1/2 of the same: what rejected before."""
    found = overfitting(_plateau(seed), 16)
    return int(found is not None and found.probability > 0.5)


def batch_passes(seed: int, size: int) -> int:
    """Any of a batch of strategies without skill passes the gates of a holdout that have an error rate.

    The bootstrap's quantile alpha of the Sharpe ratio is at least 0.4, and the p-value of the random runs at most
    alpha: that of the normal distribution, whose mean and deviation are those of a Sharpe ratio without skill.
    """
    alpha, random = ALPHA / size, np.random.default_rng(seed)
    limit = VerdictThresholds().reject_bootstrap_sharpe
    returns = random.normal(0.0, VOLATILITY, (size, HOLDOUT_SESSIONS))
    sharpes = np.sqrt(YEAR) * returns.mean(axis=1) / returns.std(axis=1, ddof=1)
    nothing = NormalDist(0.0, np.sqrt(YEAR / HOLDOUT_SESSIONS))
    for row in np.flatnonzero(sharpes > limit):
        if 1 - nothing.cdf(sharpes[row]) > alpha:
            continue
        wanted, none_yet = resamples_needed(alpha), np.empty((0, HOLDOUT_SESSIONS))
        low = sharpe_quantile(returns[row], none_yet, alpha, YEAR, 20, wanted, random)
        if low is not None and low >= limit:
            return 1
    return 0


def batch_of_5_passes(seed: int) -> int:
    """A batch of 5."""
    return batch_passes(seed, 5)


def batch_of_20_passes(seed: int) -> int:
    """A batch of 20."""
    return batch_passes(seed, 20)


def batch_of_50_passes(seed: int) -> int:
    """A batch of 50."""
    return batch_passes(seed, 50)


def fifty_batches_of_one_pass(seed: int) -> int:
    """Fifty looks as if each were the only one: what they were before."""
    return int(any(batch_passes(50 * seed + look, 1) for look in range(50)))


def drawn_returns(seed: int, sessions: int, kind: str) -> Floats:
    """Daily returns of a true Sharpe ratio of 0.4, the threshold of the bootstrap: of a normal, AR(0.3) or t(3)."""
    random = np.random.default_rng([seed, sessions])
    if kind == "AR(0.3)":
        shocks = autoregressive(seed, sessions=sessions) / VOLATILITY * np.sqrt(1 - 0.3**2)
    else:
        shocks = random.normal(size=sessions) if kind == "normal" else random.standard_t(3, sessions) / np.sqrt(3)
    return np.asarray(VOLATILITY * (shocks + VerdictThresholds().reject_bootstrap_sharpe / np.sqrt(YEAR)))


def quantile_is_high(seed: int, sessions: int, kind: str) -> int:
    """The bootstrap's 5 % quantile of the Sharpe ratio reaches what the true one is."""
    returns, random = drawn_returns(seed, sessions, kind), np.random.default_rng([seed, 1])
    drawn = returns[stationary_indices(sessions, 1000, 20, random)]
    low = sharpe_quantile(returns, drawn, ALPHA, YEAR, 20, 1000, random)
    return int(low is not None and low >= VerdictThresholds().reject_bootstrap_sharpe)


def resampled_quantile_is_high(seed: int, sessions: int, kind: str) -> int:
    """The same of the resamples alone: what it said before."""
    returns, random = drawn_returns(seed, sessions, kind), np.random.default_rng([seed, 1])
    drawn = returns[stationary_indices(sessions, 1000, 20, random)]
    low = float(np.quantile(annual_sharpes(drawn, YEAR), ALPHA))
    return int(low >= VerdictThresholds().reject_bootstrap_sharpe)


#: Lengths of a holdout, and what its returns are.
HOLDOUTS = [(sessions, kind) for sessions in (252, 504, 756) for kind in ("normal", "AR(0.3)", "t(3)")]

FIGURES = (
    Figure("PSR >= 95 % of AR(0.3) with a mean of 0", (0.04, 0.06), 10_000, psr_is_high),
    Figure("the same, taken for independent", (0.0, 1.0), 2_000, independent_psr_is_high),
    Figure("any DSR >= 95 % of 20 types without skill", (0.0, 0.05), 1_000, any_type_passes),
    Figure("the same, each as if alone", (0.0, 1.0), 200, any_type_passes_alone),
    Figure("DSR >= 95 % of a true Sharpe ratio of 2 among them", (0.95, 1.0), 500, skilled_type_passes),
    Figure("SPA at 5 %, best of 100 of noise among all", (0.04, 0.06), 2_000, best_is_superior),
    Figure("White's reality check of the same", (0.04, 0.06), 1_000, best_passes_the_reality_check),
    Figure("SPA of that best alone", (0.0, 1.0), 200, best_alone_is_superior),
    Figure("plateau of 64 sets of a true Sharpe ratio of 1.5 rejected", (0.0, 0.05), 400, plateau_is_rejected),
    Figure("PBO above one half of the same", (0.0, 1.0), 200, plateau_has_a_high_pbo),
    Figure("bootstrap and random runs passed by any of 5 without skill", (0.0, 0.01), 2_000, batch_of_5_passes),
    Figure("by any of 20", (0.0, 0.01), 2_000, batch_of_20_passes),
    Figure("by any of 50", (0.0, 0.01), 2_000, batch_of_50_passes),
    Figure("by any of 50, each as if alone", (0.0, 1.0), 200, fifty_batches_of_one_pass),
    *(
        Figure(
            f"5 % quantile above the true Sharpe ratio: {sessions} sessions, {kind}",
            (0.0, 0.06),
            2_000,
            partial(quantile_is_high, sessions=sessions, kind=kind),
        )
        for sessions, kind in HOLDOUTS
    ),
    *(
        Figure(
            f"the same by resamples alone: {sessions} sessions, {kind}",
            (0.0, 1.0),
            2_000,
            partial(resampled_quantile_is_high, sessions=sessions, kind=kind),
        )
        for sessions, kind in HOLDOUTS
        if kind == "AR(0.3)"
    ),
)


def measured(figure: Figure, pool: ProcessPoolExecutor, first_seed: int = 0) -> Rate:
    """Draw a figure's draws."""
    seeds = range(first_seed, first_seed + figure.draws)
    hits = sum(pool.map(figure.hits_of, seeds, chunksize=20))
    return Rate(figure.name, figure.goal, first_seed, figure.draws, hits, *interval(hits, figure.draws))


def _name(hits_of: Callable[[int], int]) -> str:
    return hits_of.func.__name__ if isinstance(hits_of, partial) else hits_of.__name__


def markdown(rates: list[Rate]) -> str:
    """The table of the page."""
    lines = ["| what | goal | measured | 95 % interval | draws |", "|---|---|---|---|---|"]
    for rate in rates:
        low, high = rate.goal
        goal = "" if (low, high) == (0.0, 1.0) else f"{low:.0%} to {high:.0%}"
        share = f"{rate.hits / rate.draws:.1%}"
        lines.append(f"| {rate.name} | {goal} | {share} | {rate.low:.1%} to {rate.high:.1%} | {rate.draws:,} |")
    return "\n".join(lines)


def stored() -> list[Rate]:
    """Results of the last measurement."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    return [Rate(**{**row, "goal": tuple(row["goal"])}) for row in rows]


def main(wanted: list[str]) -> None:
    """Measure all figures, or those whose functions are named, and put them into the page."""
    known = {rate.name: rate for rate in stored()} if RESULTS.exists() else {}
    console = Console()
    with ProcessPoolExecutor(2) as pool:
        for figure in FIGURES:
            if not wanted or _name(figure.hits_of) in wanted:
                known[figure.name] = measured(figure, pool)
                console.print(markdown([known[figure.name]]).splitlines()[-1], highlight=False)
                rates = [known[each.name] for each in FIGURES if each.name in known]
                RESULTS.write_text(json.dumps([asdict(rate) for rate in rates], indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), *MARKS, markdown(stored())), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
