"""Value at risk of positions once more, slow and plain: the oracle of the compiled one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from trading_assets.backtests.engine.settings import Settings

#: Signed fraction of equity and column of the market, one a position or order.
Weights = list[tuple[float, int]]


def value_at_risk(t: int, weights: Weights, market: Any, settings: Settings) -> float | None:
    """The 13th worst of 252 sessions for a portfolio of these weights; None while there are fewer sessions."""
    window = settings.var_window
    common = [s for s in range(t + 1) if everybody_trades(s, market)]
    if len(common) < window:
        return None
    spans = list(zip([-1, *common], common, strict=False))[-window:]
    made = [sum(w * scenario_return(before, s, i, market) for w, i in weights) for before, s in spans]
    return -sorted(made)[math.floor(0.05 * window)]


def everybody_trades(s: int, market: Any) -> bool:
    """Whether no symbol rests that was listed before and is not delisted."""
    for i, ends in enumerate(market.delisted):
        if market.expected[s][i] or 0 <= ends < s:
            continue
        if any(market.expected[k][i] for k in range(s)):  # listed
            return False
    return True


def scenario_return(before: int, s: int, i: int, market: Any) -> float:
    """What a position in the symbol makes from the close of one session to that of a later one."""
    return math.prod(1.0 + session_return(k, i, market) for k in range(before + 1, s + 1)) - 1.0


def session_return(s: int, i: int, market: Any) -> float:
    """The symbol's return, or what stands in for it."""
    if not math.isnan(market.returns[s][i]):
        return float(market.returns[s][i])
    listed = any(market.expected[k][i] for k in range(s + 1))
    if market.benchmark[i] < 0 or (listed and not market.expected[s][i]):
        return 0.0
    return 1.5 * float(market.benchmark_returns[market.benchmark[i]][s])


def part_within(risk_at: Callable[[float], float], before: float, limit: float) -> float:
    """Part of a change that keeps the value at risk within the limit, or all of it if it lowers it."""
    if risk_at(1.0) <= limit or risk_at(1.0) < before:
        return 1.0
    if risk_at(0.0) > limit:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if risk_at(middle) <= limit else (low, middle)
    return low
