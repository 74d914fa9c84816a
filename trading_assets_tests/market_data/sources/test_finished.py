"""Only bars of sessions that are over are used, whatever they come from."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources import Access, read_bars
from trading_assets.market_data.sources.finished import finished
from trading_assets_tests.market_data.files_source import BAR, write

WEEK = [dt.date(2026, 11, day) for day in (23, 24, 25, 26, 27, 28, 29)]


def bars(*days: dt.date) -> pl.DataFrame:
    return pl.DataFrame({"symbol": "A", "session": list(days), "source": "files"})


@pytest.mark.parametrize(
    ("calendar", "now", "expected"),
    [
        ("24/7", "27T00:00", 26),
        ("24/7", "27T00:10", 26),
        ("24/7", "26T23:59", 25),
        ("XNYS", "25T15:00", 24),
        ("XNYS", "25T20:59", 24),
        ("XNYS", "25T21:00", 25),
        ("XNYS", "27T17:59", 26),
        ("XNYS", "27T18:00", 27),
        ("XTKS", "25T00:10", 24),
        ("XTKS", "25T06:30", 25),
        ("CMES", "24T22:30", 23),
        ("CMES", "24T23:00", 24),
        ("XASX", "24T05:30", 24),
    ],
)
def test_sessions_that_are_over(calendar: str, now: str, expected: int) -> None:
    """Closes in UTC that week: New York 21:00, on the Friday after Thanksgiving 18:00; Tokyo 06:30; Chicago's futures
    23:00; Sydney 05:00. What is no session is over with its day in UTC.
    """
    begun = [day for day in WEEK if day <= dt.date(2026, 11, int(now[:2]))]
    found = finished(bars(*begun), calendar, "UTC", dt.datetime.fromisoformat(f"2026-11-{now}"))
    assert found["session"].to_list() == [day for day in begun if day.day <= expected]


def test_a_day_of_coins_ends_in_the_zone_of_the_source() -> None:
    """Midnight in Seoul is 15:00 UTC."""
    for now, days in (("26T14:59", 3), ("26T15:00", 4)):
        found = finished(bars(*WEEK[:4]), "24/7", "Asia/Seoul", dt.datetime.fromisoformat(f"2026-11-{now}"))
        assert found.height == days


@pytest.mark.parametrize(
    ("calendar", "hour", "height"), [("CMES", 22, 2), ("CMES", 23, 1), ("XASX", 22, 2), ("XASX", 23, 1)]
)
def test_a_session_of_tomorrow_that_has_begun(calendar: str, hour: int, height: int) -> None:
    """Chicago's futures of Wednesday open on Tuesday at 23:00 UTC, and so does Sydney; before, the date is wrong."""
    found = finished(bars(WEEK[0], WEEK[2]), calendar, "UTC", dt.datetime(2026, 11, 24, hour))
    assert found.height == height


def test_a_wrong_date_is_left_to_the_rules() -> None:
    far = bars(WEEK[0], dt.date(2099, 1, 1))
    assert finished(far, "XNYS", "UTC", dt.datetime(2026, 11, 24)).equals(far)


@pytest.mark.parametrize(("now", "expected"), [("25T18:00", [23, 24]), ("25T21:00", [23, 24, 25])])
@pytest.mark.parametrize("interval", ["1d", "1h"])
def test_of_a_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, now: str, expected: list[int], interval: str
) -> None:
    write(tmp_path, *(f"A,{day} 10:00,{BAR}" for day in WEEK[:3]))
    source = FilesSource.model_validate(
        {"source": "files", "asset_class": "equity", "path": "*", "interval": interval, "timezone": "America/New_York"}
    )
    moment = dt.datetime.fromisoformat(f"2026-11-{now}")
    access = Access(tmp_path, WEEK[0], moment.date(), moment)
    found = read_bars(source, start=WEEK[0], end=WEEK[-1], directory=tmp_path, seed=0, access=access)
    assert [day.day for day in found["session"]] == expected
    said = "files: 1 bars of sessions that are not over at 2026-11-25 18:00 UTC left out, the first A on 2026-11-25"
    assert (said in caplog.text) == (len(expected) == 2)
