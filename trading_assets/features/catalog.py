"""Every feature, and the table that lists them."""

from __future__ import annotations

from itertools import chain

import polars as pl

from trading_assets.features import (
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
from trading_assets.features.feature import Feature
from trading_assets.features.tables import CATALOG

FEATURES: tuple[Feature, ...] = tuple(
    chain.from_iterable(
        module.FEATURES
        for module in (
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
    )
)


def catalog_table() -> pl.DataFrame:
    """Rows of `features.catalog`, in order of column name."""
    return pl.DataFrame(
        [
            {
                "feature": feature.column,
                "name": feature.name,
                "category": feature.category,
                "provider": feature.provider,
                "lookback": feature.lookback,
                "warm_up": feature.warm_up,
                "version": feature.version,
                "description": feature.description,
                "source": feature.source,
            }
            for feature in FEATURES
        ],
        schema=CATALOG.empty().schema,
    ).sort("feature")
