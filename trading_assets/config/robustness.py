"""The section `robustness`: sensitivity, stress, resampling, overfitting, and the verdict's thresholds."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, field_validator, model_validator

from trading_assets.config.scalars import MOST_SESSIONS, Day
from trading_assets.config.sections import Interval, NonNegative, Positive, Section
from trading_assets.config.verdict import VerdictThresholds

#: Draws of a bootstrap or a permutation test; a tail of one in ten thousand is known to a tenth of itself by these.
MOST_DRAWS = 1_000_000
#: Points of one strategy's sensitivity grid: each is a whole backtest.
MOST_POINTS = 100_000


class Shock(Section):
    """A fall (or jump) of the whole market overnight."""

    session: Day = Field(description="from the open of this session on every price is another one")
    move: float = Field(gt=-1, description="a fraction, -0.2 for a fall by a fifth")


class StressScenario(Section):
    """What one scenario makes worse; several keys of it happen together."""

    slippage: Positive = Field(default=1.0, description="multiple of the slippage")
    fees: NonNegative = Field(default=1.0, description="multiple of the fees")
    borrow: NonNegative = Field(default=1.0, description="multiple of the cost of borrowing")
    delay: int = Field(default=0, ge=0, le=MOST_SESSIONS, description="sessions by which every order comes late")
    drop_bars: float = Field(default=0.0, ge=0, lt=1, description="share of the bars that never arrived")
    crash_sessions: Literal["none", "quarterly"] | list[Day] = Field(
        default="none", description="flash crashes: one random session a quarter, or these sessions"
    )
    correlation_one: bool = Field(default=False, description="every symbol moves with the common factor alone")
    unexplained_delistings: bool = Field(
        default=False,
        description="endings without a recorded reason cost the holder a further 30 % (Nasdaq 55 %, coins all of it)",
    )
    shock: Shock | None = Field(default=None, description="a jump of every price overnight")
    window: Interval | None = Field(default=None, description="a run over these sessions alone, flat start")

    @model_validator(mode="after")
    def _changes_something(self) -> StressScenario:
        if all(getattr(self, name) == field.default for name, field in type(self).model_fields.items()):
            raise ValueError(f"the scenario changes nothing: expected one of {', '.join(type(self).model_fields)}")
        return self


class Robustness(Section):
    """Sensitivity, stress, resampling, selection bias and the verdict's thresholds."""

    slippage_multipliers: tuple[Positive, ...] = Field(
        default=(2.0, 3.0),
        max_length=20,
        description="multiples of the slippage under which every strategy is run again",
    )
    stress: dict[str, StressScenario] = Field(default={}, max_length=200, description="scenarios of your own, by name")
    stress_scenarios: Literal["all"] | list[str] = Field(
        default="all", description="names of the scenarios to run; what the verdict needs is always run"
    )
    grids: dict[str, dict[str, list[float | str]]] = Field(
        default={}, description="strategy -> parameter -> values of its sensitivity grid, in place of its module's"
    )
    sharp_peak: Positive = Field(
        default=0.5,
        description="how far the best Sharpe ratio of the grid may be above its median before it is a sharp peak",
    )
    resamples: int = Field(default=1000, ge=20, le=MOST_DRAWS, description="of the bootstraps and of the reality check")
    permutations: int = Field(default=1000, ge=20, le=MOST_DRAWS, description="portfolio runs with decisions at random")
    block_sessions: int = Field(
        default=20, ge=1, le=MOST_SESSIONS, description="mean length of a block of the stationary bootstrap"
    )
    look_ahead_cuts: int = Field(
        default=8, ge=1, le=1_000, description="past closes at which the look-ahead audit tries anew"
    )
    cross_validation_blocks: int = Field(default=16, ge=2, le=16, multiple_of=2, description="an even number")
    verdict: VerdictThresholds = Field(default=VerdictThresholds(), description="thresholds of the verdict's criteria")

    @field_validator("grids")
    @classmethod
    def _can_be_run(cls, value: dict[str, dict[str, list[float | str]]]) -> dict[str, dict[str, list[float | str]]]:
        for strategy, grid in value.items():
            points = math.prod(len(values) for values in grid.values())
            if points > MOST_POINTS:
                raise ValueError(
                    f"the grid of {strategy} has {points:,} points, each a backtest: at most {MOST_POINTS:,}"
                )
        return value
