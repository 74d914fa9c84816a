from __future__ import annotations

import math

import numpy as np
import pytest

from trading_assets_tests.features.by_hand import bars, last


def test_volatility_of_five_log_returns_by_hand() -> None:
    """Returns r, -r, r, -r, 0 have mean 0 and squares that add up to 4 r^2: the deviation with ddof 1 is r."""
    steps = np.array([0.0, 0.01, -0.01, 0.01, -0.01, 0.0])
    closes = (100 * np.exp(np.cumsum(steps))).tolist()
    assert last(bars(closes), "volatility_5") == pytest.approx(0.01)


def test_parkinson_of_bars_of_one_range_by_hand() -> None:
    """Each high is 1.1 times its low, so the estimate is ln 1.1 / sqrt(4 ln 2)."""
    rows = bars([110.0] * 20, [100.0] * 20)
    assert last(rows, "parkinson_20") == pytest.approx(math.log(1.1) / math.sqrt(4 * math.log(2)))
