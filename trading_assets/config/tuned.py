"""What a search for parameters may move: parameters of the model's own family, in ranges that the family accepts."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from trading_assets.config.configuration import Configuration
from trading_assets.config.errors import Fault, KeyPath, nearest
from trading_assets.config.models import OwnModel, WalkForward
from trading_assets.config.tuning import Choices, Range

#: Parameters that are models themselves, and the family's name: nothing to search for.
_NO_VALUES = ("type", "members", "member")


def searchable(cls: type[WalkForward]) -> list[str]:
    """Return the names of the parameters of a family that a search may move."""
    return [name for name in cls.model_fields if name not in WalkForward.model_fields and name not in _NO_VALUES]


def is_whole(cls: type[WalkForward], name: str) -> bool:
    """Return whether a parameter, by the section of its family and its name, is a whole number."""
    return cls.model_fields[name].annotation is int


def faults_of_tuning(configuration: Configuration) -> Iterator[Fault]:
    """Yield what no search of a model of the configuration can be made of."""
    for name, settings in configuration.models.items():
        if settings.tune is None:
            continue
        where: KeyPath = ("models", name, "tune")
        if isinstance(settings, OwnModel):
            yield Fault(
                where,
                "a model of a user's own has no parameters that a search knows the ranges of",
                "a shipped family, such as xgboost",
            )
            continue
        if find_spec("optuna") is None:
            yield Fault(
                where,
                "the library of `tune` is not installed",
                "pip install 'trading_assets[tuning]', or a model without `tune`",
            )
        for parameter, values in settings.tune.search.items():
            yield from _faults_of_range((*where, "search", parameter), settings, parameter, values)


def _faults_of_range(where: KeyPath, settings: WalkForward, parameter: str, values: Range | Choices) -> Iterator[Fault]:
    cls, known = type(settings), searchable(type(settings))
    family = getattr(settings, "type", "")
    if parameter not in known:
        yield Fault(where, f"{family} has no parameter {parameter!r} to search for", nearest(parameter, known))
        return
    field = cls.model_fields[parameter]
    if isinstance(values, Range) and field.annotation not in (int, float):
        yield Fault(where, f"{parameter} of {family} is no number", "`choices` with its values")
        return
    kind: Any = Annotated[field.annotation, field]
    accepts: TypeAdapter[Any] = TypeAdapter(kind)
    if isinstance(values, Choices):
        ends: list[tuple[KeyPath, Any]] = [((*where, "choices", at), each) for at, each in enumerate(values.choices)]
    else:
        ends = [((*where, "low"), values.low), ((*where, "high"), values.high)]
        if is_whole(cls, parameter) and isinstance(values.step, float) and not values.step.is_integer():
            yield Fault((*where, "step"), f"{parameter} of {family} is a whole number", "a whole step")
    faults = []
    for place, value in ends:
        try:
            accepts.validate_python(value)
        except ValidationError as error:
            said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            faults.append(Fault(place, f"{said} (got {value!r})", f"a value that {parameter} of {family} may have"))
    yield from faults
    own = getattr(settings, parameter)
    if not faults and not values.has(own):
        yield Fault(
            where,
            f"{parameter} of the model is {own!r}, which is not in the range",
            "a range with it: what the section says is the first trial, and what the search is compared with",
            f"widen the range, or set {parameter} of the model to a value in it",
        )
