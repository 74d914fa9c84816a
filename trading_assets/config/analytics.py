"""What the analytics of a finished run look at beside it; no result follows from it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trading_assets.config.scalars import NamesFiles
from trading_assets.config.sections import NonEmpty, Section


class Analytics(Section):
    """The section `analytics`: it decides nothing, so it has no part in any hash."""

    factors: Annotated[NonEmpty | None, NamesFiles()] = Field(
        default=None, description="a CSV of dates and daily factor returns, such as Fama and French publish"
    )
    factor_unit: Literal["auto", "percent", "fraction"] = Field(
        default="auto", description="of the returns in the file; auto: recognised by their size, an error if in doubt"
    )
