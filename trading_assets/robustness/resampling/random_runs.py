"""What a strategy's portfolio rules earn with decisions at random: other entries, or target weights at other times."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.backtest import PreparedBacktest, Sweep
from trading_assets.backtests.parallel_sweep import RandomVariants, Span, sweep_random
from trading_assets.backtests.perturbations import with_entries, with_moved_targets
from trading_assets.backtests.results.return_metrics import annual_sharpes
from trading_assets.backtests.sweep_returns import excess_returns_of
from trading_assets.parallel.workers import IN_PROCESS, Workers

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

PERMUTATION = "permutation"
#: Runs that show how many candidates make as many trades as the strategy made, and how often they are repeated.
PILOT_RUNS, PILOTS = 32, 3

#: Sessions by which target weights move at least: a month.
SHORTEST_SHIFT = 21

_NO_SPREAD = 1e-12


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


def random_entries(span: Span, *, entries: int, runs: int, seed: int, workers: Workers = IN_PROCESS) -> RandomRuns:
    """Run the whole portfolio with candidates at random sessions and symbols; exits and sizing are the strategy's.

    Candidates are drawn without replacement from all usable bars of the span of symbols that were in the universe
    then. The portfolio's own rules refuse some of them (already held, no slot, no cash), so more are drawn than the
    strategy made entries: as many as make the same number of entries on average, which pilot runs find out.

    Parameters
    ----------
    span
        Backtest of an order-based strategy, and first and last session of the runs.
    runs, seed
        Number of runs, and the seed that they are drawn with.
    entries
        Entries of the actual run; closed and still open ones.
    workers
        Who runs them.
    """
    pool, bare = np.flatnonzero(_pool(span)), _without_panel(span)  # by session, then symbol
    candidates = min(entries, pool.size)

    def swept(count: int, purpose: str, wanted: int, who: Workers) -> Sweep:
        variants = RandomVariants(bare, _draw_entries, _entered, _Entries(pool, count))
        return sweep_random(variants, wanted, generator_of(seed, purpose), who)

    for pilot in range(PILOTS):  # done before the market would be with the workers
        made = float(swept(candidates, f"pilot {pilot}", PILOT_RUNS, IN_PROCESS).trades.mean())
        if made <= 0 or abs(made - entries) <= 0.02 * entries:
            break
        candidates = int(np.clip(round(candidates * entries / made), 1, pool.size))
    return _runs_of(span.prepared, swept(candidates, PERMUTATION, runs, workers))


@dataclass(frozen=True)
class _Entries:
    """Places in the flattened grid of the bars that can be entered on, and how many are."""

    places: Integers
    count: int


def _draw_entries(generator: np.random.Generator, pool: _Entries) -> Integers:
    return generator.choice(pool.places.size, size=pool.count, replace=False)


def _entered(span: Span, pool: _Entries, chosen: Integers) -> PreparedBacktest:
    return with_entries(span.prepared, *np.divmod(pool.places[chosen], len(span.prepared.axes.symbols)))


def random_targets(span: Span, *, runs: int, seed: int, workers: Workers = IN_PROCESS) -> RandomRuns:
    """Run the whole portfolio with a target-weight strategy's weights at random times, and on random symbols.

    All that is decided in the span moves by one random number of sessions (a circular shift, `SHORTEST_SHIFT` or more
    either way), and the weights of each symbol go to another one. How much is held, long and short, and how often it
    changes are the strategy's own; that it is these symbols at these times is not. Pairs stay the pairs that they are.
    What has no bar then, or is no member of the universe, is not bought: cash stays in its place.

    Parameters
    ----------
    span
        Backtest of a target-weight strategy, and first and last session of the runs.
    runs, seed
        Number of runs, and the seed that they are drawn with.
    workers
        Who runs them.
    """
    sessions = span.prepared.axes.sessions
    size = bisect_right(sessions, span.end) - bisect_left(sessions, span.start)
    members = _pool(span)
    drawn_from = _Moves(members, np.flatnonzero(members.any(axis=0)), min(SHORTEST_SHIFT, size // 4), size)
    variants = RandomVariants(_without_panel(span), _draw_move, _moved, drawn_from)
    return _runs_of(span.prepared, sweep_random(variants, runs, generator_of(seed, PERMUTATION), workers))


@dataclass(frozen=True)
class _Moves:
    """Bars of members on the grid, the symbols that change places, and the shortest shift of so many sessions."""

    members: Flags
    held: Integers
    shortest: int
    size: int


def _draw_move(generator: np.random.Generator, moves: _Moves) -> tuple[int, Integers]:
    shift = int(generator.integers(moves.shortest, moves.size - moves.shortest + 1))
    places = np.arange(moves.members.shape[1])
    places[moves.held] = generator.permutation(moves.held)
    return shift, places


def _moved(span: Span, moves: _Moves, drawn: tuple[int, Integers]) -> PreparedBacktest:
    shift, places = drawn
    return with_moved_targets(span.prepared, span.start, span.end, shift=shift, columns=places, members=moves.members)


def _runs_of(prepared: PreparedBacktest, found: Sweep) -> RandomRuns:
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

    Examples
    --------
    Two deviations above the mean: Phi(-2).

    >>> round(normal_p(2.0, np.array([-1.0, 0.0, 1.0])), 4)
    0.0228
    """
    deviation = float(np.std(random, ddof=1)) if random.size > 1 else 0.0
    return NormalDist().cdf((float(np.mean(random)) - actual) / deviation) if deviation >= _NO_SPREAD else None


def generator_of(seed: int, purpose: str) -> np.random.Generator:
    """Return a stream of its own for each purpose, the same on every machine."""
    return np.random.Generator(np.random.PCG64([seed, *purpose.encode()]))


def _without_panel(span: Span) -> Span:
    """Leave out what only decisions need: what is at random looks at no bar."""
    return replace(span, prepared=replace(span.prepared, panels=()))


def _pool(span: Span) -> Flags:
    """(sessions, symbols), whether a bar of the span could have been entered on."""
    prepared = span.prepared
    pool = np.zeros(prepared.market.present.shape, dtype=np.bool_)
    for panel in prepared.panels:
        members = panel.filter(pl.col("session").is_between(span.start, span.end), "in_universe")
        on_grid, rows, columns = prepared.axes.places(members.select("symbol", "session"))
        pool[rows[on_grid], columns[on_grid]] = True
    pool &= prepared.market.present
    return pool
