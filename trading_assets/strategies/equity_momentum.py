"""Breakouts of US stocks in an uptrend (trading rules, section 3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import polars as pl
from pydantic import Field

from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.interface.rules import RELATIVE_STRENGTH, ExitRule, Rules, Trigger

#: Stable name of this strategy on record, wherever this file moves to.
IDENTITY = "equity_momentum"


class Parameters(OrderParameters):
    """Breakout clearances, trend filter and exit."""

    stop_atr: float = Field(default=2.5, gt=0)
    capacity: float = Field(default=0.005, gt=0, le=1)
    fast_clearance: float = Field(default=0.005, ge=0, description="close above highest_close_20 by this fraction")
    slow_clearance: float = Field(default=0.010, ge=0, description="close above highest_close_55 by this fraction")
    trend_slope: float = Field(default=0.005, description="least rise of ma_50 over 20 sessions, a fraction")
    relative_strength_filter: bool = Field(default=False, description="enter only if roc_60 is above the benchmark's")
    exit: Literal["ma_20", "ma_50", "staged"] = Field(
        default="ma_20",
        description="left below this mean; staged: the stop is raised below ma_20, left below ma_50",
    )
    staged_stop_atr: float = Field(default=2.0, gt=0, description="of the raised stop below the entry, in ATRs")


GRID: Mapping[str, Sequence[float | str]] = {
    "stop_atr": (2.0, 2.5, 3.0, 3.5),
    "fast_clearance": (0.0, 0.005, 0.010, 0.015),
    "slow_clearance": (0.005, 0.010, 0.015),
    "exit": ("ma_20", "ma_50", "staged"),
    "volatility_scaling": ("continuous", "regime", "off"),
}


def rules(parameters: Parameters) -> Rules:
    """Return the rules: above a rising 50-session mean, enter on a fast or slow breakout, leave below a mean.

    Examples
    --------
    >>> own = rules(Parameters(slow_clearance=0.02, exit="ma_50"))
    >>> [(trigger.name, trigger.threshold) for trigger in own.triggers]
    [('fast', 1.005), ('slow', 1.02)]
    >>> own.exit
    ExitRule(signal='ma_50', raise_stop_on=None, raised_stop_atr=0.0)
    """
    trend = pl.col("ma_50") / pl.col("ma_50").shift(20) - 1 > parameters.trend_slope
    eligible = (pl.col("adj_close") > pl.col("ma_50")) & trend
    if parameters.relative_strength_filter:
        eligible = eligible & (RELATIVE_STRENGTH > 0)
    return Rules(
        eligible=eligible,
        triggers=breakouts(parameters.fast_clearance, parameters.slow_clearance),
        exits=below_means(),
        exit=mean_exit(parameters.exit, parameters.staged_stop_atr),
        exit_reason="ma_cross",
    )


def breakouts(fast_clearance: float, slow_clearance: float) -> tuple[Trigger, Trigger]:
    """Return the breakouts above the highest close of the 20 (fast) and 55 (slow) sessions before.

    Examples
    --------
    A close of 105 is 5 % above the highest of 20 sessions, and 2 ATRs above its mean.

    >>> row = pl.DataFrame({"adj_close": 105.0, "highest_close_20": 100.0, "ma_20": 101.0, "atr_14": 2.0})
    >>> fast, _ = breakouts(0.005, 0.010)
    >>> row.select(strength=fast.strength, rank=fast.rank).row(0)
    (1.05, 2.0)
    """
    close = pl.col("adj_close")
    return (
        Trigger(
            name="fast",
            strength=close / pl.col("highest_close_20"),
            threshold=1 + fast_clearance,
            rank=(close - pl.col("ma_20")) / pl.col("atr_14"),
        ),
        Trigger(
            name="slow",
            strength=close / pl.col("highest_close_55"),
            threshold=1 + slow_clearance,
            rank=(close - pl.col("ma_50")) / pl.col("atr_14"),
        ),
    )


def below_means() -> dict[str, pl.Expr]:
    """Return the exit signals: a close below its 20- and 50-session means."""
    return {mean: pl.col("adj_close") < pl.col(mean) for mean in ("ma_20", "ma_50")}


def mean_exit(exit_name: str, staged_stop_atr: float) -> ExitRule:
    """Return the exit by name: below one mean, or staged (raise the stop below ma_20, leave below ma_50).

    Examples
    --------
    >>> mean_exit("staged", staged_stop_atr=2.0)
    ExitRule(signal='ma_50', raise_stop_on='ma_20', raised_stop_atr=2.0)
    """
    if exit_name == "staged":
        return ExitRule(signal="ma_50", raise_stop_on="ma_20", raised_stop_atr=staged_stop_atr)
    return ExitRule(signal=exit_name)
