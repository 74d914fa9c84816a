"""Worlds in which nothing is wrong, and one in which slippage doubles, for the tests and for the table of delays."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trading_assets.backtests.engine.transaction_costs import standard_normal, symbol_key

Floats = NDArray[np.float64]
DEVIATION = 0.75


def engine_slippage(draws: int, fills: int, seed: int = 7) -> Floats:
    """(draws, fills) slippage of the engine over its mean, by the engine's own counter-based draw."""
    normal = np.array(
        [[standard_normal(seed, np.uint64(symbol_key(f"S{n}")), day, 0) for day in range(fills)] for n in range(draws)]
    )
    return np.maximum(0.0, 1.0 + DEVIATION * normal)


def mean_of_cut_normal(deviation: float) -> float:
    """E max(0, N(1, d^2)) = Phi(1 / d) + d phi(1 / d), by hand."""
    if deviation == 0:
        return 1.0
    x = 1.0 / deviation
    return 0.5 * math.erfc(-x / math.sqrt(2)) + deviation * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def excess(slippage: Floats, multiple: float = 1.0, deviation: float = DEVIATION) -> Floats:
    """Slippage beyond what the model expects, in its deviations."""
    return (multiple * slippage - mean_of_cut_normal(deviation)) / deviation


def heavy_tails(draws: int, rounds: int, random: np.random.Generator) -> Floats:
    """Student's t with three degrees of freedom, mean 0, standard deviation 1."""
    return np.asarray(random.standard_t(3, (draws, rounds)) / math.sqrt(3))


def moving_scale(draws: int, rounds: int, random: np.random.Generator) -> Floats:
    """Normal values whose log scale is an AR(1) of 0.97: quiet months and wild ones."""
    shocks, level = random.normal(0, 0.25, (draws, rounds)), np.zeros(draws)
    found = np.empty((draws, rounds))
    for t in range(rounds):
        level = 0.97 * level + shocks[:, t]
        found[:, t] = np.exp(level) * random.standard_normal(draws)
    return found


def few(values: Floats, share: float, random: np.random.Generator) -> Floats:
    """The same with a bet in a share of the rounds alone."""
    return np.where(random.random(values.shape) < share, values, np.nan)


def slippage_in_common(
    draws: int, sessions: int, fills: int, correlation: float, random: np.random.Generator
) -> Floats:
    """(draws, sessions, fills) slippage over its mean, whose normal draws of one session have a correlation."""
    common, alone = random.standard_normal((draws, sessions, 1)), random.standard_normal((draws, sessions, fills))
    together = math.sqrt(correlation) * common + math.sqrt(1.0 - correlation) * alone
    return np.asarray(np.maximum(0.0, 1.0 + DEVIATION * together))


def _some_together(
    sessions: int, many: int, share: float, correlation: float, random: np.random.Generator, *, is_heavy: bool = False
) -> list[Floats]:
    """Standard values: two fills a session that are independent, in a share of them many with a correlation."""

    def drawn(count: int) -> Floats:
        return np.asarray(random.standard_t(3, count) / math.sqrt(3) if is_heavy else random.standard_normal(count))

    return [
        math.sqrt(correlation) * drawn(1) + math.sqrt(1.0 - correlation) * drawn(many)
        if random.random() < share
        else drawn(2)
        for _ in range(sessions)
    ]


def _baskets(sessions: int, random: np.random.Generator) -> list[Floats]:
    """A basket of ten in each fifth session, whose common part has heavy tails and a deviation of 1.5; else two."""
    return [
        1.5 * random.standard_t(3, 1) / math.sqrt(3) + 0.5 * random.standard_normal(10)
        if session % 5 == 0
        else 0.7 * random.standard_normal(2)
        for session in range(sessions)
    ]


#: Worlds whose sessions have differing numbers of fills, by their words: sessions and draws to values.
MIXED: dict[str, Callable[[int, np.random.Generator], list[Floats]]] = {
    "two, weekly five with a correlation of 0.6": lambda n, random: _some_together(n, 5, 0.2, 0.6, random),
    "the same with heavy tails (t of 3)": lambda n, random: _some_together(n, 5, 0.2, 0.6, random, is_heavy=True),
    "two, each tenth session 20 that are one": lambda n, random: _some_together(n, 20, 0.1, 1.0, random),
    "two, weekly a basket of ten with a wild common part": _baskets,
}
