from __future__ import annotations

import pytest

from trading_assets_tests.features.by_hand import bars, last


def test_close_over_its_mean_by_hand() -> None:
    """Nineteen closes of 100 and one of 120 have the mean 101."""
    assert last(bars([100.0] * 19 + [120.0]), "close_to_ma_20") == pytest.approx(120 / 101 - 1)


def test_a_breakout_is_measured_from_the_closes_before() -> None:
    """The highest of the 20 closes before is 110; the close of today is not among them."""
    assert last(bars([100.0] * 10 + [110.0] + [100.0] * 9 + [121.0]), "close_to_high_20") == pytest.approx(0.10)
    assert last(bars([100.0] * 19 + [121.0]), "close_to_high_20") is None
