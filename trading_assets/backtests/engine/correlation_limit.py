"""Correlation of returns: between the positions, and of a candidate with them.

Returns are (symbols, sessions), and so is `known`: False where one is missing, and something else in its place.
"""

from __future__ import annotations

import math

from trading_assets.backtests.engine.arrays import Flags, Floats, Integers
from trading_assets.backtests.engine.jit import compiled


@compiled
def load_units(t: int, held: Integers, returns: Floats, known: Flags, units: Floats, valid: Flags) -> None:
    """Standardise the last returns of every position once a session, and add them up in the last row but one.

    A mean of correlations with all positions is then a single product; it takes pair by pair only where a return is
    missing.
    """
    everything = units.shape[0] - 2
    valid[everything] = held.size > 0
    units[everything] = 0.0
    for place in range(held.size):
        valid[place] = standardise(t, held[place], returns, known, units[place])
        valid[everything] &= valid[place]
        for k in range(units.shape[1]):
            units[everything, k] += units[place, k]


@compiled
def standardise(t: int, i: int, returns: Floats, known: Flags, unit: Floats) -> bool:
    """Write the last `unit.size` returns, centred and of length 1; False if one is missing or all are equal."""
    first = t + 1 - unit.size
    if first < 0:
        return False
    is_known, varies = True, False
    for k in range(unit.size):
        is_known &= known[i, first + k]
        varies |= returns[i, first + k] != returns[i, first]
    if not (is_known and varies):
        return False
    total = 0.0
    for k in range(unit.size):
        total += returns[i, first + k]
    mean = total / unit.size
    squares = 0.0
    for k in range(unit.size):
        unit[k] = returns[i, first + k] - mean
        squares += unit[k] * unit[k]
    length = math.sqrt(squares)
    for k in range(unit.size):
        unit[k] /= length
    return True


@compiled
def common_correlation(t: int, i: int, j: int, returns: Floats, known: Flags, window: int) -> float:
    """Return the Pearson correlation over the latest `window` common returns among the last 2 x `window` sessions.

    NaN with fewer of them, or where one of the two does not vary.
    """
    first, count = t, 0
    while first >= 0 and first > t - 2 * window:
        count += int(known[i, first] and known[j, first])
        if count == window:
            break
        first -= 1
    if count < window:
        return math.nan
    total_i, total_j = 0.0, 0.0
    for row in range(first, t + 1):
        if known[i, row] and known[j, row]:
            total_i += returns[i, row]
            total_j += returns[j, row]
    ii, jj, ij = 0.0, 0.0, 0.0
    varies_i, varies_j = False, False
    for row in range(first, t + 1):
        if known[i, row] and known[j, row]:
            a, b = returns[i, row] - total_i / window, returns[j, row] - total_j / window
            varies_i |= returns[i, row] != returns[i, first]
            varies_j |= returns[j, row] != returns[j, first]
            ii, jj, ij = ii + a * a, jj + b * b, ij + a * b
    if not (varies_i and varies_j):
        return math.nan
    return ij / math.sqrt(ii * jj)


@compiled
def product(a: Floats, b: Floats) -> float:
    """Return the inner product, in order."""
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@compiled
def pair_correlation(
    t: int, i: int, unit_i: int, j: int, unit_j: int, returns: Floats, known: Flags, units: Floats, valid: Flags
) -> float:
    """Correlation of symbols `i` and `j`, whose standardised returns are in those rows of `units` where valid."""
    if not (valid[unit_i] and valid[unit_j]):
        return common_correlation(t, i, j, returns, known, units.shape[1])
    return product(units[unit_i], units[unit_j])


@compiled
def portfolio_correlation(t: int, held: Integers, returns: Floats, known: Flags, units: Floats, valid: Flags) -> float:
    """Mean pairwise correlation of the positions `held`, row *k* of `units` that of `held[k]`; NaN without a pair."""
    everything = units.shape[0] - 2
    if valid[everything] and held.size > 1:
        return (product(units[everything], units[everything]) - held.size) / (held.size * (held.size - 1))
    total, pairs = 0.0, 0
    for a in range(held.size):
        for b in range(a + 1, held.size):
            value = pair_correlation(t, held[a], a, held[b], b, returns, known, units, valid)
            if not math.isnan(value):
                total += value
                pairs += 1
    return total / pairs if pairs else math.nan


@compiled
def candidate_correlation(
    t: int, i: int, held: Integers, returns: Floats, known: Flags, units: Floats, valid: Flags
) -> float:
    """Return mean correlation of symbol `i` with the positions `held`; NaN where no pair has enough common returns."""
    if held.size == 0:
        return math.nan
    own = units.shape[0] - 1
    everything = own - 1
    valid[own] = standardise(t, i, returns, known, units[own])
    if valid[own] and valid[everything]:
        return product(units[own], units[everything]) / held.size
    total, pairs = 0.0, 0
    for place in range(held.size):
        value = pair_correlation(t, i, own, held[place], place, returns, known, units, valid)
        if not math.isnan(value):
            total += value
            pairs += 1
    return total / pairs if pairs else math.nan
