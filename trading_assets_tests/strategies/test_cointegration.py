"""The Engle-Granger test and the choice of pairs, against statsmodels and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.tsa.adfvalues import mackinnonp
from statsmodels.tsa.stattools import coint

from trading_assets.strategies.cointegration import engle_granger, form_pairs, most_correlated, p_values

SESSIONS = 252


def walks(count: int, seed: int = 0, sessions: int = SESSIONS) -> np.ndarray:
    return np.cumsum(0.01 * np.random.default_rng(seed).standard_normal((sessions, count)), axis=0)


def reverting(count: int, seed: int, persistence: float = 0.9, sessions: int = SESSIONS) -> np.ndarray:
    """Autoregressive series around 0."""
    moves = 0.01 * np.random.default_rng(seed).standard_normal((sessions, count))
    found = np.empty_like(moves)
    found[0] = moves[0]
    for session in range(1, sessions):
        found[session] = persistence * found[session - 1] + moves[session]
    return found


def test_p_values_are_those_of_statsmodels() -> None:
    statistic = np.array([-25.0, -18.87, -18.85, -6.0, -3.4, -2.63, -2.62, -2.6, -1.0, 0.5, 0.93, 4.0])
    assert p_values(statistic) == pytest.approx([mackinnonp(value, "c", 2) for value in statistic], abs=1e-14)
    assert np.isnan(p_values(np.array([np.nan]))[0])


def test_p_values_agree_with_the_published_critical_values() -> None:
    """MacKinnon, Queen's Economics Department Working Paper 1227 (2010), table 2: two series, constant, infinite n.

    The response surface is of 1994, the critical values were simulated anew with more draws: they agree to a few
    per cent of the level.
    """
    found = p_values(np.array([-3.89644, -3.33613, -3.04445]))
    assert found == pytest.approx([0.01, 0.05, 0.10], rel=0.05)


@pytest.mark.parametrize("sessions", [60, SESSIONS])
def test_the_test_is_that_of_statsmodels(sessions: int) -> None:
    x = walks(12, seed=1, sessions=sessions)
    related = 0.7 * x[:, :6] + np.linspace(0.1, 2, 6) * reverting(6, seed=2, sessions=sessions)
    y = np.concatenate([related, walks(6, seed=3, sessions=sessions)], axis=1)
    found = engle_granger(y, x)
    for pair in range(12):
        statistic, p_value, _ = coint(y[:, pair], x[:, pair], trend="c", autolag="aic")
        assert found.statistic[pair] == pytest.approx(statistic, rel=1e-7)
        assert found.p_value[pair] == pytest.approx(p_value, abs=1e-8)
        beta, mean = np.polyfit(x[:, pair], y[:, pair], 1)
        spread = y[:, pair] - beta * x[:, pair]
        assert (found.beta[pair], found.mean[pair]) == pytest.approx((beta, mean))
        assert found.deviation[pair] == pytest.approx(np.std(spread, ddof=1))


def test_independent_walks_pass_at_about_the_level() -> None:
    """The level is 5 %; at 252 sessions, with the number of lags chosen from the data, the size is a little above
    (5.9 % of 5,000 draws; statsmodels gives the same p-values). Three standard errors of 2,000 draws are 1.5 points.
    """
    passed = np.mean(engle_granger(walks(2000, seed=4), walks(2000, seed=5)).p_value < 0.05)
    assert 0.05 - 0.015 < passed < 0.06 + 0.015


def test_cointegrated_series_are_found() -> None:
    """A half-life of 3 sessions in 252: hardly ever missed."""
    x = walks(200, seed=6)
    found = engle_granger(1.5 * x + reverting(200, seed=7, persistence=0.8), x)
    assert np.mean(found.p_value < 0.05) > 0.95
    assert np.median(found.beta) == pytest.approx(1.5, abs=0.05)


def test_one_series_twice_and_flat_ones_are_no_pair() -> None:
    walk = walks(1, seed=8)[:, 0]
    flat, jump = np.zeros(SESSIONS), np.repeat([0.0, 1.0], [3, SESSIONS - 3])
    y = np.stack([walk, 2 * walk + 1, flat, walk, jump], axis=1)
    x = np.stack([walk, walk, walk, flat, walk], axis=1)
    found = engle_granger(y, x)
    assert np.isnan(found.p_value[:4]).all()
    assert not found.p_value[4] < 0  # a series without any lagged variation does not fail
    assert form_pairs(np.stack([walk, walk, 3 * walk, flat], axis=1), 50, 1.0).y.size == 0


def test_most_correlated_pairs() -> None:
    factor = walks(1, seed=9)
    prices = np.linspace(0, 2, 12) * factor + walks(12, seed=10)
    prices = np.concatenate([prices, np.zeros((SESSIONS, 1))], axis=1)  # never moves
    left, right = most_correlated(prices, 10)
    correlation = np.corrcoef(np.diff(prices[:, :12], axis=0).T)
    pairs = [(i, j) for i in range(12) for j in range(i + 1, 12)]
    expected = sorted(pairs, key=lambda pair: -correlation[pair])[:10]
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == expected
    assert len(most_correlated(prices, 1000)[0]) == len(pairs)
    # Of equals, the lower columns.
    same = np.repeat(factor, 4, axis=1)
    assert [column.tolist() for column in most_correlated(same, 2)] == [[0, 0], [1, 2]]


def test_the_more_volatile_leg_is_y_whatever_the_order_of_columns() -> None:
    x = walks(1, seed=11)
    prices = np.concatenate([x, 1.8 * x + 0.5 * reverting(1, seed=12), walks(1, seed=13)], axis=1)
    found = form_pairs(prices, 50, 0.01)
    assert (found.y.tolist(), found.x.tolist()) == ([1], [0])
    assert found.beta[0] == pytest.approx(1.8, abs=0.05)
    turned = form_pairs(np.ascontiguousarray(prices[:, ::-1]), 50, 0.01)
    assert (turned.y.tolist(), turned.x.tolist()) == ([1], [2])
    assert turned.beta.tolist() == found.beta.tolist()
    # The spread of its own window has mean 0 and deviation 1.
    z = found.spread_z(prices)
    assert (z.mean(), z.std(ddof=1)) == pytest.approx((0, 1))


def test_a_negative_beta_is_no_pair() -> None:
    x = walks(1, seed=14)
    prices = np.concatenate([x, -1.5 * x + 0.5 * reverting(1, seed=15)], axis=1)
    assert engle_granger(prices[:, 1:], prices[:, :1]).p_value[0] < 0.05
    assert form_pairs(prices, 50, 0.05).y.size == 0
