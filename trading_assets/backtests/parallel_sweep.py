"""Sweeps whose runs are shared out among workers; what they find is in the order of the runs, to the bit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

import numpy as np

from trading_assets.backtests.backtest import PreparedBacktest, Sweep, sweep_parameters, sweep_prepared
from trading_assets.config.strategies import StrategyParameters
from trading_assets.parallel.workers import Workers

Draws = TypeVar("Draws")


@dataclass(frozen=True)
class Span:
    """A strategy on its market, and first and last day of every run."""

    prepared: PreparedBacktest
    start: dt.date
    end: dt.date


@dataclass(frozen=True)
class RandomVariants(Generic[Draws]):
    """Backtests that differ by what is drawn for each.

    Attributes
    ----------
    span
        Backtest that is varied, and the days of the runs.
    draw
        Function of a module: what one run takes, from the generator and `drawn_from`.
    vary
        Function of a module: the backtest of a draw.
    drawn_from
        All else that the two need.
    """

    span: Span
    draw: Callable[[np.random.Generator, Draws], Any]
    vary: Callable[[Span, Draws, Any], PreparedBacktest]
    drawn_from: Draws


@dataclass(frozen=True)
class _Part:
    """Runs of neighbours: the state of the generator before the first, and how many there are."""

    state: Any
    runs: int


def sweep_random(variants: RandomVariants[Draws], runs: int, generator: np.random.Generator, workers: Workers) -> Sweep:
    """Run as many variants as wanted, each of the next draw of a generator, whoever computes them.

    Parameters
    ----------
    variants
        What is drawn and how the backtest varies by it.
    runs
        How many.
    generator
        Of PCG64. Where there is one part alone nothing is drawn here.
    workers
        Who runs them.
    """
    sizes = [len(part) for part in workers.parts_of(range(runs))]
    parts = []
    for place, size in enumerate(sizes):
        parts.append(_Part(generator.bit_generator.state, size))
        for _ in range(size if place + 1 < len(sizes) else 0):
            variants.draw(generator, variants.drawn_from)
    return joined(workers.map(_drawn, variants, parts))


def _drawn(variants: RandomVariants[Draws], part: _Part) -> Sweep:
    bits = np.random.PCG64()
    bits.state = part.state
    generator, span = np.random.Generator(bits), variants.span

    def varied() -> Iterator[PreparedBacktest]:
        for _ in range(part.runs):
            yield variants.vary(span, variants.drawn_from, variants.draw(generator, variants.drawn_from))

    return sweep_prepared(varied(), span.start, span.end)


def sweep_sets(span: Span, parameter_sets: Sequence[StrategyParameters], workers: Workers) -> Sweep:
    """Run every parameter set over one span, as `sweep_parameters` does.

    Parameters
    ----------
    span
        Backtest, and first and last day of every run.
    parameter_sets
        At least one.
    workers
        Who runs them.
    """
    return joined(workers.map(_of_sets, span, workers.parts_of(parameter_sets)))


def _of_sets(span: Span, parameter_sets: Sequence[StrategyParameters]) -> Sweep:
    return sweep_parameters(span.prepared, parameter_sets, span.start, span.end)


def joined(sweeps: Sequence[Sweep]) -> Sweep:
    """Return the runs of several sweeps over the same sessions as one, in order."""
    columns = {
        item.name: np.concatenate([getattr(each, item.name) for each in sweeps])
        for item in fields(Sweep)
        if item.name != "sessions"
    }
    return Sweep(**columns, sessions=sweeps[0].sessions)
