"""The calibration error is what it is by hand, and that of perfect scores is not made up by chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from trading_assets.models.reliability import debiased_ece, reliability


def drawn(probability: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random(probability.size) < probability).astype(np.float64)


def test_the_error_of_many_rows_is_the_distance_by_hand() -> None:
    """Twice 50,000 rows, said 0.6 and 0.3, came true 0.5 and 0.35 of the time: (0.1 + 0.05) / 2 = 0.075."""
    score = np.repeat([0.6, 0.3], 50_000)
    label = np.concatenate([np.tile([0.0, 1.0], 25_000), np.tile([1.0] * 7 + [0.0] * 13, 2_500)])
    assert debiased_ece(score, label) == pytest.approx(0.075, abs=1e-9)


def test_chance_is_taken_off_as_resampling_takes_it_off() -> None:
    """Kumar, Liang and Ma's own way: shares drawn anew around those seen, a hundred thousand times."""
    rng = np.random.default_rng(2)
    score = rng.uniform(0.2, 0.8, 600)
    label = drawn(np.clip(score + 0.03, 0, 1), 3)
    groups = reliability(score, label)
    weight = groups.rows / groups.rows.sum()
    plain = float((weight * np.abs(groups.score - groups.share)).sum())
    error = np.sqrt(groups.share * (1 - groups.share) / groups.rows)
    again = rng.normal(groups.share, error, (100_000, groups.rows.size))
    bias = float((weight * np.abs(again - groups.score)).sum(axis=1).mean()) - plain
    assert debiased_ece(score, label) == pytest.approx(plain - bias, abs=3e-4)
    assert bias > 0.01


def test_of_perfect_scores_two_fifths_of_the_error_are_taken_off() -> None:
    """Over 200 draws of 630 rows, as of a fold of five symbols.

    Of a distance |z| of one standard error 2 |z| - E|z + e| is left, e another normal: with means of 0.798 and 1.128
    (the deviation of z + e is the root of 2) that is 0.467 / 0.798 = 0.585.
    """
    plain, debiased = [], []
    for seed in range(200):
        score = np.random.default_rng(seed).uniform(0.4, 0.6, 630)
        label = drawn(score, seed + 1_000)
        groups = reliability(score, label)
        plain.append(float((groups.rows / 630 * np.abs(groups.score - groups.share)).sum()))
        debiased.append(debiased_ece(score, label))
    assert np.mean(plain) > 0.05
    assert np.mean(debiased) / np.mean(plain) == pytest.approx(0.585, abs=0.03)


def test_scores_that_are_too_sure_have_an_error() -> None:
    odds = np.random.default_rng(4).standard_normal(20_000)
    label = drawn(expit(odds), 5)
    assert debiased_ece(expit(odds), label) < 0.01
    assert debiased_ece(expit(3 * odds), label) > 0.1


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(1, 20))
def test_groups_have_every_row_and_equal_scores_are_in_one(rows: list[tuple[float, bool]], bins: int) -> None:
    score, label = (np.array(each, dtype=np.float64) for each in zip(*rows, strict=True))
    groups = reliability(score, label, bins)
    assert groups.rows.sum() == score.size
    assert 1 <= groups.rows.size <= min(bins, np.unique(score).size)
    assert (groups.rows * groups.share).sum() == pytest.approx(label.sum())
    assert (np.diff(groups.score) >= -1e-12).all()
    assert 0.0 <= debiased_ece(score, label, bins) <= 1.0
