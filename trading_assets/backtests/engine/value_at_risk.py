"""Value at risk of what is held and ordered, by historical simulation (trading rules, section 4).

The weights after all ordered exits and entries times the returns of the last `var_window` sessions make a scenario a
session; the value at risk is the 13th worst of 252. Where calendars differ, sessions are those that all have, and a
return is from one of these to the next: that of a Monday has a coin's weekend in it. It is of today's positions, not of
what the account earned: a portfolio that was flat until yesterday has the risk of what it holds now (Hull, chapter on
historical simulation).
"""

from __future__ import annotations

from trading_assets.backtests.engine.arrays import Floats
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.portfolio_state import Derived, State
from trading_assets.backtests.engine.reason_codes import DATA_MISSING
from trading_assets.backtests.engine.settings import Settings

#: Halvings until the part of an order that fits is known to a billionth.
_HALVINGS = 30


@compiled
def is_limited(t: int, derived: Derived, settings: Settings) -> bool:
    """Return whether there are enough sessions up to *t* to simulate on."""
    return derived.scenario_count[t] >= settings.var_window  # type: ignore[no-any-return]


@compiled
def add_scenarios(t: int, i: int, weight: float, derived: Derived, scenarios: Floats) -> None:
    """Add what symbol `i` at a weight (signed fraction of equity) would have made in each of the last sessions."""
    first = derived.scenario_count[t] - scenarios.size
    for k in range(scenarios.size):
        scenarios[k] += weight * derived.scenario_returns[i, first + k]


@compiled
def tail_loss(scenarios: Floats, change: Floats, share: float, worst: Floats) -> float:
    """Value at risk, a fraction of equity, of `scenarios` with a `share` of `change` on top; `worst` is scratch."""
    count = worst.size
    filled = 0
    for k in range(scenarios.size):
        value = scenarios[k] + share * change[k]
        if filled == count and value >= worst[count - 1]:
            continue
        place = filled if filled < count else count - 1
        while place > 0 and worst[place - 1] > value:
            worst[place] = worst[place - 1]
            place -= 1
        worst[place] = value
        filled = min(filled + 1, count)
    return -worst[count - 1]  # type: ignore[no-any-return]


@compiled
def is_within(scenarios: Floats, change: Floats, share: float, limit: float, worst: Floats) -> bool:
    """Return whether `tail_loss` is within a limit: fewer results than `worst` has places are below it."""
    below = 0
    for k in range(scenarios.size):
        below += int(scenarios[k] + share * change[k] < -limit)
    return below < worst.size  # type: ignore[no-any-return]


@compiled
def share_within(scenarios: Floats, change: Floats, before: float, limit: float, worst: Floats) -> float:
    """Return the part of a change of the positions that keeps the value at risk within the limit, 0 to 1, by bisection.

    A change that makes the value at risk smaller than `before`, that of what is there without it, passes whole.
    """
    if is_within(scenarios, change, 1.0, limit, worst) or tail_loss(scenarios, change, 1.0, worst) < before:
        return 1.0
    if not is_within(scenarios, change, 0.0, limit, worst):
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if is_within(scenarios, change, middle, limit, worst):
            low = middle
        else:
            high = middle
    return low


@inlined
def load_scenarios(t: int, sign: float, derived: Derived, state: State) -> None:
    """Start from the positions of an order-based strategy that stay, and the entries (of that sign) that wait.

    Once a session, for its first entry; each one after is added as it is ordered. An exit that waits for its symbol's
    data leaves nothing yet: nobody knows when it can be made.
    """
    account = state.account[0]
    if account["simulated"] == t:
        return
    account["simulated"] = t
    state.scenarios[:] = 0.0
    for place in range(account["held"]):
        position = state.positions[state.held[place]]
        if position["exit_reason"] < 0 or position["exit_reason"] == DATA_MISSING:
            weight = position["quantity"] * position["mark"] / account["equity"]
            add_scenarios(t, position["symbol"], weight, derived, state.scenarios)
    for place in range(account["queued"]):
        order = state.orders[state.queue[place]]
        weight = sign * order["quantity"] * order["close"] / account["equity"]
        add_scenarios(t, order["symbol"], weight, derived, state.scenarios)
