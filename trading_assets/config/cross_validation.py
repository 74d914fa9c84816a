"""Section `cross_validation`: how a model is trained on choices of groups of sessions."""

from __future__ import annotations

from math import comb

from pydantic import Field, model_validator

from trading_assets.config.scalars import MOST_SESSIONS
from trading_assets.config.sections import Section

#: Choices of tested groups of one cross-validation.
MOST_TRAININGS = 500


class CrossValidation(Section):
    """Combinatorial purged cross-validation of a model: it is trained once for each choice of tested groups."""

    groups: int = Field(default=6, ge=3, le=20, description="groups of neighbouring sessions, of as many sessions each")
    tested: int = Field(default=2, ge=1, le=10, description="groups that are tested by a model of the others")
    embargo_sessions: int = Field(
        default=5,
        ge=0,
        le=MOST_SESSIONS,
        description="sessions that do not train after the last label of a tested group",
    )

    @model_validator(mode="after")
    def _few_enough(self) -> CrossValidation:
        if self.tested >= self.groups:
            raise ValueError(f"{self.tested} of {self.groups} groups are tested, and none is left to train")
        if comb(self.groups, self.tested) > MOST_TRAININGS:
            raise ValueError(f"{comb(self.groups, self.tested)} trainings, and at most {MOST_TRAININGS} are allowed")
        return self
