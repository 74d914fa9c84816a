"""What a step forward of the rollout asks for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trading_assets.config.scalars import MOST_SESSIONS
from trading_assets.config.sections import NonNegative, Section

_Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]


class Rollout(Section):
    """The section `rollout`: it decides what is sent, and no result, so it has no part in any hash."""

    shadow_sessions: int = Field(
        default=20, ge=1, le=MOST_SESSIONS, description="sessions in shadow before the first order is sent"
    )
    stage_sessions: int = Field(
        default=10, ge=1, le=MOST_SESSIONS, description="sessions at a stage that sends, before the next one"
    )
    replaces: dict[_Name, _Name] = Field(
        default={}, description="strategy -> the strategy that it is to replace: its Sharpe ratio is held to that one's"
    )
    sharpe_margin: NonNegative = Field(
        default=0.5, description="Sharpe ratio a year by which what is new may be worse (test of non-inferiority)"
    )
    sharpe_level: float = Field(
        default=0.05, gt=0, lt=0.5, description="rate at which that test passes what is worse by the whole margin"
    )
    sharpe_sessions: int = Field(
        default=60, ge=30, le=MOST_SESSIONS, description="sessions that both accounts have to have for that test"
    )
