"""A strategy whose code fails."""

from __future__ import annotations

from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.interface.rules import Rules


class Parameters(OrderParameters):
    stop_atr: float = 2.0
    capacity: float = 0.01
    fails: bool = True


def rules(parameters: Parameters) -> Rules:
    raise ZeroDivisionError("no rules today")
