"""Correlations of the correlation limit against numpy's, on windows that end where they should."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trading_assets.backtests.engine.correlation_limit import (
    candidate_correlation,
    common_correlation,
    load_units,
    portfolio_correlation,
    standardise,
)

WINDOW = 20
RETURNS = np.random.default_rng(2).normal(0, 0.02, (4, 60)) + np.random.default_rng(3).normal(0, 0.02, 60)


def filled(returns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As the engine has them: something in the place of a missing return, and where there is none."""
    return np.where(np.isnan(returns), 9.9, returns), ~np.isnan(returns)


def with_holes() -> np.ndarray:
    returns = RETURNS.copy()
    returns[0, 30::7] = np.nan
    returns[1, 31::9] = np.nan
    return returns


def latest_common(returns: np.ndarray, t: int, i: int, j: int) -> float:
    """The last 20 sessions with both returns among the last 40 up to t, by brute force."""
    rows = returns[[i, j], max(0, t - 39) : t + 1].T
    rows = rows[~np.isnan(rows).any(axis=1)][-WINDOW:]
    return math.nan if len(rows) < WINDOW else float(np.corrcoef(rows.T)[0, 1])


@pytest.mark.parametrize("t", [19, 20, 37, 59])
def test_the_window_ends_at_the_close_of_the_session(t: int) -> None:
    unit = np.zeros(WINDOW)
    assert standardise(t, 1, *filled(RETURNS), unit)
    own = RETURNS[1, t - 19 : t + 1]
    assert unit == pytest.approx((own - own.mean()) / np.linalg.norm(own - own.mean()))


def test_too_short_holed_or_constant_windows_have_no_standard_form() -> None:
    unit = np.zeros(WINDOW)
    assert not standardise(18, 0, *filled(RETURNS), unit)
    assert not standardise(40, 0, *filled(with_holes()), unit)
    assert not standardise(40, 0, *filled(np.full((1, 60), 0.01)), unit)


@pytest.mark.parametrize("t", range(15, 60, 4))
def test_holes_reach_back_for_twenty_common_returns_within_forty_sessions(t: int) -> None:
    returns = with_holes()
    assert common_correlation(t, 0, 1, *filled(returns), WINDOW) == pytest.approx(
        latest_common(returns, t, 0, 1), nan_ok=True
    )
    sparse = returns.copy()
    sparse[0, ::2] = np.nan
    assert math.isnan(common_correlation(t, 0, 1, *filled(sparse), WINDOW))


def test_a_symbol_that_does_not_move_has_no_correlation() -> None:
    returns = RETURNS.copy()
    returns[2] = 0.01
    assert math.isnan(common_correlation(59, 0, 2, *filled(returns), WINDOW))


@pytest.mark.parametrize("returns", [RETURNS, with_holes()], ids=["full", "holes"])
@pytest.mark.parametrize("t", [25, 45, 58])
def test_means_over_pairs(returns: np.ndarray, t: int) -> None:
    held = np.array([0, 1, 3])
    units, valid = np.zeros((9, WINDOW)), np.zeros(9, dtype=bool)
    load_units(t, held, *filled(returns), units, valid)
    pairs = [latest_common(returns, t, i, j) for i, j in [(0, 1), (0, 3), (1, 3)]]
    wanted = float(np.nanmean(pairs)) if not np.isnan(pairs).all() else math.nan
    assert portfolio_correlation(t, held, *filled(returns), units, valid) == pytest.approx(wanted, nan_ok=True)
    own = [latest_common(returns, t, 2, j) for j in held]
    wanted = float(np.nanmean(own)) if not np.isnan(own).all() else math.nan
    assert candidate_correlation(t, 2, held, *filled(returns), units, valid) == pytest.approx(wanted, nan_ok=True)
    assert math.isnan(candidate_correlation(t, 2, held[:0], *filled(returns), units, valid))
