from __future__ import annotations

import pytest

from trading_assets_tests.features.by_hand import bars, last


def test_volume_over_its_mean_by_hand() -> None:
    """Nineteen sessions of 100 and one of 300 have the mean 110."""
    assert last(bars([50.0] * 20, dollars=[100.0] * 19 + [300.0]), "volume_ratio_20") == pytest.approx(300 / 110)


def test_signed_volume_counts_rising_minus_falling_sessions() -> None:
    """Of 20 returns 15 rise with 100 dollars each and 5 fall with 300 each: (1500 - 1500) / 3000."""
    closes, dollars = [100.0], [100.0]
    for number in range(20):
        falls = number % 4 == 3
        closes.append(closes[-1] * (0.9 if falls else 1.1))
        dollars.append(300.0 if falls else 100.0)
    assert last(bars(closes, dollars=dollars), "signed_volume_20") == pytest.approx(0.0, abs=1e-12)


def test_without_any_volume_there_is_no_ratio() -> None:
    assert last(bars([50.0] * 20, dollars=[0.0] * 20), "volume_ratio_20") is None
