from __future__ import annotations

import numpy as np
import pytest

from trading_assets.backtests.engine.risk_limits import deviation, median_of_sorted, slide


def test_median_by_hand() -> None:
    assert median_of_sorted(np.array([1.0, 2.0, 10.0])) == 2.0
    assert median_of_sorted(np.array([1.0, 2.0, 4.0, 10.0])) == 3.0


def test_deviation_is_numpys() -> None:
    values = np.random.default_rng(2).normal(0, 0.01, 60)
    assert deviation(values) == pytest.approx(np.std(values, ddof=1), rel=1e-12)


def test_a_window_slides_and_stays_sorted() -> None:
    """Against sorting the last five anew, equal values among them."""
    values = np.random.default_rng(4).integers(0, 6, 60).astype(float)
    window = np.zeros(5)
    for t, newest in enumerate(values):
        slide(window, t, values[max(0, t - 5)], newest)
        last = sorted(values[max(0, t - 4) : t + 1])
        assert window[: len(last)].tolist() == last
