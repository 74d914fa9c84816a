"""Settings of a model that learns session by session."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trading_assets.config.scalars import MOST_SESSIONS
from trading_assets.config.sections import Fraction, NonNegative, Positive, Section


class Online(Section):
    """Logistic regression that learns session by session: elastic weight consolidation on a sliding window."""

    type: Literal["online"] = Field(description="the family of the model")
    penalty: Positive = Field(default=10.0, description="ridge penalty of the coefficients, of the sum of the losses")
    initial_sessions: int = Field(
        default=252, ge=20, le=MOST_SESSIONS, description="sessions that are learnt at once, before the first update"
    )
    window_sessions: int = Field(
        default=20, ge=2, le=MOST_SESSIONS, description="sessions whose labels an update learns from"
    )
    consolidation: NonNegative = Field(
        default=0.03,
        description="weight of what has left the window (its Fisher information) beside the rows in it; "
        "0: a plain window",
    )
    decay: Fraction = Field(default=0.99, description="what a session leaves of what was remembered before")
    update_sessions: int = Field(default=1, ge=1, le=MOST_SESSIONS, description="sessions from one update to the next")
    buffer_sessions: int = Field(
        default=5, ge=1, le=MOST_SESSIONS, description="last sessions with labels, on which an update is tried first"
    )
    tolerance: NonNegative = Field(
        default=0.02, description="rise of the buffer's mean log loss above which an update is refused"
    )
    checkpoints: int = Field(default=30, ge=2, le=1_000, description="last updates that a rollback can go back to")
