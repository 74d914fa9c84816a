"""What is measured of regimes on a market whose answer is known."""

from __future__ import annotations

import pytest

from trading_assets.config.sections import Regimes
from trading_assets_tests.benchmarks.regime_numbers import line_of, measure, planted


def test_two_regimes_far_apart_keep_their_numbers_and_share_the_sessions() -> None:
    """880 observations, 252 of them before the first fit: fits at 252, 378, ..., 756, each but the first a refit."""
    found = measure(planted("two regimes of different volatility", 0, 900), Regimes(number=2))
    assert len(found.alike) == 4
    assert min(found.alike) > 0.95
    assert found.new == 0
    assert sum(found.shares) == pytest.approx(1)
    assert min(found.shares) > 0.3
    assert "0 new numbers" in line_of("market", found)
