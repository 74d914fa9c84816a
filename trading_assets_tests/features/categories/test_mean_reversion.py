from __future__ import annotations

import math

import pytest

from trading_assets_tests.features.by_hand import bars, last


def test_zscore_by_hand() -> None:
    """19 x 100 and 120: mean 101, squares 19 x 1 + 19^2 = 380, deviation sqrt(380 / 19); (120 - 101) / sqrt(20)."""
    assert last(bars([100.0] * 19 + [120.0]), "zscore_20") == pytest.approx(19 / math.sqrt(20))


def test_close_over_the_volume_weighted_mean_by_hand() -> None:
    """19 sessions of 100 dollars at 100, one of 1900 at 120: the mean is 110."""
    rows = bars([100.0] * 19 + [120.0], dollars=[100.0] * 19 + [1900.0])
    assert last(rows, "close_to_vwap_20") == pytest.approx(120 / 110 - 1)
