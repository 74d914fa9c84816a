"""The reality check on an edge, on noise, and on returns that do not vary."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from trading_assets.robustness.overfitting.reality_check import common_returns, reality_check
from trading_assets_tests.robustness.overfitting.test_sharpe_inference import noise


def test_superiority_of_an_edge_and_of_noise() -> None:
    returns = noise(5, 750, seed=6).T
    returns -= returns.mean(axis=0)
    luck = reality_check(returns, block_sessions=10, resamples=500, seed=1)
    assert luck == reality_check(returns, block_sessions=10, resamples=500, seed=1)
    returns[:, 2] += 0.002
    edge = reality_check(returns, block_sessions=10, resamples=500, seed=1)
    assert luck["spa_p"] is not None and luck["spa_p"] > 0.5
    assert luck["reality_check_p"] is not None and luck["reality_check_p"] > 0.5
    assert edge["spa_p"] is not None and edge["spa_p"] < 0.01
    assert edge["reality_check_p"] is not None and edge["reality_check_p"] < 0.01


def test_superiority_of_returns_that_do_not_vary() -> None:
    nothing = {"spa_p": None, "reality_check_p": None}
    assert reality_check(np.zeros((100, 2)), block_sessions=10, resamples=50, seed=1) == nothing
    assert reality_check(noise(2, 20, 0).T, block_sessions=10, resamples=50, seed=1) == nothing


def test_common_returns_compound_over_days_that_only_one_has() -> None:
    days = [dt.date(2020, 1, day) for day in (3, 4, 5, 6)]  # Friday to Monday
    curves = pl.DataFrame(
        {
            "strategy": ["a", "a", "b", "b", "b", "b"],
            "session": [days[0], days[3], *days],
            "equity": [1.0, 1.1, 2.0, 2.2, 2.1, 2.4],
        }
    )
    assert common_returns(curves) == pytest.approx(np.array([[0.1, 0.2]]))
