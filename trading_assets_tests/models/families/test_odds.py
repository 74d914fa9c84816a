"""Log-odds are the logarithm of the odds, as far as probabilities go, and losses those of scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss

from trading_assets.models.families.odds import EDGE, log_losses, log_odds


def test_log_odds_are_those_by_hand_and_end_at_the_edge() -> None:
    found = log_odds(np.array([0.2, 0.5, 0.0, 1.0]))
    edge = math.log((1 - EDGE) / EDGE)
    assert found.tolist() == pytest.approx([math.log(0.25), 0.0, -edge, edge])


def test_losses_are_those_of_scikit_learn() -> None:
    score, label = np.array([0.0, 1.0, 0.3, 0.3]), np.array([0.0, 0.0, 1.0, 0.0])
    assert log_losses(score, label).mean() == pytest.approx(log_loss(label, score))
