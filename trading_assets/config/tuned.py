"""What a search for parameters may move: parameters of the model's own family, in ranges that the family accepts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from trading_assets.config.configuration import Configuration
from trading_assets.config.errors import Fault, KeyPath, nearest
from trading_assets.config.models import OwnModel, WalkForward
from trading_assets.config.tuning import Choices, Range, Tuning

#: Parameters that are models themselves, and the family's name: nothing to search for.
_NO_VALUES = ("type", "members", "member")


def searchable(cls: type[WalkForward]) -> list[str]:
    """Return the names of the parameters of a family that a search may move."""
    return [name for name in cls.model_fields if name not in WalkForward.model_fields and name not in _NO_VALUES]


def is_whole(cls: type[WalkForward], name: str) -> bool:
    """Return whether a parameter, by the section of its family and its name, is a whole number."""
    return cls.model_fields[name].annotation is int


def counts(settings: WalkForward, name: str, values: Range) -> bool:
    """Return whether a search moves a parameter in whole numbers: of a user's own if range and first value are whole.

    Parameters
    ----------
    settings, name
        Section of the model, and the name of the parameter.
    values
        Its range.
    """
    if not isinstance(settings, OwnModel):
        return is_whole(type(settings), name)
    return all(type(each) is int for each in (values.low, values.high, value_of(settings, name), values.step or 1))


def value_of(settings: WalkForward, name: str) -> Any:
    """Return what the section of a model says of a parameter; None where it says nothing."""
    return settings.parameters.get(name) if isinstance(settings, OwnModel) else getattr(settings, name)


def with_values(settings: WalkForward, values: Mapping[str, Any]) -> WalkForward:
    """Return the section of a model with other values of some parameters, and no search."""
    if isinstance(settings, OwnModel):
        return settings.model_copy(update={"parameters": {**settings.parameters, **values}, "tune": None})
    return settings.model_copy(update={**values, "tune": None})


def with_declared(
    settings: OwnModel, declared: Mapping[str, Any], defaults: Mapping[str, Any], kinds: Mapping[str, str]
) -> OwnModel:
    """Return the section of a user's own model with the ranges that its module declares, where it has none itself.

    What is searched has a value from the start: that of the section, or the default of the module. Where the module
    says whether a parameter is a whole number, its range and that value are written so, for `counts` to tell.

    Parameters
    ----------
    settings
        Section of the model, with `tune`.
    declared, defaults, kinds
        `SEARCH` of the module, the values of its `Parameters` where nothing is said, and which are `int` or `float`.

    Raises
    ------
    ValidationError
        What is declared are no ranges.
    """
    if settings.tune is None:
        return settings
    own = settings.tune.model_dump(exclude_unset=True)
    tune = settings.tune if settings.tune.search else Tuning.model_validate({**own, "search": dict(declared)})
    first = {name: defaults[name] for name in tune.search if name in defaults}
    values, search = {**first, **settings.parameters}, dict(tune.search)
    for name, each in tune.search.items():
        if isinstance(each, Range) and name in kinds:
            ends = {key: _as_kind(value, kinds[name]) for key, value in each.model_dump(exclude_unset=True).items()}
            search[name] = each.model_copy(update=ends)
            values |= {name: _as_kind(values[name], kinds[name])} if name in values else {}
    tune = tune.model_copy(update={"search": search})
    return settings.model_copy(update={"tune": tune, "parameters": values})


def _as_kind(value: Any, kind: str) -> Any:
    """Return a number as `int` or `float`, if that is the same number; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return float(value) if kind == "float" else int(value) if float(value).is_integer() else value


def tried_of(settings: WalkForward, name: str, values: Range | Choices) -> list[Any]:
    """Return values of a range that tell whether a parameter takes what a search may draw: ends, and one between.

    Parameters
    ----------
    settings, name
        Section of the model, and the name of the parameter.
    values
        Its range.
    """
    if isinstance(values, Choices):
        return list(values.choices)
    between: float = values.low + (values.step or (values.high - values.low) * 0.3819)
    if counts(settings, name, values):
        between = round(between)
    return [values.low, values.high, between] if between < values.high else [values.low, values.high]


def faults_of_tuning(configuration: Configuration) -> Iterator[Fault]:
    """Yield what no search of a model of the configuration can be made of."""
    for name, settings in configuration.models.items():
        if settings.tune is None:
            continue
        where: KeyPath = ("models", name, "tune")
        if find_spec("optuna") is None:
            yield Fault(
                where,
                "the library of `tune` is not installed",
                "pip install 'trading_assets[tuning]', or a model without `tune`",
            )
        if not settings.tune.search:
            own = "" if not isinstance(settings, OwnModel) else f", and {settings.type} declares no SEARCH"
            yield Fault(
                (*where, "search"), f"a search of no parameter{own}", "parameters with their ranges, see docs/models.md"
            )
        faults_of = _faults_of_own if isinstance(settings, OwnModel) else _faults_of_range
        for parameter, values in settings.tune.search.items():
            yield from faults_of((*where, "search", parameter), settings, parameter, values)


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
    own = value_of(settings, parameter)
    if not faults and not values.has(own):
        yield Fault(
            where,
            f"{parameter} of the model is {own!r}, which is not in the range",
            "a range with it: what the section says is the first trial, and what the search is compared with",
            f"widen the range, or set {parameter} of the model to a value in it",
        )


def _faults_of_own(where: KeyPath, settings: WalkForward, parameter: str, values: Range | Choices) -> Iterator[Fault]:
    """What this process can tell of a user's own parameter; whether its module takes the ends, its process says."""
    own = value_of(settings, parameter)
    if own is None:
        what = f"{parameter} has no value to begin with: neither `parameters` nor the module's `Parameters` has one"
        yield Fault(where, what, f"a value of {parameter} in `parameters` of the model")
    elif not values.has(own):
        what = f"{parameter} of the model is {own!r}, which is not in the range"
        yield Fault(where, what, "a range with it: what the section says is the first trial")
