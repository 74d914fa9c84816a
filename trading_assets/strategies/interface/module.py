"""What a strategy module is, for the type checker and for people: one protocol a kind."""

from __future__ import annotations

from typing import Protocol

import polars as pl

from trading_assets.config.strategies import StrategyParameters
from trading_assets.strategies.interface.rules import Rules


class StrategyModule(Protocol):
    """What a module of either kind has.

    Attributes
    ----------
    Parameters
        Pydantic model of the parameters: an `OrderParameters` or a `TargetWeightParameters`.
    """

    __name__: str
    Parameters: type[StrategyParameters]


class OrderModule(StrategyModule, Protocol):
    """A strategy of entries, stops and risk sizing."""

    def rules(self, parameters: StrategyParameters, /) -> Rules:
        """Return the rules under `parameters`, see `trading_assets.strategies.interface.rules`."""


class TargetWeightModule(StrategyModule, Protocol):
    """A strategy whose sizes are the weights that it asks for."""

    def target_weights(self, parameters: StrategyParameters, panel: pl.DataFrame, /) -> pl.DataFrame:
        """Return the weights under `parameters`, see `trading_assets.strategies.interface.target_weights`."""
