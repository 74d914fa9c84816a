"""The sensitivity grid of each strategy, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.errors import nearest
from trading_assets.config.strategies import StrategyParameters
from trading_assets.strategies.interface.resolved import configured_strategies

#: Parameters that say of what a panel is made: a grid is run on one panel, that of the chosen parameters.
_OF_THE_PANEL = ("model", "members")

ParameterGrid = Mapping[str, Sequence[float | str]]


def grids(configuration: Configuration) -> dict[str, ParameterGrid]:
    """Return the grid of every strategy: the configured one, else the `GRID` of its module, else none.

    Values come back as the strategy takes them (5.0 of the file is the 5 of a whole-number parameter).

    Raises
    ------
    ConfigurationError
        A configured grid of an unknown strategy, with a parameter that the strategy does not have, without
        values, with a value twice, with one that it rejects, or of `model` or `members`, of which the panel is made;
        with the key path.
    """
    configured = configuration.robustness.grids
    for name in configured:
        if name not in configuration.strategies:
            raise _error(
                ("robustness", "grids", name),
                "no strategy of this name",
                nearest(name, list(configuration.strategies)),
            )
    return {
        strategy.name: checked_grid(
            strategy.name,
            strategy.parameters,
            configured.get(strategy.name) or strategy.grid,
            root=("robustness", "grids", strategy.name),
        )
        for strategy in configured_strategies(configuration)
    }


def checked_grid(
    strategy: str, parameters: StrategyParameters, grid: ParameterGrid, *, root: Sequence[str]
) -> ParameterGrid:
    """Return a grid with its values as the strategy takes them.

    Parameters
    ----------
    root
        Where the grid is from, as keys: an error names the place.

    Raises
    ------
    ConfigurationError
        See `grids`.
    """
    checked: dict[str, list[float | str]] = {}
    for name, values in grid.items():
        where = (*root, name)
        if name not in type(parameters).model_fields:
            known = list(type(parameters).model_fields)
            raise _error(where, f"{strategy} has no parameter {name!r}", nearest(name, known))
        if name in _OF_THE_PANEL:
            raise _error(
                where,
                f"{name} cannot be in a grid: all its runs see the panel that was made with the chosen {name}",
                f"an entry of `strategies` for each {name}, or other parameters",
            )
        checked[name] = [_value(where, parameters, name, value) for value in values]
        if len(set(checked[name])) < max(len(values), 1):
            raise _error(where, "a value is there twice, or there is none", "different values, at least one")
    return checked


def changed_parameters(
    strategy: str, parameters: StrategyParameters, changes: Mapping[str, object]
) -> StrategyParameters:
    """Return parameters with some of them changed.

    Parameters
    ----------
    strategy
        Name of the strategy, for the message of an error.
    parameters
        Parameters that stay but for `changes`; all are validated together.
    changes
        New value by name of the parameter.

    Raises
    ------
    ConfigurationError
        The strategy has no such parameter, or does not take the value.
    """
    known = list(type(parameters).model_fields)
    for name in changes:
        if name not in known:
            raise _error(("strategies", strategy, name), f"{strategy} has no parameter {name!r}", nearest(name, known))
    try:
        return type(parameters).model_validate({**parameters.model_dump(), **changes})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ("strategies", strategy, *map(str, fault["loc"]))
        raise _error(where, f"{fault['input']!r} is no value of {where[-1]}", fault["msg"]) from None


def _value(where: Sequence[str], parameters: StrategyParameters, name: str, value: float | str) -> float | str:
    try:
        model = type(parameters).model_validate({**parameters.model_dump(), name: value})
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise _error(where, f"{value!r} is no value of {name}", reason) from None
    accepted: float | str = getattr(model, name)
    return accepted


def _error(where: Sequence[str], what: str, expected: str) -> ConfigurationError:
    return ConfigurationError(f"{what}\n  key: {'.'.join(where)}\n  expected: {expected}")
