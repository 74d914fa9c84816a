"""Strategy settings: the type names a module, and that module says which parameters it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, model_validator

from trading_assets.config.importing import import_dotted
from trading_assets.config.scalars import MOST_SESSIONS
from trading_assets.config.sections import Fraction, Positive, Section

BUILT_IN = "trading_assets.strategies"


@dataclass(frozen=True)
class LooksBack:
    """Marks a parameter that is a number of sessions a strategy looks back; see `Window`."""


#: A number of sessions to look back. One that is longer than the data is an error, not a strategy that never trades.
Window = Annotated[int, Field(gt=0), LooksBack()]  # gt: a `ge` here would take the place of a strategy's own


class StrategyParameters(Section):
    """Base of the parameters of every strategy."""


class OrderParameters(StrategyParameters):
    """Parameters that every order-based strategy has (entries, stops, risk sizing).

    `stop_atr` and `capacity` have no default here: each strategy states its own.
    """

    stop_atr: Positive = Field(description="distance of the initial stop from the fill, in ATRs")
    capacity: Fraction = Field(gt=0, description="largest order as a fraction of adv_20")
    max_hold: int | None = Field(
        default=None, ge=1, le=MOST_SESSIONS, description="sessions after which a position is left"
    )
    volatility_scaling: Literal["continuous", "regime", "off"] = Field(
        default="continuous", description="how risk falls while the account swings more than usual"
    )


class TargetWeightParameters(StrategyParameters):
    """Parameters that every target-weight strategy has: its sizes are the weights it asks for.

    `capacity` has no default here: each strategy states its own. A strategy with a field `members` (names of other
    strategies of the configuration) sees their target weights (`trading_assets.strategies.interface.target_weights`).
    """

    capacity: Fraction = Field(gt=0, description="largest order as a fraction of adv_20")
    volatility_scaling: Literal["continuous", "regime", "off"] = Field(
        default="off", description="how weights fall while the account swings more than usual"
    )


#: What a strategy module defines beside `Parameters`, and what these derive from then.
KINDS: dict[str, type[StrategyParameters]] = {"rules": OrderParameters, "target_weights": TargetWeightParameters}

#: What a shipped module defines in place of `rules` whose rules are those of another strategy behind a gate.
GATED_RULES = "gated_rules"


class StrategySettings(Section):
    """One entry of `strategies`: a type, a universe, and the parameters that differ from the type's defaults."""

    type: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$",
        max_length=200,
        description=f"a module of {BUILT_IN}, or the dotted path of your own",
    )
    universe: Literal["equity", "crypto", "all"] | list[str] = Field(
        default="equity", description="asset class, all, or symbols that it may trade"
    )
    parameters: SerializeAsAny[StrategyParameters] | dict[str, Any] = Field(
        default={}, description="those that differ from the defaults of the type; written beside `type`"
    )

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


def import_strategy(name: str) -> Any:
    """Import a strategy module by its dotted name, into this process.

    Raises
    ------
    LookupError
        No such module; it cannot be imported, lacks `Parameters` or one of `rules` and `target_weights`, or they do
        not fit together.
    """
    module = import_dotted(name)
    if name.startswith(f"{BUILT_IN}.") and hasattr(module, GATED_RULES):
        return module
    found = [function for function in KINDS if hasattr(module, function)]
    missing = [*([] if hasattr(module, "Parameters") else ["Parameters"]), *([] if found else [" or ".join(KINDS)])]
    if missing:
        raise LookupError(f"module {name} does not define {' and '.join(missing)}")
    if len(found) > 1:
        raise LookupError(f"module {name} defines both {' and '.join(found)}: a strategy is of one kind")
    base = KINDS[found[0]]
    if not (isinstance(module.Parameters, type) and issubclass(module.Parameters, base)):
        raise LookupError(f"module {name} defines {found[0]}: its Parameters must derive from {base.__name__}")
    return module


def windows_of(parameters: StrategyParameters) -> dict[str, int]:
    """Return parameters declared as `Window`, by name."""
    fields = type(parameters).model_fields
    names = [name for name, each in fields.items() if any(isinstance(mark, LooksBack) for mark in each.metadata)]
    return {name: getattr(parameters, name) for name in names}


def members_of(settings: StrategySettings) -> list[str]:
    """Return names of the strategies that a strategy is made of: its parameter `members`, none for most."""
    return list(getattr(settings.parameters, "members", ()))
