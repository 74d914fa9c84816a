"""The parameters of a user's own strategy as this process knows them: their names; what they mean, its process says."""

from __future__ import annotations

import copyreg
import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, create_model, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from trading_assets.config.stated import is_shipped
from trading_assets.config.strategies import LooksBack, StrategyParameters
from trading_assets.sandbox.process import StoppedError

if TYPE_CHECKING:
    from trading_assets.config.plugins import Plugin


def parameters_of(plugin: Plugin) -> type[StrategyParameters]:
    """Return a class with the names of the parameters of a module, whose values the module's process validates."""
    described = plugin.description
    module, name = described["base"]
    base = getattr(importlib.import_module(module), name) if is_shipped(module) else StrategyParameters
    fields: dict[str, Any] = {
        each["name"]: (
            Annotated[Any, LooksBack()] if each["looks_back"] else Any,
            Field(exclude=each["exclude"] or None)
            if each["required"]
            else Field(default=each["default"], exclude=each["exclude"] or None),
        )
        for each in described["fields"]
    }

    def ask(
        cls: type[StrategyParameters], value: object, handler: ModelWrapValidatorHandler[StrategyParameters]
    ) -> StrategyParameters:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            return handler(value)
        try:
            values = plugin.process.ask({"do": "validate", "values": dict(value)})
        except StoppedError as error:
            raise ValueError(str(error)) from None
        if "faults" in values:
            raise ValidationError.from_exception_data(cls.__name__, _details(values["faults"]))
        return handler(plugin.result_of(values))

    made = cast(Any, create_model)(
        "Parameters",
        __base__=base,
        __module__=plugin.name,
        __validators__={"ask": cast(Any, model_validator(mode="wrap"))(classmethod(ask))},
        **fields,
    )
    # The class is this process's own: values travel with the module that they are of.
    copyreg.pickle(made, lambda each: (_parameters_again, (plugin, dict(each), each.model_fields_set)))
    return cast(type[StrategyParameters], made)


def _parameters_again(plugin: Plugin, values: Mapping[str, Any], given: set[str]) -> StrategyParameters:
    return plugin.Parameters.model_construct(_fields_set=given, **values)


def _details(faults: Sequence[Mapping[str, Any]]) -> list[InitErrorDetails]:
    return [
        InitErrorDetails(
            type=PydanticCustomError(each["type"], each["message"]),
            loc=tuple(each["place"]),
            input=each["input"],
        )
        for each in faults
    ]
