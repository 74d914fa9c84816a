"""The table of times of day, against the library that it is derived from."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.market_data.calendar_facts import ALWAYS, FACTS
from trading_assets.market_data.calendars import CalendarError, trading_hours, zone_of
from trading_assets.market_data.local_hours import HOURS, local_hours

_SPAN = dt.date(2025, 1, 1), dt.date(2026, 12, 31)


def test_every_calendar_has_times_of_day() -> None:
    assert set(HOURS) == set(FACTS)
    assert local_hours("NYSE") == HOURS["XNYS"]
    with pytest.raises(CalendarError, match="unknown calendar"):
        local_hours("XNONE")


@pytest.mark.parametrize("calendar", ["XNYS", "XLON", "XTKS", "CMES", "XTAE", "24/5"])
def test_the_table_is_what_the_library_says(calendar: str) -> None:
    _assert_same(calendar)


@pytest.mark.slow
def test_all_of_the_table_is_what_the_library_says() -> None:
    for calendar in sorted(set(HOURS) - {ALWAYS}):
        _assert_same(calendar)


def _assert_same(calendar: str) -> None:
    hours = trading_hours(calendar, *_SPAN)
    zone, found = zone_of(calendar), HOURS[calendar]
    local = hours.select(
        "session", *(pl.col(name).dt.convert_time_zone(zone).dt.replace_time_zone(None) for name in ("opens", "closes"))
    )
    since = local.select(
        (pl.col(name) - pl.col("session").cast(pl.Datetime("us"))).dt.total_minutes().alias(name)
        for name in ("opens", "closes")
    )
    assert found.zone == zone, calendar
    assert found.opens == sorted(set(since["opens"])), calendar
    assert found.closes == sorted(set(since["closes"])), calendar
