"""Strategy settings: the type names a module, and that module says which parameters it takes."""

from __future__ import annotations

import importlib
from typing import Any, Literal

from pydantic import Field, SerializeAsAny, model_validator

from trading_assets.config.sections import Fraction, Positive, Section

BUILT_IN = "trading_assets.strategies"


class StrategyParameters(Section):
    """Base of the parameters of every strategy."""


class OrderParameters(StrategyParameters):
    """Parameters that every order-based strategy has (entries, stops, risk sizing).

    `stop_atr` and `capacity` have no default here: each strategy states its own.
    """

    stop_atr: Positive
    capacity: Fraction = Field(gt=0, description="largest order as a fraction of adv_20")
    max_hold: int | None = Field(default=None, ge=1, description="sessions after which a position is left")
    volatility_scaling: Literal["continuous", "regime", "off"] = "continuous"


class StrategySettings(Section):
    """One entry of `strategies`: a type, a universe, and the parameters that differ from the type's defaults."""

    type: str = Field(description=f"a module of {BUILT_IN}, or the dotted path of your own")
    universe: Literal["equity", "crypto", "all"] | list[str] = "equity"
    parameters: SerializeAsAny[StrategyParameters] | dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _collect_parameters(cls, value: object) -> object:
        if not isinstance(value, dict) or "parameters" in value:
            return value
        own = {"type", "universe"}
        return {
            **{key: item for key, item in value.items() if key in own},
            "parameters": {key: item for key, item in value.items() if key not in own},
        }


def strategy_module(strategy_type: str) -> Any:
    """Import the module of a strategy type.

    Strategies are plug-ins found by name, so that adding one touches no list.

    Raises
    ------
    LookupError
        No such module, or it lacks `Parameters` or `rules`.
    """
    name = strategy_type if "." in strategy_type else f"{BUILT_IN}.{strategy_type}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise LookupError(f"no module {name}") from error
        raise
    missing = [part for part in ("Parameters", "rules") if not hasattr(module, part)]
    if missing:
        raise LookupError(f"module {name} does not define {' and '.join(missing)}")
    return module
