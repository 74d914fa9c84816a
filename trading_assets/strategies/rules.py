"""The path of version 0.1 to the rules of a strategy: modules written for it, and registered, run as they are."""

from trading_assets.strategies.interface.rules import RELATIVE_STRENGTH, ExitRule, Rules, Trigger

__all__ = ["RELATIVE_STRENGTH", "ExitRule", "Rules", "Trigger"]
