"""Times of day in a column of their own."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.market_data.sources.times_of_day import to_times_of_day


@pytest.mark.parametrize(
    ("cells", "hours"),
    [
        (["9:30", "09:30:00.25", "9:30 PM", "12:00 am"], [9.5, 9.5 + 0.25 / 3600, 21.5, 0]),
        (["93000", "0"], [9.5, 0]),
        (["930", "1600"], [9.5, 16]),
        (["000000"], [0]),
        (["9", "10"], [None, None]),
        (["25:00", "9:60", "20230103093500000", "", None], [None] * 5),
    ],
)
def test_times_of_day(cells: list[str | None], hours: list[float | None]) -> None:
    expected = [None if hour is None else dt.timedelta(hours=hour) for hour in hours]
    assert to_times_of_day(pl.Series(cells, dtype=pl.String)).to_list() == expected
