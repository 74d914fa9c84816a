"""Expected sessions."""

from __future__ import annotations

import datetime as dt
from importlib.metadata import version

import exchange_calendars
import polars as pl
import pytest

from trading_assets.market_data.calendar_facts import FACTS, WEEKDAYS
from trading_assets.market_data.calendars import (
    CalendarError,
    bounds,
    evening_open,
    periods_per_year,
    session_spans,
    sessions,
    trading_hours,
)
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


@pytest.mark.parametrize("name", ["XNYS", "XSHG", "XSAU", "us_futures"])
def test_what_was_asked_before_changes_nothing(name: str) -> None:
    """Sessions of a span alone, as the library tells them, whatever was built of the calendar before."""
    start, end = max(dt.date(2018, 6, 1), bounds(name)[0]), dt.date(2022, 3, 31)
    for before in (dt.date(2021, 1, 4), dt.date(2019, 1, 2), dt.date(1995, 1, 3)):
        trading_hours(name, before, before)
        found = sessions(name, start, end)
    alone = exchange_calendars.get_calendar(name, start=start.isoformat(), end=end.isoformat())
    assert found.to_list() == [day.date() for day in alone.sessions]


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
    [
        ("XTKS", dt.date(1980, 1, 1), dt.date(2020, 1, 1)),
        ("XNYS", dt.date(1, 1, 1), dt.date(2020, 1, 1)),
        ("XNYS", dt.date(2020, 1, 1), dt.date(9999, 12, 31)),
    ],
)
def test_a_span_beyond_the_records_is_refused(name: str, start: dt.date, end: dt.date) -> None:
    with pytest.raises(CalendarError, match=f"calendar '{name}' does not cover {start} to .*\n  cause: .*\n  do: "):
        sessions(name, start, end)


def test_a_span_that_is_recorded_is_not_refused_for_the_year_around_it() -> None:
    """What is recorded: Shanghai from 1990-12-03 to 2026, Bombay from 1997 to 2026, Riyadh from 2021 on."""
    ends = [dt.date(2026, 12, day) for day in (28, 29, 30, 31)]
    assert sessions("XSHG", ends[0], ends[-1]).to_list() == ends
    assert sessions("XBOM", ends[1], ends[-1]).to_list() == ends[1:]
    assert sessions("XSHG", dt.date(1990, 12, 3), dt.date(1990, 12, 31)).len() == 21
    assert sessions("XSAU", dt.date(2021, 1, 1), dt.date(2021, 1, 4)).to_list() == [
        dt.date(2021, 1, 3 + n) for n in (0, 1)
    ]
    assert trading_hours("XSHG", dt.date(2026, 12, 30), dt.date(2027, 3, 1))["session"].to_list() == ends[2:]
    assert trading_hours("XSAU", dt.date(2020, 1, 1), dt.date(2020, 3, 1)).is_empty()
    assert bounds("XBOM") == (dt.date(1997, 1, 1), dt.date(2026, 12, 31))
    assert bounds("24/7") == (dt.date.min, dt.date.max)
    assert bounds("XNYS") == (dt.date(1678, 1, 1), dt.date(2261, 12, 31))


COUNTS_2021_TO_2026 = """
    24/5 1565 24/7 2191 AIXK 1472 ASEX 1492 BVMF 1493 CMES 1547 IEPA 1547 XAMS 1537 XASX 1518 XBDA 1502 XBEL 1501
    XBKK 1450 XBOG 1463 XBOM 1478 XBRA 1495 XBRU 1537 XBSE 1507 XBUD 1499 XBUE 1482 XCBF 1506 XCSE 1502 XCYS 1478
    XDUB 1526 XDUS 1528 XEEE 1529 XETR 1528 XEUR 1529 XFRA 1528 XHAM 1528 XHEL 1508 XHKG 1477 XICE 1494 XIDX 1462
    XIST 1501 XJSE 1503 XKAR 1491 XKLS 1476 XKRX 1471 XLIM 1499 XLIS 1537 XLIT 1495 XLJU 1496 XLON 1514 XLUX 1537
    XMAD 1535 XMEX 1510 XMIL 1525 XMOS 1517 XNYS 1506 XNZE 1499 XOSL 1507 XPAR 1537 XPHS 1470 XPRA 1503 XRIS 1498
    XSAU 1494 XSES 1507 XSGO 1495 XSHG 1454 XSTO 1508 XSTU 1529 XSWX 1509 XTAE 1475 XTAI 1460 XTAL 1507 XTKS 1465
    XTSE 1505 XWAR 1501 XWBO 1523 XZAG 1490 us_futures 1548
"""
"""Sessions of each calendar from 2021-01-01 to 2026-12-31, counted with exchange_calendars 4.13.2 and pandas 3.0.6."""

PAIRS = COUNTS_2021_TO_2026.split()
COUNTS = {name: int(count) for name, count in zip(PAIRS[::2], PAIRS[1::2], strict=True)}

WEEKENDS = {
    "XBOM": (1997, 2026, {2024: 1, 2025: 1}),
    "XMOS": (
        2005,
        2026,
        {2005: 2, 2006: 2, 2007: 2, 2008: 3, 2010: 2, 2011: 1, 2012: 5, 2016: 1, 2018: 3, 2021: 1, 2024: 3},
    ),
    "XKRX": (1995, 1999, {1995: 50, 1996: 51, 1997: 49, 1998: 46}),
    "XTAE": (2020, 2026, {2020: 50, 2021: 49, 2022: 47, 2023: 51, 2024: 50, 2025: 49, 2026: 1}),
    "XSAU": (2021, 2026, {2021: 50, 2022: 49, 2023: 51, 2024: 48, 2025: 50, 2026: 49}),
}
"""Calendars with sessions on Saturdays or Sundays: first and last year counted, and how many a year."""


