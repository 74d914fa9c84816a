"""Data quality: which received bars are usable, what is to be known about them, and how sound the result is."""

from trading_assets.market_data.quality.judging import Judged, QualityError, judge
from trading_assets.market_data.quality.releases import ReleaseError, read_releases
from trading_assets.market_data.quality.rules import EXTREME_MOVE, FUTURE_BAR, RULES, STALE_PRICE, Rule, taken_back
from trading_assets.market_data.quality.soundness import faults, missing_sessions
from trading_assets.market_data.quality.values import PRICES, VALUES

__all__ = [
    "EXTREME_MOVE",
    "FUTURE_BAR",
    "PRICES",
    "RULES",
    "STALE_PRICE",
    "VALUES",
    "Judged",
    "QualityError",
    "ReleaseError",
    "Rule",
    "faults",
    "judge",
    "missing_sessions",
    "read_releases",
    "taken_back",
]
