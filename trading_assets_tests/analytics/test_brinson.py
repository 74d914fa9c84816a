"""Brinson-Fachler on a published layout of numbers, and as a sum."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets.analytics.brinson import brinson_fachler


def table(
    weights: list[float], returns: list[float | None], theirs: list[float], their_returns: list[float | None]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "sector": [f"s{k}" for k in range(len(weights))],
            "weight": weights,
            "return": returns,
            "benchmark_weight": theirs,
            "benchmark_return": their_returns,
        }
    )


def test_three_markets_by_hand() -> None:
    """Portfolio 8 - 1.5 + 2.4 = 8.9 %, benchmark 4 - 0.8 + 3.2 = 6.4 %, so 2.5 % is active.

    Allocation: 0 x (10 - 6.4) + 0.1 x (-4 - 6.4) - 0.1 x (8 - 6.4) = -1.2 %. Selection: 0.4 x 10 - 0.2 x 1 + 0.4 x 0 =
    3.8 %. Interaction: 0 x 10 + 0.1 x -1 - 0.1 x 0 = -0.1 %; together 2.5 %.
    """
    found = brinson_fachler(table([0.4, 0.3, 0.3], [0.20, -0.05, 0.08], [0.4, 0.2, 0.4], [0.10, -0.04, 0.08]))
    assert found.select("allocation", "selection", "interaction").sum().row(0) == pytest.approx((-0.012, 0.038, -0.001))
    assert found["active"].sum() == pytest.approx(0.4 * 0.20 - 0.3 * 0.05 + 0.3 * 0.08 - 0.064)


def test_effects_sum_to_the_active_return() -> None:
    random = np.random.default_rng(1)
    own, theirs = random.dirichlet(np.ones(6)), random.dirichlet(np.ones(6))
    made, theirs_made = random.normal(0, 0.1, 6), random.normal(0, 0.1, 6)
    found = brinson_fachler(table(own.tolist(), made.tolist(), theirs.tolist(), theirs_made.tolist()))
    assert found["active"].sum() == pytest.approx(own @ made - theirs @ theirs_made, abs=1e-14)


def test_a_sector_that_one_side_lacks_is_allocation_alone() -> None:
    found = brinson_fachler(table([0.0, 1.0], [None, 0.1], [0.5, 0.5], [0.2, 0.1]))
    assert found.select("selection", "interaction").sum().row(0) == (0.0, 0.0)
    assert found["active"].sum() == pytest.approx(0.1 - 0.15)


def test_weights_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"benchmark_weight: sums to 0\.9, expected 1"):
        brinson_fachler(table([0.5, 0.5], [0.0, 0.0], [0.5, 0.4], [0.0, 0.0]))
