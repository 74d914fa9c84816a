"""A universe chosen by rules, on what was known at the time."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trading_assets.config.scalars import MOST_SESSIONS
from trading_assets.config.sections import NonNegative, Section


class DynamicUniverse(Section):
    """The largest symbols that pass filters, chosen again every month or quarter."""

    rebalance: Literal["monthly", "quarterly"] = Field(default="monthly", description="when symbols are chosen anew")
    largest: int = Field(default=20, ge=1, le=100_000, description="so many symbols at most")
    by: Literal["dollar_volume", "market_cap"] = Field(
        default="dollar_volume", description="what the largest is: median over the window, or last value"
    )
    window: int = Field(default=30, ge=5, le=MOST_SESSIONS, description="sessions before a choice that it looks at")
    min_dollar_volume: NonNegative = Field(default=1e6, description="median of the window, quote currency a session")
    min_market_cap: NonNegative = Field(default=0.0, description="last value, quote currency; 0 asks for none")
    min_age: int = Field(default=90, ge=1, le=MOST_SESSIONS, description="usable bars since the first")
    pegged_volatility: NonNegative = Field(
        default=0.1, description="annual volatility of the window below which a coin is pegged to a currency"
    )
    wrapped_deviation: NonNegative = Field(
        default=0.01, description="deviation of the log price ratio to a larger coin below which a coin wraps it"
    )
    exclude: list[str] = Field(default=[], description="symbols that are never chosen, beside those that rules find")
