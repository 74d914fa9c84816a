from __future__ import annotations

import pytest

from trading_assets_tests.features.by_hand import bars, last


def test_return_over_twenty_sessions_by_hand() -> None:
    """From 100 to 120 in 20 sessions: 0.2; a session less is none."""
    closes = [100.0 + number for number in range(21)]
    assert last(bars(closes), "return_20") == pytest.approx(120 / 100 - 1)
    assert last(bars(closes[1:]), "return_20") is None


def test_night_and_day_multiply_to_the_return() -> None:
    """Close 100, open 110, close 99: 10 % over night, -10 % by day."""
    rows = bars([100.0, 99.0], [100.0, 110.0])
    assert last(rows, "overnight_return") == pytest.approx(0.10)
    assert last(rows, "intraday_return") == pytest.approx(-0.10)


def test_stochastic_is_the_place_in_the_range_of_fourteen_sessions() -> None:
    """Lowest low 90, highest high 110, close 105: (105 - 90) / (110 - 90)."""
    assert last(bars([100.0] * 11 + [90.0, 110.0, 105.0]), "stochastic_14") == pytest.approx(0.75)
