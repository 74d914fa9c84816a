"""All features of the oracle, in the order of the house's catalogue."""

from __future__ import annotations

from trading_assets.features.feature import Feature
from trading_assets_tests.features.polars_oracle import (
    cross_section,
    liquidity,
    market_relative,
    mean_reversion,
    momentum,
    seasonality,
    trend,
    volatility,
    volume,
)

CATEGORIES = (
    momentum,
    trend,
    volatility,
    volume,
    liquidity,
    mean_reversion,
    seasonality,
    market_relative,
    cross_section,
)
FEATURES: tuple[Feature, ...] = tuple(feature for category in CATEGORIES for feature in category.FEATURES)
