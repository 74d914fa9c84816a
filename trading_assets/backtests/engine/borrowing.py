"""What short positions pay to those who lend the shares, and which shares nobody lends."""

from __future__ import annotations

from typing import Any

from trading_assets.backtests.engine.arrays import Market
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.portfolio_state import State


@compiled
def borrow_row(t: int, market: Market) -> int:
    """Return the row of the borrow terms in force at the close of session *t*."""
    return t if market.borrow_bps.shape[0] > 1 else 0


@compiled
def can_borrow(t: int, i: int, market: Market) -> bool:
    """Return whether a short position of a symbol may grow, by what is in force at the close of session *t*."""
    return market.borrowable[borrow_row(max(t, 0), market), i]  # type: ignore[no-any-return]


@inlined
def accrue_borrow(t: int, market: Market, run_parameters: Any, state: State) -> None:
    """Short positions pay for the calendar days since the session before, at its mark and at the rate in force then."""
    if t == 0:
        return
    account = state.account[0]
    days = market.day[t] - market.day[t - 1]
    row = borrow_row(t - 1, market)
    for place in range(account["held"]):
        position = state.positions[state.held[place]]
        if position["quantity"] < 0.0:
            value = -position["quantity"] * position["mark"]
            bps = market.borrow_bps[row, position["symbol"]]
            cost = value * bps / 1e4 * run_parameters["borrow_multiplier"] / 365.0 * days
            account["cash"] -= cost
            position["flow"] -= cost
            position["borrow_cost"] += cost
