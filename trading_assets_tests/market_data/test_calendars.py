"""Expected sessions."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.market_data.calendars import CalendarError, periods_per_year, sessions
from trading_assets.market_data.sources.sample import index_bars


def test_crypto_weekend_days_are_sessions() -> None:
    days = sessions("24/7", dt.date(2020, 2, 27), dt.date(2020, 3, 2))
    assert days.to_list() == [dt.date(2020, 2, 27) + dt.timedelta(days=n) for n in range(5)]
    assert days.dtype == pl.Date and days.name == "session"


def test_new_york_sessions_are_the_days_the_index_traded() -> None:
    """The index series was published without a calendar: it is an independent record of the sessions."""
    start, end = dt.date(1999, 1, 4), dt.date(2018, 12, 31)
    assert sessions("XNYS", start, end).to_list() == index_bars(start, end)["session"].to_list()


def test_any_span_is_told_at_both_ends() -> None:
    past = sessions("XNYS", dt.date(1987, 10, 16), dt.date(1987, 10, 20))
    assert past.to_list() == [dt.date(1987, 10, day) for day in (16, 19, 20)]
    future = sessions("XNYS", dt.date(2060, 12, 24), dt.date(2060, 12, 28))
    assert future.to_list() == [dt.date(2060, 12, day) for day in (27, 28)], "24th: Christmas, observed on the Friday"


@pytest.mark.parametrize("calendar", ["XNYS", "24/7"])
def test_short_spans(calendar: str) -> None:
    monday, sunday = dt.date(2020, 1, 6), dt.date(2020, 1, 5)
    assert sessions(calendar, monday, monday).to_list() == [monday]
    assert sessions(calendar, sunday, sunday).to_list() == ([sunday] if calendar == "24/7" else [])
    assert sessions(calendar, monday, sunday).to_list() == []
    assert sessions(calendar, sunday, sunday).dtype == pl.Date


def test_a_span_is_a_part_of_a_longer_one() -> None:
    whole = sessions("XLON", dt.date(2011, 1, 1), dt.date(2014, 12, 31))
    start, end = dt.date(2012, 12, 30), dt.date(2013, 1, 2)
    assert sessions("XLON", start, end).to_list() == [day for day in whole.to_list() if start <= day <= end]


def test_aliases_and_other_exchanges() -> None:
    span = (dt.date(2020, 1, 1), dt.date(2020, 12, 31))
    assert sessions("NYSE", *span).to_list() == sessions("XNYS", *span).to_list()
    assert dt.date(2020, 5, 4) not in sessions("XTKS", *span).to_list(), "Greenery Day"


@pytest.mark.parametrize(("name", "nearest"), [("XNYSE", "XNYS"), ("nyse", "NYSE"), ("24-7", "24/7")])
def test_unknown_calendar_names_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(CalendarError, match=f"unknown calendar '{name}'\n  expected: did you mean '{nearest}'"):
        sessions(name, dt.date(2020, 1, 1), dt.date(2020, 1, 31))


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [("XTKS", dt.date(1980, 1, 1), dt.date(2020, 1, 1)), ("XNYS", dt.date(1, 1, 1), dt.date(2020, 1, 1))],
)
def test_a_span_beyond_the_records_is_refused(name: str, start: dt.date, end: dt.date) -> None:
    with pytest.raises(CalendarError, match=f"calendar '{name}' does not cover {start} to .*\n  cause: .*\n  do: "):
        sessions(name, start, end)


def test_periods_per_year() -> None:
    assert [periods_per_year(name) for name in ("XNYS", "XLON", "24/7")] == [252, 252, 365]
