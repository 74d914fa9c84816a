from __future__ import annotations

import pytest

from trading_assets_tests.features.by_hand import bars, last


def test_shares_of_sessions_without_volume_and_without_a_move() -> None:
    """5 of 20 sessions without volume; 30 of 60 closes unchanged."""
    closes = [100.0]
    for number in range(60):
        closes.append(closes[-1] + (number % 2))
    dollars = [100.0] * 41 + [0.0, 100.0, 100.0, 100.0] * 5
    rows = bars(closes, dollars=dollars)
    assert last(rows, "zero_volume_share_20") == pytest.approx(0.25)
    assert last(rows, "zero_return_share_60") == pytest.approx(0.5)


def test_dispersion_of_volume_by_hand() -> None:
    """Ten sessions of 90 and ten of 110: mean 100, sum of squares 20 x 100, deviation sqrt(2000 / 19)."""
    rows = bars([50.0] * 20, dollars=[90.0, 110.0] * 10)
    assert last(rows, "volume_dispersion_20") == pytest.approx((2000 / 19) ** 0.5 / 100)
