"""A change of regime moves a part of the book a session, and the rest in the sessions that follow (section 4.9).

The rows of a session are those that the strategy states, and those that go on from an earlier change. A row that is
stated ends what was left of its slot; only rows of a change of regime are held to the limit.
"""

from __future__ import annotations

import math

from trading_assets.backtests.engine.arrays import Market, Targets
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.portfolio_state import State, note_limit
from trading_assets.backtests.engine.reason_codes import BY_REGIME_TURNOVER
from trading_assets.backtests.engine.rebalance_limits import GROWS, SHRINKS, weight_of
from trading_assets.backtests.engine.settings import Settings
from trading_assets.backtests.engine.target_quantities import partner_of

#: Fraction of equity: no more than this above a limit is what lots and costs of the sessions before left over.
_ROUNDING = 1e-6


@compiled
def is_grown(weight: float, current: float) -> bool:
    """Return whether it takes a larger position to get to a weight, or one on the other side."""
    return weight * current < 0.0 or abs(weight) > abs(current)


@compiled
def forget_spread(p: int, targets: Targets, state: State) -> None:
    """Nothing is left of a change of regime of slot `p`, and of the other leg of its pair: it has to be left."""
    state.spread[p]["left"] = 0
    other = partner_of(p, targets)
    if other >= 0:
        state.spread[other]["left"] = 0


@compiled
def end_of_spread(p: int, state: State) -> None:
    """Nothing is left of a change of regime of slot `p`: its row was rejected."""
    state.spread[p]["left"] = 0


@inlined
def rows_of_session(targets: Targets, state: State) -> Targets:
    """Return the rows that `stated_rows` has put together, as target weights of one session."""
    return Targets(
        targets.first,
        state.row_slot,
        state.row_weight,
        state.row_eligible,
        state.row_reason,
        targets.symbol,
        targets.pair_index,
        state.row_of_regime,
    )


@compiled
def stated_rows(t: int, market: Market, targets: Targets, state: State) -> int:
    """Put the rows of session *t* together, by slot: those that are stated, and what goes on; their number.

    A row that is stated counts as fresh until `spread_moves` has seen it: what was left of its slot is over.
    """
    row, last, count = targets.first[t], targets.first[t + 1], 0
    for p in range(state.spread.size):
        spread = state.spread[p]
        if row < last and targets.position_index[row] == p:
            state.row_weight[count] = targets.weight[row]
            state.row_eligible[count] = targets.eligible[row]
            state.row_reason[count] = targets.reason[row]
            state.row_of_regime[count] = targets.of_regime[row]
            spread["left"] = 0
            row += 1
        elif _goes_on(t, p, market, targets, state):
            state.row_weight[count] = spread["weight"]
            state.row_eligible[count] = spread["eligible"] == 1
            state.row_reason[count] = spread["reason"]
            state.row_of_regime[count] = True
        else:
            continue
        state.wanted[p] = state.row_weight[count]
        state.row_slot[count] = p
        count += 1
    return count


@compiled
def _goes_on(t: int, p: int, market: Market, targets: Targets, state: State) -> bool:
    """Whether something is left of slot `p` that can be decided now; of a pair both legs wait for each other."""
    if state.spread[p]["left"] == 0 or not _is_free(t, p, market, targets, state):
        return False
    other = partner_of(p, targets)
    if other < 0 or state.spread[other]["left"] == 0:
        return True
    return _is_free(t, other, market, targets, state)  # type: ignore[no-any-return]


@compiled
def _is_free(t: int, p: int, market: Market, targets: Targets, state: State) -> bool:
    """Whether the symbol has a usable bar, and no order of the slot waits: a new one would take its place for ever."""
    return not state.ordered[p] and bool(market.present[t, targets.symbol[p]])


@compiled
def spread_moves(count: int, targets: Targets, settings: Settings, state: State) -> None:
    """Cut what changes of regime move to the limit, all by one part, and note what is left of each.

    The rows of the session are `targets`, made by `rows_of_session`. What a row moves is what it would without the
    limit, after the multiplier of the risk. A row that the multiplier makes smaller than what is held moves at once,
    as do rows of no regime. What is left of a row that grows is tried again for as many sessions as the moves of the
    session take at the limit, counted anew when more come in: what caps keep from it then is over. What shrinks goes on
    until it is done.
    """
    asked, is_fresh = 0.0, False
    for row in range(count):
        asked += abs(_move(row, targets, state))
        if targets.of_regime[row] and state.spread[targets.position_index[row]]["left"] == 0:
            is_fresh = True
    share = 1.0
    sessions = 1
    if asked > settings.max_regime_turnover + _ROUNDING:
        share = settings.max_regime_turnover / asked
        sessions = math.ceil((asked - _ROUNDING) / settings.max_regime_turnover)
    for row in range(count):
        p = targets.position_index[row]
        spread, move = state.spread[p], _move(row, targets, state)
        left = max(1, sessions - 1) if is_fresh else spread["left"]
        spread["left"] = 0
        if share == 1.0 or move == 0.0:
            continue
        current = weight_of(p, state)
        targets.weight[row] = current + share * move
        state.scale[p] = 1.0
        if state.verdict[p] == GROWS and is_grown(targets.weight[row], current):
            left -= int(not is_fresh)
        else:  # of a flip a part of the closing half
            state.verdict[p] = SHRINKS
        note_limit(p, BY_REGIME_TURNOVER, share, state)
        spread["left"] = left
        spread["weight"] = state.wanted[p]
        spread["reason"] = targets.reason[row]
        spread["eligible"] = int(targets.eligible[row])


@compiled
def _move(row: int, targets: Targets, state: State) -> float:
    """Change of weight, signed, that a row asks for and that the limit is about; 0 for all else."""
    if not targets.of_regime[row]:
        return 0.0
    p = targets.position_index[row]
    current = weight_of(p, state)
    if state.verdict[p] == SHRINKS:
        return targets.weight[row] - current  # type: ignore[no-any-return]
    scaled = targets.weight[row] * state.scale[p]
    if state.verdict[p] == GROWS and is_grown(scaled, current):
        return scaled - current  # type: ignore[no-any-return]
    return 0.0
