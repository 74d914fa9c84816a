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
        average_ranks(state.measures[measure, :count], state.ranks[measure, :count], state.order, state.sort_keys)
        for k in range(count):
            score[k] += weights[measure] * state.ranks[measure, k]
    sort_places(score, -1.0, state.order, state.sort_keys)


@compiled
def average_ranks(values: Floats, ranks: Floats, order: Integers, keys: Floats) -> None:
    """Ascending average ranks over their number into `ranks`: 1 is best; NaN is 0, below all.

    `order` and `keys` are scratch.
    """
    count = values.size
    known = sort_places(values, 1.0, order, keys)
    for place in range(known, count):
        ranks[order[place]] = 0.0
    first = 0
    while first < known:
        last = first
        while last + 1 < known and keys[last + 1] == keys[first]:
            last += 1
        rank = (count - known + 0.5 * (first + last) + 1.0) / count
        for place in range(first, last + 1):
            ranks[order[place]] = rank
        first = last + 1


@compiled
def sort_places(values: Floats, sign: float, order: Integers, keys: Floats) -> int:
    """Places of `values` by value, ascending (descending with sign -1); equal ones by place, NaN last. Shell's sort.

    Returns how many are not NaN; `keys` has these values times the sign, in order.
    """
    known = 0
    for place in range(values.size):
        if not math.isnan(values[place]):
            order[known] = place
            keys[known] = sign * values[place]
            known += 1
    unknown = known
    for place in range(values.size if known < values.size else 0):
        if math.isnan(values[place]):
            order[unknown] = place
            unknown += 1
    gap = 1
    while gap < known // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for start in range(gap, known):
            moved, key, place = order[start], keys[start], start
            while place >= gap and (
                key < keys[place - gap] or (key == keys[place - gap] and moved < order[place - gap])
            ):
                order[place] = order[place - gap]
                keys[place] = keys[place - gap]
                place -= gap
            order[place] = moved
            keys[place] = key
        gap //= 3
    return known
