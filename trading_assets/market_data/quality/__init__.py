"""Data quality: which received bars are usable, what is to be known about them, and how sound the result is.

The application of the rules is imported from its module: the process of a user's own code, which knows the rules by
name, then starts without NumPy.
"""

from trading_assets.market_data.quality.overrides import NO_OVERRIDES, OverrideError, read_overrides
from trading_assets.market_data.quality.rules import (
    EXTREME_MOVE,
    FUTURE_BAR,
    NOT_A_SESSION,
    RULES,
    STALE_PRICE,
    TICKER_REUSE,
    Rule,
    taken_back,
)
from trading_assets.market_data.quality.soundness import faults, missing_sessions
from trading_assets.market_data.quality.values import PRICES, VALUES

__all__ = [
    "EXTREME_MOVE",
    "FUTURE_BAR",
    "NOT_A_SESSION",
    "NO_OVERRIDES",
    "PRICES",
    "RULES",
    "STALE_PRICE",
    "TICKER_REUSE",
    "VALUES",
    "OverrideError",
    "Rule",
    "faults",
    "missing_sessions",
    "read_overrides",
    "taken_back",
]
