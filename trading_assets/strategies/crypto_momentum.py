"""Breakouts of crypto assets above their 200-session mean (trading rules, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import polars as pl
from pydantic import Field

from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.equity_momentum import below_means, breakouts, mean_exit
from trading_assets.strategies.interface.rules import Rules

#: Stable name of this strategy on record, wherever this file moves to.
IDENTITY = "crypto_momentum"


class Parameters(OrderParameters):
    """Breakout clearances and exit."""

    stop_atr: float = Field(default=3.0, gt=0)
    capacity: float = Field(default=0.0025, gt=0, le=1)
    fast_clearance: float = Field(default=0.005, ge=0, description="close above highest_close_20 by this fraction")
    slow_clearance: float = Field(default=0.010, ge=0, description="close above highest_close_55 by this fraction")
    exit: Literal["ma_20", "ma_50", "staged"] = Field(
        default="staged",
        description="left below this mean; staged: the stop is raised below ma_20, left below ma_50",
    )
    staged_stop_atr: float = Field(default=2.0, gt=0, description="of the raised stop below the entry, in ATRs")


GRID: Mapping[str, Sequence[float | str]] = {
    "stop_atr": (2.5, 3.0, 3.5, 4.0),
    "fast_clearance": (0.0, 0.005, 0.010, 0.015),
    "slow_clearance": (0.005, 0.010, 0.015),
    "exit": ("ma_20", "ma_50", "staged"),
    "volatility_scaling": ("continuous", "regime", "off"),
}


def rules(parameters: Parameters) -> Rules:
    """Return the rules: above ma_200, enter on a breakout, raise the stop below ma_20, leave below ma_50.

    Examples
    --------
    >>> rules(Parameters()).exit
    ExitRule(signal='ma_50', raise_stop_on='ma_20', raised_stop_atr=2.0)
    """
    return Rules(
        eligible=pl.col("adj_close") > pl.col("ma_200"),
        triggers=breakouts(parameters.fast_clearance, parameters.slow_clearance),
        exits=below_means(),
        exit=mean_exit(parameters.exit, parameters.staged_stop_atr),
        exit_reason="ma_cross",
    )
