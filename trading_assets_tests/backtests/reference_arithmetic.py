"""Arithmetic of the twin: one plain function each."""

from __future__ import annotations

import math

WORD = 2**64


def floor_to_lot(quantity: float, lot: float) -> float:
    return math.floor(quantity / lot + 1e-9) * lot


def less(quantity: float, lot: float) -> float:
    """A lot less, or a few last bits where those are more than a lot."""
    return max(0.0, floor_to_lot(quantity * (1 - 4e-15) - lot, lot))


def clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def loses_more(change: float, limit: float) -> bool:
    """Whether a loss is larger than a limit; one that is the limit but for the last bits is not."""
    return change < -limit and not math.isclose(change, -limit, rel_tol=0.0, abs_tol=1e-12)


def largest_cut(cuts: list[tuple[float, str]]) -> str | None:
    """Of parts that limits left of what was asked for, the limit that left least; of all but equals the first."""
    least, name = 1.0, None
    for part, limit in cuts:
        if part < least - 1e-6:
            least, name = part, limit
    return name


def mean_of(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def deviation(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def pearson(pairs: list[tuple[float, float]]) -> float | None:
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    if min(xs) == max(xs) or min(ys) == max(ys):
        return None
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    return covariance / math.sqrt(sum((x - mean_x) ** 2 for x in xs) * sum((y - mean_y) ** 2 for y in ys))


def average_ranks(values: list[float]) -> list[float]:
    """Average rank / n, the best 1; NaN has rank 0 and stands below all others."""
    unknown = sum(1 for value in values if math.isnan(value))
    ranks = []
    for value in values:
        below = sum(1 for other in values if other < value)
        equal = sum(1 for other in values if other == value)
        ranks.append(0.0 if math.isnan(value) else (unknown + below + (equal + 1) / 2) / len(values))
    return ranks


def standard_normal(seed: int, symbol_key: int, day: int, side: int) -> float:
    """The slippage draw: SplitMix64's finaliser (Steele et al. 2014), chained, then Box and Muller."""
    state = mix(seed + 0x9E3779B97F4A7C15)
    for part in (symbol_key, day, side):
        state = mix(state ^ (part % WORD))
    first = ((state >> 11) + 1) / 2**53
    second = (mix(state + 0x9E3779B97F4A7C15) >> 11) / 2**53
    return math.sqrt(-2 * math.log(first)) * math.cos(2 * math.pi * second)


def mix(value: int) -> int:
    value %= WORD
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % WORD
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % WORD
    return value ^ (value >> 31)
