from __future__ import annotations

import math

import pytest

from trading_assets.features.daily import daily_features
from trading_assets_tests.features.by_hand import bars


def test_a_day_is_a_seventh_of_the_circle_and_a_month_a_twelfth() -> None:
    """Angles grow by 360 / 7 degrees from day to day, by 30 from January to February; each point is on the circle."""
    rows = daily_features(bars([100.0] * 40), {"equity": "AAA"}).sort("session")
    for what, step, (one, other) in (("weekday", 7, (0, 1)), ("month", 12, (0, 35))):
        names = [name for name in rows.columns if what in name]
        sine, cosine = (next(name for name in names if kind in name) for kind in ("sin", "cos"))
        points = [(rows[cosine][row], rows[sine][row]) for row in (one, other)]
        for x, y in points:
            assert math.hypot(x, y) == pytest.approx(1.0)
        turned = math.atan2(points[1][1], points[1][0]) - math.atan2(points[0][1], points[0][0])
        assert turned % (2 * math.pi) == pytest.approx(2 * math.pi / step)
