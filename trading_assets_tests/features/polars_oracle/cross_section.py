"""Cross-section: a symbol among the members of its asset class that have a usable bar at the same session.

Members are those of the universe as of that session: a symbol that joins later has risen until then, and nobody knew.
A symbol that is no member has no place among them, and null. Only ranks, counts and medians: unlike sums they do not
depend on the order of the symbols.
"""

from __future__ import annotations

import polars as pl

from trading_assets.features.feature import Feature


def _rank(column: str, of: str, lookback: int, what: str) -> Feature:
    values = pl.col(of)
    return Feature(
        column=column,
        category="cross_section",
        scope="session",
        expression=(values.rank("average") - 0.5) / values.count(),
        lookback=lookback,
        description=f"rank of {what} among the members of the asset class, 0 to 1; 0.5 for one alone",
        source="average rank minus a half, over the number of symbols",
        version=2,
    )


POSITION = 90
FEATURES = (
    _rank("rank_return_20", "return_20", 20, "the return over 20 sessions"),
    _rank("rank_return_60", "return_60", 60, "the return over 60 sessions"),
    _rank("rank_momentum_12_1", "momentum_12_1", 252, "momentum_12_1"),
    _rank("rank_volatility_60", "volatility_60", 60, "the volatility of 60 sessions"),
    _rank("rank_zscore_20", "zscore_20", 19, "zscore_20"),
    _rank("rank_dollar_volume_20", "mean_dollar_volume_20", 19, "the mean dollar volume of 20 sessions"),
    Feature(
        column="excess_return_20",
        category="cross_section",
        scope="session",
        expression=pl.col("return_20") - pl.col("return_20").median(),
        lookback=20,
        description="return over 20 sessions minus the median of the members of the asset class",
        source="definition",
        version=2,
    ),
    Feature(
        column="breadth_50",
        category="cross_section",
        scope="session",
        expression=(pl.col("close_to_ma_50") > 0).sum() / pl.col("close_to_ma_50").count(),
        lookback=49,
        description="share of the members of the asset class that closed above their mean of 50 sessions",
        source="definition",
        version=2,
    ),
)
