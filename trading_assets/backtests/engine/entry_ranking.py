"""The queue of the candidates of a session: average ranks, score, order (trading rules, section 4)."""

from __future__ import annotations

import math

from trading_assets.backtests.engine.arrays import Floats, Integers
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.portfolio_state import State


@inlined
def rank_survivors(count: int, weights: Floats, state: State) -> None:
    """Score the survivors and put them in order: score descending, then symbol ascending."""
    score = state.score[:count]
    score[:] = 0.0
    for measure in range(3):
        average_ranks(state.measures[measure, :count], state.ranks[measure, :count], state.order)
        for k in range(count):
            score[k] += weights[measure] * state.ranks[measure, k]
    sort_places(score, -1.0, state.order)


@compiled
def average_ranks(values: Floats, ranks: Floats, order: Integers) -> None:
    """Ascending average ranks over their number into `ranks`: 1 is best; NaN is 0, below all. `order` is scratch."""
    count = values.size
    sort_places(values, 1.0, order)
    known = count
    while known > 0 and math.isnan(values[order[known - 1]]):
        known -= 1
        ranks[order[known]] = 0.0
    first = 0
    while first < known:
        last = first
        while last + 1 < known and values[order[last + 1]] == values[order[first]]:
            last += 1
        rank = (count - known + 0.5 * (first + last) + 1.0) / count
        for place in range(first, last + 1):
            ranks[order[place]] = rank
        first = last + 1


@compiled
def sort_places(values: Floats, sign: float, order: Integers) -> None:
    """Places of `values` by value, ascending (descending with sign -1); equal ones by place, NaN last. Shell's sort."""
    count = values.size
    for place in range(count):
        order[place] = place
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for start in range(gap, count):
            moved, place = order[start], start
            while place >= gap and _comes_before(values, sign, moved, order[place - gap]):
                order[place] = order[place - gap]
                place -= gap
            order[place] = moved
        gap //= 3


@compiled
def _comes_before(values: Floats, sign: float, a: int, b: int) -> bool:
    first, second = sign * values[a], sign * values[b]
    if first < second:
        return True
    if first > second:
        return False
    if math.isnan(first) != math.isnan(second):
        return math.isnan(second)
    return a < b
