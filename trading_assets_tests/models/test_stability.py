"""The stability is Fleiss's kappa of another library, and its interval has what it promises of sets that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy.stats import spearmanr
from statsmodels.stats.inter_rater import fleiss_kappa

from trading_assets.models.stability import mean_rank_correlation, most_needed, stability_of


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=8)))
def test_the_stability_is_fleiss_kappa_of_sets_that_rate_features(chosen: NDArray[np.bool_]) -> None:
    """Features are subjects, sets are raters: Nogueira, Sechidis and Brown (2018), section 4.3."""
    found = stability_of(chosen).value
    if chosen.all() or not chosen.any():
        assert np.isnan(found)
        return
    count = chosen.sum(axis=0)
    assert found == pytest.approx(fleiss_kappa(np.column_stack([count, len(chosen) - count])), abs=1e-9)


def test_the_same_sets_agree_wholly_and_their_interval_is_a_point() -> None:
    found = stability_of(np.array([[True, False, False]] * 4))
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))


def test_two_sets_without_a_common_feature_by_hand() -> None:
    """Shares of one half: 2 x 1/4 over 1/2 x 1/2 is 2, so 1 - 2 = -1, the least that two sets can have."""
    assert stability_of(np.array([[True, False], [False, True]])).value == pytest.approx(-1.0)


@pytest.mark.parametrize("sets", [1, 0])
def test_fewer_than_two_sets_have_none(sets: int) -> None:
    assert np.isnan(stability_of(np.ones((sets, 3), dtype=bool)).value)


@pytest.mark.parametrize(("sets", "least"), [(100, 0.93), (10, 0.86)])
def test_the_interval_covers_the_stability_of_sets_that_are_drawn(sets: int, least: float) -> None:
    """30 features, independent, 10 of which are chosen with 0.8 and 20 with 0.1.

    In the limit: p (1 - p) is (10 x 0.16 + 20 x 0.09) / 30 = 0.1133, the mean share is 1/3, 2/9 by chance: 1 - 0.51.
    """
    chance = np.repeat([0.8, 0.1], [10, 20])
    draws, inside = np.random.default_rng(2), 0
    for _ in range(1_000):
        found = stability_of(draws.random((sets, 30)) < chance)
        inside += found.low <= 0.49 <= found.high
    assert least < inside / 1_000 < 0.975


@given(st.integers(1, 6), st.integers(1, 6))
def test_most_needed_are_the_largest_above_zero(count: int, features: int) -> None:
    increase = np.random.default_rng(features).normal(size=(3, features))
    for row, chosen in zip(increase, most_needed(increase, count), strict=True):
        wanted = [value for value in sorted(row, reverse=True)[:count] if value > 0]
        assert sorted(row[chosen], reverse=True) == wanted


def test_rank_correlation_is_the_mean_of_scipys_over_pairs() -> None:
    increase = np.random.default_rng(3).integers(0, 5, (4, 7)).astype(float)
    pairs = [spearmanr(increase[one], increase[two]).statistic for one in range(4) for two in range(one)]
    assert mean_rank_correlation(increase) == pytest.approx(np.mean(pairs))


def test_folds_that_tell_nothing_apart_have_no_rank_correlation() -> None:
    assert np.isnan(mean_rank_correlation(np.zeros((3, 4))))
    assert np.isnan(mean_rank_correlation(np.empty((0, 0))))
    assert mean_rank_correlation(np.array([[0.0, 0.0], [1.0, 2.0], [1.0, 3.0]])) == pytest.approx(1.0)
