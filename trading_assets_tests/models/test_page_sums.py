"""Cumulative sums of losses against a loop, and the threshold against years that are simulated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.models.page_sums import LEVEL, TOLERATED, alarm_threshold, page_sums


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=50))
def test_sums_are_those_of_a_loop(losses: list[float]) -> None:
    total, expected = 0.0, []
    for loss in losses:
        total = max(0.0, total + loss - TOLERATED)
        expected.append(total)
    assert page_sums(np.array([losses]))[0] == pytest.approx(expected, abs=1e-9)


def test_few_years_of_the_same_losses_reach_the_threshold() -> None:
    """Independent losses with a known mean: about `LEVEL` of the years, and no more than three times as many."""
    random = np.random.default_rng(4)
    before = random.standard_normal(2_000)
    threshold = alarm_threshold(before, horizon=1, seed=7)
    years = (random.standard_normal((2_000, 252)) - before.mean()) / before.std(ddof=1)
    assert 0.2 * LEVEL < (page_sums(years).max(axis=1) > threshold).mean() < 3 * LEVEL


def test_the_threshold_follows_from_losses_and_seed() -> None:
    before = np.random.default_rng(4).standard_normal(300)
    assert alarm_threshold(before, horizon=1, seed=7) == alarm_threshold(before.copy(), horizon=1, seed=7)
    assert alarm_threshold(before, horizon=1, seed=7) != alarm_threshold(before, horizon=1, seed=8)
