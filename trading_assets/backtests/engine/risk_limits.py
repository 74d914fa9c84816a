"""Limits on the whole portfolio: drawdown breaker, daily loss, volatility scaling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trading_assets.backtests.engine.arrays import SCALING_CONTINUOUS, SCALING_OFF, Floats
from trading_assets.backtests.engine.jit import compiled, inlined
from trading_assets.backtests.engine.portfolio_state import State
from trading_assets.backtests.engine.reason_codes import (
    CLOSING,
    DAILY_LOSS_LIMIT,
    DRAWDOWN_HALT,
    ENTRIES_CLOSED,
    HALTED,
)
from trading_assets.backtests.engine.settings import Settings

_REGIME_RATIO = 2.0
_REGIME_MULTIPLIER = 0.5
#: A loss of exactly a limit is within it, and floats make 98,000 / 100,000 - 1 more than 2 %: -0.020000000000000018.
_ROUNDING = 1e-12


@inlined
def breaker_fires(t: int, settings: Settings, state: State) -> bool:
    """Update the drawdown breaker with the equity at this close; True if all positions are to be sold.

    It measures from the highest equity since the start or the last restart, halts for `halt_sessions`
    decisions after the one on which it fired, then restarts with less risk until the highest peak before
    a halt is regained. Equity of zero or less, or cash that short positions have eaten, halts for ever.
    A loss that the next bar has to confirm counts once it has.
    """
    account = state.account[0]
    equity = account["confirmed"]
    if account["ruined"]:
        return False
    if account["halted"] >= 0 and t > account["halted"] + settings.halt_sessions:
        account["halted"] = -1
        account["reduced"] = 1
        account["reference"] = equity
    account["reference"] = max(account["reference"], equity)
    if account["reduced"] and equity >= account["old_peak"]:
        account["reduced"] = 0
    if equity <= 0.0 or account["cash"] < 0.0:
        account["ruined"] = 1
        return True
    if account["halted"] < 0 and equity / account["reference"] - 1.0 < -settings.drawdown_limit - _ROUNDING:
        account["halted"] = t
        account["old_peak"] = max(account["old_peak"], account["reference"])
        return True
    return False


@inlined
def is_closing(t: int, run_parameters: Any) -> bool:
    """Return whether the account is being left for good at the close of session *t*."""
    return 0 < run_parameters["closing"] <= t + 1  # type: ignore[no-any-return]


@inlined
def reason_to_leave(t: int, breaker_fires_now: bool, run_parameters: Any) -> int:
    """Return why all positions are to be left from this close on (of `EXIT_REASONS`), or -1.

    The breaker says so once, at the close at which it fires; a closing at each of its closes.
    """
    if breaker_fires_now:
        return DRAWDOWN_HALT
    return CLOSING if is_closing(t, run_parameters) else -1


@inlined
def entry_block_reason_of(t: int, run_parameters: Any, settings: Settings, state: State) -> int:
    """Return why no entry may be decided at this close (of `REJECTIONS`), or -1."""
    if is_closing(t, run_parameters):
        return ENTRIES_CLOSED
    account = state.account[0]
    if account["ruined"] or account["halted"] >= 0 or account["equity"] <= 0.0:
        return HALTED
    if account["confirmed_return"] < -settings.daily_loss_limit - _ROUNDING:
        return DAILY_LOSS_LIMIT
    return -1


@inlined
def observe_return(session: int, exposed: bool, run_parameters: Any, settings: Settings, state: State) -> float:
    """Take in the return of this session; the multiplier of risk from volatility scaling.

    Volatility is the deviation (ddof 1) of the last returns, not annualised: only its ratio to its median
    over the last sessions with exposure counts.
    """
    window = settings.volatility_window
    if run_parameters["scaling"] == SCALING_OFF or session + 1 < window:
        return 1.0
    volatility = deviation(state.returns[session + 1 - window : session + 1])
    seen = state.account[0]["volatilities"]
    size = settings.volatility_baseline
    if exposed:
        slide(state.sorted_volatilities, seen, state.volatilities[seen % size], volatility)
        state.volatilities[seen % size] = volatility
        seen += 1
        state.account[0]["volatilities"] = seen
    if seen < settings.volatility_minimum:
        return 1.0
    baseline = median_of_sorted(state.sorted_volatilities[: min(seen, size)])
    if baseline <= 0.0:
        return 1.0
    ratio = volatility / baseline
    if run_parameters["scaling"] == SCALING_CONTINUOUS:
        return min(1.0, max(settings.volatility_floor, 1.0 / max(ratio, 1.0)))
    return _REGIME_MULTIPLIER if ratio > _REGIME_RATIO else 1.0


@inlined
def risk_multiplier(volatility_multiplier: float, settings: Settings, state: State) -> float:
    """Return the fraction of the configured risk per trade that is taken now."""
    return volatility_multiplier * settings.restart_risk if state.account[0]["reduced"] else volatility_multiplier


@compiled
def slide(ordered: Floats, seen: int, oldest: float, newest: float) -> None:
    """Keep the last `ordered.size` values sorted: put `newest` in, and `oldest` out once `seen` fill the window."""
    count = seen
    if seen >= ordered.size:
        count = ordered.size - 1
        place = int(np.searchsorted(ordered, oldest))
        for k in range(place, count):
            ordered[k] = ordered[k + 1]
    place = count
    while place > 0 and ordered[place - 1] > newest:
        ordered[place] = ordered[place - 1]
        place -= 1
    ordered[place] = newest


@compiled
def deviation(values: Floats) -> float:
    """Return the standard deviation (ddof 1), two passes in order."""
    total = 0.0
    for value in values:
        total += value
    mean = total / values.size
    squares = 0.0
    for value in values:
        squares += (value - mean) * (value - mean)
    return math.sqrt(squares / (values.size - 1))


@compiled
def median_of_sorted(values: Floats) -> float:
    """Return the middle value, or the mean of the two middle ones."""
    middle = values.size // 2
    if values.size % 2 == 1:
        return values[middle]  # type: ignore[no-any-return]
    return 0.5 * (values[middle - 1] + values[middle])  # type: ignore[no-any-return]
