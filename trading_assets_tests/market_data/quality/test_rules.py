from __future__ import annotations

from trading_assets.market_data.quality import rules
from trading_assets.market_data.quality.rules import RULES, Rule


def test_every_rule_is_listed_once() -> None:
    declared = [each for each in vars(rules).values() if isinstance(each, Rule)]
    assert sorted(rule.name for rule in RULES) == sorted(rule.name for rule in declared)
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(len(rule.description) > 15 for rule in RULES)
