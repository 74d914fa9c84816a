"""Entries by a model's score, on rows made by hand."""

from __future__ import annotations

import math

from trading_assets.strategies import ml
from trading_assets_tests.strategies.test_strategies import at, row


def test_the_model_has_to_be_more_certain_than_the_threshold() -> None:
    assert at(ml, row(100.0, score=0.55))["fires"] == []
    assert at(ml, row(100.0, score=math.nextafter(0.55, 1)))["fires"] == ["score"]
    assert not at(ml, row(100.0, score=None))["eligible"]
    rules = ml.rules(ml.Parameters())
    assert rules.rank_weights == (1.0, 0.0, 0.0)
    assert (rules.exit, ml.Parameters().max_hold, rules.model) == (None, 5, "forward_return")
