"""The probability of overfitting: on noise, on a planted edge, and by brute force."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from trading_assets.robustness.overfitting.cscv import overfitting
from trading_assets_tests.robustness.overfitting.test_sharpe_inference import _deflated, noise


def test_overfitting_is_a_coin_toss_on_noise_over_draws() -> None:
    found = [overfitting(noise(20, 240, seed), 8) for seed in range(200)]
    values = [each.probability for each in found if each]
    # One draw has a deviation of about .2, so the mean of 200 has .014.
    assert np.mean(values) == pytest.approx(0.5, abs=0.045)
    assert np.std(values) > 0.1


def test_overfitting_finds_a_planted_edge_and_not_200_noise_strategies() -> None:
    returns = noise(200, 1000, seed=4)
    luck = overfitting(returns, 10)
    returns[17] += 0.0025  # Sharpe 4 a year
    edge = overfitting(returns, 10)
    assert luck is not None and edge is not None
    assert luck.probability > 0.3
    assert edge.probability < 0.01 and edge.probability_of_loss < 0.01

    assert _deflated(returns, 17) > 0.95


def test_overfitting_by_brute_force() -> None:
    returns, blocks = noise(6, 45, seed=9), 4
    parts = np.split(np.arange(45), np.linspace(0, 45, blocks + 1).astype(int)[1:-1])
    logits = []
    for half in combinations(range(blocks), 2):
        inside = np.concatenate([parts[b] for b in half])
        outside = np.setdiff1d(np.arange(45), inside)
        here, there = (returns[:, part].mean(axis=1) / returns[:, part].std(axis=1) for part in (inside, outside))
        rank = (np.argsort(np.argsort(there))[here.argmax()] + 1) / 7
        logits.append(math.log(rank / (1 - rank)))
    found = overfitting(returns, blocks)
    assert found is not None and found.logits == pytest.approx(logits)


def test_the_choice_loses_where_it_earns_less_than_its_benchmark() -> None:
    """Each trial earns 10 bp a day more than cash and 5 bp less than what it is measured against."""
    returns = noise(6, 240, seed=9) / 20 + 0.001
    cash, benchmark = overfitting(returns, 8), overfitting(returns, 8, returns + 0.0005)
    assert cash is not None and benchmark is not None
    assert cash.probability == benchmark.probability
    assert (cash.probability_of_loss, benchmark.probability_of_loss) == (0.0, 1.0)
    assert benchmark.chosen_gain == pytest.approx(np.full(70, -0.0005))  # C(8, 4) halves


def test_a_plateau_ends_below_the_median_every_other_time_and_loses_nothing() -> None:
    """64 sets with a true Sharpe ratio of 1.5: 1,500 days of a common factor and a little of their own."""
    rejected = above = 0
    for seed in range(40):
        common = noise(1, 1500, seed=100 + seed)
        returns = common + noise(64, 1500, seed=200 + seed) / 4 + 1.5 / np.sqrt(252) * 0.0103
        found = overfitting(returns, 8)
        assert found is not None
        above += found.probability > 0.5
        rejected += found.probability > 0.5 and found.probability_of_loss > 0.05
    assert above >= 8, "the probability alone rejects many"
    assert rejected <= 4


def test_overfitting_of_too_little() -> None:
    assert overfitting(noise(1, 100, 0), 4) is None
    assert overfitting(noise(5, 7, 0), 4) is None
    same = overfitting(np.repeat(noise(1, 100, 0), 4, axis=0), 4)
    assert same is not None and same.probability == 0.5
    with pytest.raises(ValueError, match="halved"):
        overfitting(noise(5, 100, 0), 5)
