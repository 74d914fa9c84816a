"""The section `tune` of a model: which of its family's parameters are searched, in which ranges, and how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from trading_assets.config.sections import NonEmpty, Section

#: Most trials of one search, and most inner folds: with them a fold of the walk forward costs at most so many fits.
MOST_TRIALS, MOST_INNER_FOLDS = 200, 10
#: Most parameters that one search may move.
_MOST_PARAMETERS = 10

#: Tags of the kinds of ranges.
RANGES = ("range", "choices")

Number: TypeAlias = Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True)]
Choice: TypeAlias = bool | Number | str | list[Number]


class Range(Section):
    """A range of numbers; of a parameter that counts something, of whole ones."""

    low: Number = Field(description="least value")
    high: Number = Field(description="largest value")
    step: Number | None = Field(default=None, gt=0, description="distance of neighbouring values; left out: any value")
    log: bool = Field(default=False, description="draw evenly on the scale of logarithms")

    @model_validator(mode="after")
    def _is_range(self) -> Range:
        if self.high <= self.low:
            raise ValueError(f"the range ends at {self.high:g}, and begins at {self.low:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"log asks for a range above 0, and it begins at {self.low:g}")
        if self.log and self.step is not None:
            raise ValueError("a range has a step or is log, not both")
        return self

    def has(self, value: object) -> bool:
        """Return whether a value is one of the range."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / self.step if self.step else 0.0
        return abs(steps - round(steps)) < 1e-9


class Choices(Section):
    """Some values by name: of a parameter that is no number, or of which a few are meant."""

    choices: list[Choice] = Field(min_length=2, max_length=50, description="the values, two or more")

    def has(self, value: object) -> bool:
        """Return whether a value is one of the choices."""
        return any(type(each) is type(value) and each == value for each in self.choices)


def _tag(value: object) -> str:
    names_choices = "choices" in value if isinstance(value, Mapping) else isinstance(value, Choices)
    return "choices" if names_choices else "range"


AnyRange: TypeAlias = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_tag)
]


class Tuning(Section):
    """A search for parameters within each training window, by folds of that window alone."""

    search: dict[NonEmpty, AnyRange] = Field(
        default={},
        max_length=_MOST_PARAMETERS,
        description="parameters of the family, each with its range: `depth: {low: 2, high: 6}`, "
        "`learning_rate: {low: 0.01, high: 0.3, log: true}`, or `{choices: [...]}`; of a module of your own those of "
        "its `parameters`, left out: what it declares as `SEARCH`",
    )
    trials: int = Field(
        default=20,
        ge=2,
        le=MOST_TRIALS,
        description="sets of parameters that a fold tries; the first one is what the section says. Each is a trial on "
        "record",
    )
    inner_folds: int = Field(
        default=3,
        ge=2,
        le=MOST_INNER_FOLDS,
        description="walk-forward folds of the training window that a trial is judged by",
    )
    pruner: Literal["median", "none"] = Field(
        default="median", description="median: a trial that is worse than most after some inner folds ends there"
    )
