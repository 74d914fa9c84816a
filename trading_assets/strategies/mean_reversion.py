"""Setbacks of stocks in an uptrend (trading rules, section 3.3).

Short-term reversal: Jegadeesh, Journal of Finance 45 (1990); Lehmann, Quarterly Journal of Economics 105 (1990). The
trend filter keeps it from buying what falls for good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import polars as pl
from pydantic import Field, model_validator

from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.interface.rules import ExitRule, Rules, Trigger

#: Stable name of this strategy on record, wherever this file moves to.
IDENTITY = "mean_reversion"


class Parameters(OrderParameters):
    """How far below its mean a close is bought, and where it is sold; in deviations of 20 sessions."""

    stop_atr: float = Field(default=3.0, gt=0)
    capacity: float = Field(default=0.005, gt=0, le=1)
    max_hold: int | None = Field(default=10, ge=1, description="sessions after which a position is left")
    entry_z: float = Field(default=-2.0, lt=0, description="enter below this z-score")
    exit_z: float = Field(default=0.0, description="leave above this z-score")

    @model_validator(mode="after")
    def _leaves_above_the_entry(self) -> Parameters:
        if self.exit_z <= self.entry_z:
            raise ValueError(f"exit_z {self.exit_z:g} is not above entry_z {self.entry_z:g}")
        return self


GRID: Mapping[str, Sequence[float | str]] = {
    "stop_atr": (2.0, 2.5, 3.0, 3.5),
    "entry_z": (-2.5, -2.25, -2.0, -1.75, -1.5),
    "exit_z": (-0.5, 0.0, 0.5),
    "max_hold": (5, 10, 15),
    "volatility_scaling": ("continuous", "regime", "off"),
}


def rules(parameters: Parameters) -> Rules:
    """Return the rules: above ma_200, enter below `entry_z`; leave above `exit_z`, or after `max_hold` sessions.

    `zscore_20` is the close in sample deviations from its mean of 20 sessions, this one included. The deepest setback
    ranks first. A trigger fires at its threshold, and a z-score has to be below `entry_z`: the threshold is the next
    number beyond it.

    Examples
    --------
    A z-score of exactly -2 is not below -2.

    >>> own = rules(Parameters(entry_z=-2.0))
    >>> fires = own.triggers[0].strength >= own.triggers[0].threshold
    >>> pl.DataFrame({"zscore_20": [-1.9, -2.0, -2.1]}).select(fires).to_series().to_list()
    [False, False, True]
    """
    depth = -pl.col("zscore_20")
    return Rules(
        eligible=pl.col("adj_close") > pl.col("ma_200"),
        triggers=(
            Trigger(
                name="setback",
                strength=depth,
                threshold=math.nextafter(-parameters.entry_z, math.inf),
                rank=depth,
            ),
        ),
        exits={"reverted": pl.col("zscore_20") > parameters.exit_z},
        exit=ExitRule("reverted"),
        exit_reason="reverted",
    )