def test_the_facts_are_of_every_calendar_of_the_library() -> None:
    assert sorted(FACTS) == sorted(COUNTS) == sorted(exchange_calendars.get_calendar_names(include_aliases=False))


#: Versions that all were counted with, and those that are looked at each time: other versions are looked at whole.
COUNTED_WITH = {"exchange_calendars": "4.13.2", "pandas": "3.0.6"}
EACH_TIME = {"24/5", "CMES", "XBOM", "XETR", "XNYS", "XSAU", "XTAE", "XTKS"}
IS_COUNTED = {name: version(name) for name in COUNTED_WITH} == COUNTED_WITH


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.acceptance] if IS_COUNTED and name not in EACH_TIME else [])
        for name in sorted(set(COUNTS) - {"24/7"})
    ],
)
def test_no_session_is_lost_and_the_facts_hold(name: str) -> None:
    """An upgrade of the library, or of pandas below it, that loses sessions is seen here."""
    hours = trading_hours(name, dt.date(2021, 1, 1), dt.date(2026, 12, 31))
    assert hours.height == COUNTS[name]
    counted = hours.filter(pl.col("session").dt.year() < 2026)
    conventional = {"XNYS": 252, "XCBF": 252}
    assert periods_per_year(name) == conventional.get(name, round(counted.height / 5))
    assert abs(periods_per_year(name) - counted.height / 5) <= 1
    recent = hours.filter(pl.col("session").dt.year() >= 2025)
    after = recent["closes"].dt.replace_time_zone(None) - recent["session"].cast(pl.Datetime("us"))
    assert after.max() == FACTS[name].over_after
    this_year = recent.filter(pl.col("session").dt.year() == 2026)["session"].dt.weekday().unique().sort()
    assert "".join(WEEKDAYS[day - 1] for day in this_year) == FACTS[name].days
    if name not in WEEKENDS:
        assert (hours["session"].dt.weekday() <= 5).all()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in ("XKRX", "XMOS") else name for name in WEEKENDS]
)
def test_special_sessions_are_there(name: str) -> None:
    first, last, expected = WEEKENDS[name]
    found = (
        sessions(name, dt.date(first, 1, 1), dt.date(last, 12, 31))
        .to_frame()
        .filter(pl.col("session").dt.weekday() > 5)
    )
    years = found.group_by(pl.col("session").dt.year()).len().sort("session")
    assert dict(years.rows()) == expected


def test_sessions_of_an_exchange_that_trades_on_sunday() -> None:
    """Tel Aviv in the first week of 2023, from its own calendar: Sunday to Thursday."""
    first = sessions("XTAE", dt.date(2023, 1, 1), dt.date(2023, 1, 8))
    assert first.to_list() == [dt.date(2023, 1, day) for day in (1, 2, 3, 4, 5, 8)]


def test_periods_per_year() -> None:
    known = {"XNYS": 252, "24/7": 365, "XTKS": 245, "XSHG": 242, "XLON": 252, "NYSE": 252, "24/5": 261}
    assert {name: periods_per_year(name) for name in known} == known


def test_periods_of_a_mixed_curve_are_those_of_its_calendars_together() -> None:
    """New York and Tokyo: a curve has a value on a day that is a session of either, some 260 a year."""
    days = {*sessions("XNYS", dt.date(2021, 1, 1), dt.date(2025, 12, 31))}
    days |= {*sessions("XTKS", dt.date(2021, 1, 1), dt.date(2025, 12, 31))}
    assert periods_per_year("XTKS", "XNYS") == round(len(days) / 5) == 260
    assert periods_per_year("XNYS", "24/7") == 365
    assert periods_per_year("XNYS", "NYSE") == periods_per_year() == 252


def test_a_session_is_over_at_its_close_or_at_the_end_of_its_day() -> None:
    """Thanksgiving week of 2026: the Thursday is no session, on the Friday New York closes at 13:00 (18:00 UTC)."""
    ends = session_spans("XNYS", dt.date(2026, 11, 25), dt.date(2026, 11, 28))["over"].to_list()
    expected = [(25, 21), (27, 0), (27, 18), (29, 0)]
    assert ends == [dt.datetime(2026, 11, day, hour, tzinfo=dt.UTC) for day, hour in expected]
    of_crypto = session_spans("24/7", dt.date(2026, 11, 27), dt.date(2026, 11, 27))["over"].to_list()
    assert of_crypto == [dt.datetime(2026, 11, 28, tzinfo=dt.UTC)]
    in_seoul = session_spans("24/7", dt.date(2026, 11, 27), dt.date(2026, 11, 27), "Asia/Seoul")["over"].to_list()
    assert in_seoul == [dt.datetime(2026, 11, 27, 15, tzinfo=dt.UTC)]


def test_sessions_that_open_on_the_evening_before() -> None:
    assert evening_open("CMES") == ("America/Chicago", dt.timedelta(hours=17))
    assert evening_open("us_futures") == ("America/New_York", dt.timedelta(hours=18))
    assert evening_open("XNYS") is evening_open("24/7") is evening_open("24/5") is None
