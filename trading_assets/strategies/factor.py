"""A monthly ranking of the universe by four characteristics (trading rules, section 3.3).

Momentum without the last month: Jegadeesh and Titman, Journal of Finance 48 (1993). Low volatility: Blitz and van
Vliet, Journal of Portfolio Management 34 (2007). Low idiosyncratic volatility: Ang, Hodrick, Xing and Zhang, Journal
of Finance 61 (2006). The dollar volume keeps the portfolio where it can be traded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
from pydantic import Field

from trading_assets.config.sections import Fraction
from trading_assets.config.strategies import TargetWeightParameters

#: Stable name of this strategy on record, wherever this file moves to.
IDENTITY = "factor"

#: Characteristic -> whether high is good.
FACTORS = {"momentum_12_1": True, "volatility_60": False, "idiosyncratic_volatility_60": False, "adv_20": True}

#: An asset class without a bar for this long does not trade (weekends and holidays are shorter).
_SILENCE = "10d"


class Parameters(TargetWeightParameters):
    """How much of the ranking is held, and how much money in all."""

    capacity: float = Field(default=0.005, gt=0, le=1)
    quantiles: int = Field(default=5, ge=1, description="the best 1 / quantiles of the names is held, rounded up")
    gross: Fraction = Field(default=0.8, gt=0, description="sum of the target weights")


GRID: Mapping[str, Sequence[float | str]] = {
    "quantiles": (3, 4, 5, 10),
    "gross": (0.4, 0.6, 0.8),
    "volatility_scaling": ("continuous", "regime", "off"),
}


def columns(parameters: Parameters) -> set[str]:
    """Return the characteristics, from features.daily and features.indicators."""
    return set(FACTORS)


def target_weights(parameters: Parameters, panel: pl.DataFrame) -> pl.DataFrame:
    """Return equal weights in the names of the lowest mean rank, set anew on the first session of each month.

    Ranked are the members of the universe with a bar and all four characteristics, by the mean of their average
    ranks; equals by symbol. A name that was held and is not among the best any more is closed, one without a bar at
    that session at its next bar. With several asset classes the first session of a month is the first on which all of
    them trade.

    Examples
    --------
    The best half of four names is held. A and B are the best by momentum and by both volatilities; all four have the
    same dollar volume.

    >>> panel = pl.DataFrame(
    ...     {
    ...         "session": ["2024-01-02"] * 4,
    ...         "symbol": ["A", "B", "C", "D"],
    ...         "momentum_12_1": [0.4, 0.3, 0.1, 0.0],
    ...         "volatility_60": [0.1, 0.2, 0.3, 0.4],
    ...         "idiosyncratic_volatility_60": [0.1, 0.2, 0.3, 0.4],
    ...     }
    ... ).with_columns(pl.col("session").str.to_date(), asset_class=pl.lit("equity"), in_universe=True, adv_20=1e6)
    >>> target_weights(Parameters(quantiles=2, gross=0.8), panel).select("symbol", "target_weight", "reason").rows()
    [('A', 0.4, 'top_ranked'), ('B', 0.4, 'top_ranked')]
    """
    rebalanced = panel.join(_first_sessions(panel), on="session", how="semi")
    weighted = rebalanced.join(_chosen(parameters, rebalanced), on=["session", "symbol"], how="left")
    weight = pl.col("target_weight").fill_null(0.0)
    rows = weighted.select("session", "symbol", target_weight=weight).sort("session", "symbol")
    before = pl.col("target_weight").shift(1, fill_value=0.0).over("symbol")
    return rows.filter((pl.col("target_weight") > 0) | (before > 0)).with_columns(
        reason=pl.when(pl.col("target_weight") > 0).then(pl.lit("top_ranked")).otherwise(pl.lit("rebalance"))
    )


def _first_sessions(panel: pl.DataFrame) -> pl.DataFrame:
    sessions = panel.group_by("session").agg(trading=pl.col("asset_class").n_unique()).sort("session")
    live = pl.col("trading").rolling_max_by("session", _SILENCE)
    first = sessions.filter(pl.col("trading") == live).group_by(pl.col("session").dt.truncate("1mo").alias("month"))
    return first.agg(pl.col("session").min()).select("session")


def _chosen(parameters: Parameters, rows: pl.DataFrame) -> pl.DataFrame:
    ranks = [
        pl.col(name).rank("average", descending=high_is_good).over("session") for name, high_is_good in FACTORS.items()
    ]
    ranked = rows.filter("in_universe", *(pl.col(name).is_not_null() for name in FACTORS))
    # Sums of average ranks are multiples of a half: exact, whatever the order.
    ordered = ranked.with_columns(rank=pl.sum_horizontal(ranks)).sort("session", "rank", "symbol")
    held = (pl.len().over("session") + parameters.quantiles - 1) // parameters.quantiles
    best = ordered.filter(pl.int_range(pl.len()).over("session") < held)
    return best.select("session", "symbol", target_weight=parameters.gross / pl.len().over("session"))
