"""The strategies that the package ships, one module each, and what a strategy of your own is made of."""

from trading_assets.config.strategies import OrderParameters, TargetWeightParameters
from trading_assets.strategies.interface.module import OrderModule, StrategyModule, TargetWeightModule
from trading_assets.strategies.interface.rules import ExitRule, Rules, Trigger

__all__ = [
    "ExitRule",
    "OrderModule",
    "OrderParameters",
    "Rules",
    "StrategyModule",
    "TargetWeightModule",
    "TargetWeightParameters",
    "Trigger",
]
