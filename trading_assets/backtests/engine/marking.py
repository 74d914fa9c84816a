"""What positions are worth at a close: losses at once, gains once the next bar has confirmed them.

A bar that moved too far from the one before is missing for signals until the next received bar decides what it was.
Until then a position whose side it goes against is marked at it, and one whose side it favours keeps its mark.
"""

from __future__ import annotations

import math

from trading_assets.backtests.engine.arrays import Floats, Market
from trading_assets.backtests.engine.dtypes import LONG
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.portfolio_state import Records, State


@inlined
def settle_doubts(t: int, session: int, market: Market, state: State, settled: Floats, records: Records) -> None:
    """Record what the bars of session *t* decide about marks in doubt; before the open, as what is sold there counts.

    A loss that was marked at a refuted bar is taken out of `settled`, the equity that metrics use. Nothing that the
    run decides reads what is written here: what a bar refutes is known at its close.
    """
    if state.account[0]["doubts"] > 0:
        for place in range(state.account[0]["held"]):
            _settle(t, session, state.held[place], market, state, settled, records)


@compiled
def _settle(t: int, session: int, p: int, market: Market, state: State, settled: Floats, records: Records) -> None:
    position = state.positions[p]
    i, doubt = position["symbol"], position["doubt"]
    if doubt < 0 or not has_bar(t, i, market):
        return
    since = session - (t - doubt)
    if market.refuted[doubt, i]:
        for back in range(since, session):
            settled[back] += position["quantity"] * (position["confirmed"] - position["mark"])
        return
    position["unexplained_moves"] += 1
    if records.unexplained_moves.size > 0:
        records.unexplained_moves[since] += 1
        records.unexplained_moves[session] += 1


@compiled
def has_bar(t: int, i: int, market: Market) -> bool:
    """Return whether a bar was received, flagged or not."""
    return market.expected[t, i] and not math.isnan(market.close[t, i])  # type: ignore[no-any-return]


@inlined
def mark_positions(t: int, market: Market, state: State) -> None:
    """Mark at the close; a position whose session is missing keeps its last mark."""
    account = state.account[0]
    account["doubts"] = 0
    for place in range(account["held"]):
        position = state.positions[state.held[place]]
        i = position["symbol"]
        if market.present[t, i]:
            mark = market.close[t, i]
            best = position["best_mark"]
            position["mark"] = mark
            position["confirmed"] = mark
            position["doubt"] = -1
            position["best_mark"] = min(best, mark) if position["quantity"] < 0.0 else max(best, mark)
            position["hold_sessions"] += 1
        else:
            if has_bar(t, i, market):
                _mark_in_doubt(t, state.held[place], market, state)
            account["doubts"] += int(position["doubt"] >= 0)


@compiled
def _mark_in_doubt(t: int, p: int, market: Market, state: State) -> None:
    """Mark at a bar that only the next one confirms; it confirms or refutes the one before."""
    position = state.positions[p]
    i, doubt = position["symbol"], position["doubt"]
    if doubt >= 0 and not market.refuted[doubt, i]:
        position["confirmed"] = position["doubt_close"]
    close, confirmed = market.close[t, i], position["confirmed"]
    is_loss = close < confirmed if position["side"] == LONG else close > confirmed
    position["mark"] = close if is_loss else confirmed
    position["doubt"] = t
    position["doubt_close"] = close


@inlined
def value_of_positions(state: State) -> float:
    """Return quantity x mark over the positions, in order of their slots; negative for a short one."""
    total = 0.0
    for place in range(state.account[0]["held"]):
        position = state.positions[state.held[place]]
        total += position["quantity"] * position["mark"]
    return total


@inlined
def confirmed_value_of_positions(state: State) -> float:
    """As `value_of_positions`, without losses that no later bar has confirmed."""
    total = 0.0
    for place in range(state.account[0]["held"]):
        position = state.positions[state.held[place]]
        total += position["quantity"] * position["confirmed"]
    return total


@inlined
def gross_of_positions(state: State) -> float:
    """Return the absolute value of the positions, in order of their slots."""
    total = 0.0
    for place in range(state.account[0]["held"]):
        position = state.positions[state.held[place]]
        total += abs(position["quantity"]) * position["mark"]
    return total
