"""A strategy whose rules are those of another one behind a gate: its module, and who is gated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from trading_assets.config.strategies import GATED_RULES, StrategyParameters
from trading_assets.strategies.interface.module import OrderModule, StrategyModule
from trading_assets.strategies.interface.rules import Rules


class GateModule(StrategyModule, Protocol):
    """A module that makes its rules of those of another strategy, in place of a function `rules`."""

    GRID: Mapping[str, Sequence[float | str]]
    IDENTITY: str

    def gated_rules(self, parameters: StrategyParameters, primary: Rules, /) -> Rules:
        """Return the rules under `parameters`."""


@dataclass(frozen=True)
class GatedModule:
    """A gate with the strategy that it is set before: an order-based module like any other.

    Attributes
    ----------
    gate
        Module with a function `gated_rules`.
    primary, parameters_of_primary
        Module of the strategy that is gated, and its parameters in the configuration.
    """

    gate: GateModule
    primary: OrderModule
    parameters_of_primary: StrategyParameters

    @property
    def __name__(self) -> str:
        return self.gate.__name__

    @property
    def Parameters(self) -> type[StrategyParameters]:  # noqa: N802 (as a module has it)
        """The class of its parameters."""
        return self.gate.Parameters

    @property
    def GRID(self) -> Mapping[str, Sequence[float | str]]:  # noqa: N802 (as a module has it)
        """The sensitivity grid that the gate declares."""
        return self.gate.GRID

    @property
    def IDENTITY(self) -> str:  # noqa: N802 (as a module has it)
        """Stable name of the gate on record."""
        return self.gate.IDENTITY

    def rules(self, parameters: StrategyParameters) -> Rules:
        """Return the rules of the primary behind the gate under `parameters`."""
        return self.gate.gated_rules(parameters, self.primary.rules(self.parameters_of_primary))


def is_gate(module: StrategyModule) -> bool:
    """Return whether a module makes its rules of another strategy's."""
    return hasattr(module, GATED_RULES)


def gated(module: StrategyModule, primary: StrategyModule, parameters: StrategyParameters) -> GatedModule:
    """Return a gate before a strategy.

    Parameters
    ----------
    module
        Module of the gate, see `is_gate`.
    primary, parameters
        Module of an order-based strategy, and its parameters.
    """
    return GatedModule(cast(GateModule, module), cast(OrderModule, primary), parameters)
