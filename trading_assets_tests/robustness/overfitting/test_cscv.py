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


def test_overfitting_of_too_little() -> None:
    assert overfitting(noise(1, 100, 0), 4) is None
    assert overfitting(noise(5, 7, 0), 4) is None
    same = overfitting(np.repeat(noise(1, 100, 0), 4, axis=0), 4)
    assert same is not None and same.probability == 0.5
    with pytest.raises(ValueError, match="halved"):
        overfitting(noise(5, 100, 0), 5)
