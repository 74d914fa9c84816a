"""Modules written for version 0.1 run as they are."""

from __future__ import annotations

import trading_assets.strategies
from trading_assets.strategies import rules
from trading_assets.strategies.interface import rules as interface


def test_names_of_the_first_version_are_those_of_today() -> None:
    assert {name: getattr(rules, name) for name in rules.__all__} == {
        name: getattr(interface, name) for name in ("RELATIVE_STRENGTH", "ExitRule", "Rules", "Trigger")
    }
    assert trading_assets.strategies.Rules is rules.Rules
