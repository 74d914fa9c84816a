"""Compatibility shim: the path of version 0.1 to the rules, so that registered modules run as they are."""

from trading_assets.strategies.interface.rules import RELATIVE_STRENGTH, ExitRule, Rules, Trigger

__all__ = ["RELATIVE_STRENGTH", "ExitRule", "Rules", "Trigger"]
