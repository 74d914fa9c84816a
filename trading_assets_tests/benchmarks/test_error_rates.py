"""The page says what was measured, what was measured is within its goals, and each figure's draws are what they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from trading_assets_tests.benchmarks.error_rates import (
    FIGURES,
    MARKS,
    PAGE,
    any_type_passes_alone,
    autoregressive,
    count_types,
    deflated,
    grid_of_type,
    interval,
    markdown,
    plateau_is_rejected,
    psr_is_high,
    skilled_type_passes,
    stored,
)
from trading_assets_tests.benchmarks.table import replaced


def test_the_page_has_the_table_of_the_last_measurement() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert replaced(page, *MARKS, markdown(stored())) == page


def test_what_was_measured_does_not_contradict_its_goal() -> None:
    """The interval of a rate meets its goal; of several hundred draws it is wide enough to end beyond."""
    rates = {rate.name: rate for rate in stored()}
    assert list(rates) == [figure.name for figure in FIGURES]
    for rate in rates.values():
        low, high = rate.goal
        assert low <= rate.high and rate.low <= high, rate
        assert (rate.low, rate.high) == interval(rate.hits, rate.draws)


@pytest.mark.parametrize(("hits", "draws"), [(0, 100), (5, 100), (100, 100)])
def test_the_interval_holds_one_in_forty_on_either_side(hits: int, draws: int) -> None:
    """At its ends the result, or one further out, has a probability of 2.5 %: for 0 of 100 up to 3.62 %."""
    low, high = interval(hits, draws)
    if hits:
        assert binom.sf(hits - 1, draws, low) == pytest.approx(0.025)
    if hits < draws:
        assert binom.cdf(hits, draws, high) == pytest.approx(0.025)
    if not hits:
        assert (low, round(high, 4)) == (0.0, 0.0362)


def test_the_draws_are_what_they_say() -> None:
    returns = autoregressive(3, sessions=20_000)
    assert np.corrcoef(returns[1:], returns[:-1]).min() == pytest.approx(0.3, abs=0.03)
    random = np.random.default_rng(1)
    grids = [grid_of_type(random, 0.0) for _ in range(3)]
    assert (np.corrcoef(grids[0]).sum() - 20) / 380 == pytest.approx(0.7, abs=0.05)
    assert count_types(grids) == 3
    assert count_types([*grids, grids[1] * 2]) == 3, "a copy is no further type"


def test_types_without_skill_do_not_pass_and_one_with_skill_does() -> None:
    """Draw 1 of the figure: the best of 20 would pass alone, and does not as one of 20."""
    assert any_type_passes_alone(1) == 1
    assert max(deflated(1, (0.0,) * 20)) < 0.95
    assert skilled_type_passes(0) == 1
    assert (psr_is_high(0), plateau_is_rejected(0)) == (0, 0)
