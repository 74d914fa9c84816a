"""A daily stamp belongs to the session that its interval covers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from trading_assets.market_data import calendars
from trading_assets.market_data.sources import SourceError, daily
from trading_assets_tests.market_data.files_source import BAR, load, sessions_of, write

SPAN = dt.date(2023, 1, 2), dt.date(2023, 6, 30)


def days_of(calendar: str, *span: dt.date) -> list[dt.date]:
    return calendars.sessions(calendar, *(span or SPAN)).to_list()


def at(day: dt.date, zone: str, hour: int = 0, minute: int = 0) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize("timezone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("calendar", "zone"),
    [("XETR", "Europe/Berlin"), ("XTKS", "Asia/Tokyo"), ("XNYS", "America/New_York"), ("XNZE", "Pacific/Auckland")],
)
def test_midnight_in_an_offset_of_its_own_is_the_date_as_written(
    tmp_path: Path, calendar: str, zone: str, timezone: str
) -> None:
    """East and west, in summer and winter, whatever zone the sessions have."""
    days = days_of(calendar)
    stamps = [at(day, zone) for day in days]
    written = {
        "isoformat": [stamp.isoformat() for stamp in stamps],
        "blank": [str(stamp) for stamp in stamps],
        "rfc": [f"{stamp:%a, %d %b %Y %H:%M:%S %z}" for stamp in stamps],
        "name": [f"{stamp:%Y-%m-%dT%H:%M:%S} {zone}" for stamp in stamps],
    }
    for text in written.values():
        assert sessions_of(tmp_path, *text, calendar=calendar, timezone=timezone) == days
    patterned = [f"{stamp:%Y/%m/%d %H:%M %z}" for stamp in stamps]
    own = {"calendar": calendar, "timezone": timezone, "date_format": "%Y/%m/%d %H:%M %z"}
    assert sessions_of(tmp_path, *patterned, **own) == days


@pytest.mark.parametrize("timezone", ["UTC", "America/New_York"])
def test_midnight_in_the_zone_of_a_parquet_column(tmp_path: Path, timezone: str) -> None:
    days = days_of("XTKS")
    bars = pl.DataFrame(
        {"symbol": "A", "date": days, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 1.0}
    )
    zoned = bars.with_columns(pl.col("date").cast(pl.Datetime("ns")).dt.replace_time_zone("Asia/Tokyo"))
    zoned.write_parquet(tmp_path / "bars.parquet")
    assert load(tmp_path, calendar="XTKS", timezone=timezone)["session"].to_list() == days


@pytest.mark.parametrize(("scale", "date_format"), [(1, "auto"), (1_000, "auto"), (1_000_000, "epoch_us")])
def test_epochs_are_dates_in_the_declared_zone(tmp_path: Path, scale: int, date_format: str) -> None:
    days = days_of("XTKS")
    text = [str(int(at(day, "Asia/Tokyo").timestamp()) * scale) for day in days]
    assert sessions_of(tmp_path, *text, calendar="XTKS", timezone="Asia/Tokyo", date_format=date_format) == days


@pytest.mark.parametrize(
    ("calendar", "zone", "opens"),
    [
        ("CMES", "America/Chicago", 17),
        ("CMES", "America/New_York", 18),
        ("us_futures", "America/New_York", 18),
        ("IEPA", "America/New_York", 20),
    ],
)
@pytest.mark.parametrize("written", ["naive", "epoch", "offset"])
def test_a_futures_bar_stamped_on_the_evening_before(
    tmp_path: Path, calendar: str, zone: str, opens: int, written: str
) -> None:
    """Monday's session opens on Sunday evening: 17:00 in Chicago is 18:00 in New York, across the clock change."""
    days = days_of(calendar)
    stamps = [at(day - dt.timedelta(days=1), zone, opens) for day in days]
    text = {
        "naive": [f"{stamp:%Y-%m-%d %H:%M:%S}" for stamp in stamps],
        "epoch": [str(int(stamp.timestamp())) for stamp in stamps],
        "offset": [stamp.isoformat() for stamp in stamps],
    }[written]
    assert sessions_of(tmp_path, *text, calendar=calendar, timezone=zone) == days


def test_an_opening_that_is_the_day_before_in_utc(tmp_path: Path) -> None:
    """Sydney opens at 10:00, in summer 23:00 UTC of the day before; no zone is declared."""
    days = days_of("XASX")
    text = [str(int(at(day, "Australia/Sydney", 10).timestamp())) for day in days]
    assert sessions_of(tmp_path, *text, calendar="XASX") == days


@pytest.mark.parametrize("clock", ["00:00:00", "16:00:00", "23:59:00", "23:59:59"])
@pytest.mark.parametrize("calendar", ["XNYS", "XTKS", "CMES", "XASX", "24/7"])
def test_a_date_with_a_clock_that_says_nothing_is_that_date(tmp_path: Path, calendar: str, clock: str) -> None:
    days = days_of(calendar)
    assert sessions_of(tmp_path, *(f"{day} {clock}" for day in days), calendar=calendar) == days


@pytest.mark.parametrize(
    ("calendar", "zone", "hours_after_midnight"),
    [
        ("XNYS", "America/New_York", 24),
        ("XNYS", "America/New_York", 16),
        ("CMES", "America/Chicago", 17),
        ("24/7", "UTC", 24),
    ],
)
def test_daily_bars_stamped_at_their_end(tmp_path: Path, calendar: str, zone: str, hours_after_midnight: int) -> None:
    """24:00 is 00:00 of the next date; 17:00 in Chicago is the end of one session and the start of the next."""
    days = days_of(calendar)
    ends = [dt.datetime.combine(day, dt.time()) + dt.timedelta(hours=hours_after_midnight) for day in days]
    assert sessions_of(tmp_path, *map(str, ends), calendar=calendar, timezone=zone, stamped="end") == days


@pytest.mark.parametrize(
    "layout",
    [
        ("20230103", ["093000", "103000"]),
        ("2023.01.03", ["09:30:00", "10:30:00"]),
        ("2023-01-03", ["09:30", "10:30"]),
        ("01/03/2023", ["930", "1030"]),
        ("1/13/2023", ["9:30 AM", "10:30 AM"]),
        ("20230103", ["093000000", "103000000"]),
    ],
)
@pytest.mark.parametrize("header", ["<TICKER>,<DATE>,<TIME>", "Ticker,Date,Time", "Symbol,<DTYYYYMMDD>,<TIME>"])
def test_date_and_time_in_two_columns(tmp_path: Path, layout: tuple[str, list[str]], header: str) -> None:
    day, clocks = layout
    lines = [f"A,{day},{clock},{10 + n},12,9,{10.5 + n},5" for n, clock in enumerate(clocks)]
    write(tmp_path, *lines, header=f"{header},open,high,low,close,volume")
    bars = load(
        tmp_path, interval="1h", timezone="America/New_York", date_format="auto" if "/" not in day else "%m/%d/%Y"
    )
    assert bars.select("open", "close", "volume").rows() == [(10.0, 11.5, 10.0)]
    assert bars["coverage"].to_list() == pytest.approx([2 / 7])


def test_the_column_of_times_can_be_named(tmp_path: Path) -> None:
    write(
        tmp_path,
        "A,2023-01-03,09:30,10,12,9,11,5",
        "A,2023-01-03,10:30,11,12,9,12,5",
        header="symbol,day,clock,open,high,low,close,volume",
    )
    named = {"interval": "1h", "timezone": "America/New_York"}
    bars = load(tmp_path, columns={"session": "day", "time": "clock"}, **named)
    assert bars.select("open", "close").rows() == [(10.0, 12.0)]
    with pytest.raises(
        SourceError, match="several bars of 1h have the stamp '2023-01-03', which has no time"
    ) as caught:
        load(tmp_path, columns={"session": "day"}, **named)
    assert "bars.csv, line 3" in str(caught.value) and "columns: {time: ...}" in str(caught.value)
    with pytest.raises(SourceError, match="no column for 'time'"):
        load(tmp_path, columns={"session": "day", "time": "o'clock"}, **named)
    write(tmp_path, "A,2023-01-03,soon,10,12,9,11,5", header="symbol,day,clock,open,high,low,close,volume")
    with pytest.raises(SourceError, match=r"'soon' is no time of day\n  file: bars.csv, line 2\n  column: clock"):
        load(tmp_path, columns={"session": "day", "time": "clock"}, **named)


def test_a_column_called_time_that_holds_others_is_let_alone(tmp_path: Path) -> None:
    write(tmp_path, "A,2023-01-03,7,10,12,9,11,5", header="symbol,date,time,open,high,low,close,volume")
    assert load(tmp_path)["session"].to_list() == [dt.date(2023, 1, 3)]


@pytest.mark.parametrize(
    "pattern", ["%Y%m%d", "%Y%m%d0000", "%Y%m%d%H%M", "%Y%m%d%H%M%S", "%Y%m%d%H%M%S000", "%Y%m%d160000"]
)
def test_digits_that_can_be_a_date_are_one_before_they_are_an_epoch(tmp_path: Path, pattern: str) -> None:
    days = days_of("XNYS")
    assert sessions_of(tmp_path, *(f"{day:{pattern}}" for day in days)) == days


def test_epochs_of_twelve_digits_stay_epochs(tmp_path: Path) -> None:
    """Milliseconds of 1976 have twelve digits: 202301030000 among them is 1976-05-30, as the others are no dates."""
    first = 202_301_030_000
    text = [str(first + 86_400_000 * n) for n in range(5)]
    days = [dt.date(1976, 5, 30) + dt.timedelta(days=n) for n in range(5)]
    assert sessions_of(tmp_path, *text, calendar="24/7", asset_class="crypto") == days


def shifted(days: list[dt.date], by: int) -> list[str]:
    return [str(day + dt.timedelta(days=by)) for day in days]


@pytest.mark.parametrize(("by", "word", "mended"), [(1, "earlier", "set `stamped: end`"), (-1, "later", "`calendar`")])
def test_a_shift_by_a_day_stops(tmp_path: Path, by: int, word: str, mended: str) -> None:
    """Monday to Friday moved by one day: a fifth of the bars is on a Saturday or a Sunday, and holidays beside."""
    days = days_of("XNYS")
    fit = sum(day + dt.timedelta(days=by) in set(days) for day in days[:60]) / 60
    assert 0.7 < fit < 0.85
    with pytest.raises(
        SourceError, match=rf"'A' fit the calendar XNYS better one day {word}: \d+% .*, 100% would"
    ) as caught:
        sessions_of(tmp_path, *shifted(days, by))
    assert "file: bars.csv, line 2" in str(caught.value) and mended in str(caught.value)
    if by == 1:
        assert sessions_of(tmp_path, *shifted(days, by), stamped="end") == days


def test_a_shift_of_the_summer_only_is_noticed(tmp_path: Path) -> None:
    """Midnight in London is 23:00 UTC of the day before from the end of March on."""
    days = days_of("XLON")
    text = [f"{at(day, 'Europe/London').astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}" for day in days]
    with pytest.raises(SourceError, match=r"better one day later.* from 2023-04.*\n(.*\n)*.*timezone: Europe/London"):
        sessions_of(tmp_path, *text, calendar="XLON")
    assert sessions_of(tmp_path, *text, calendar="XLON", timezone="Europe/London") == days


def frame(days: list[dt.date], symbol: str = "A") -> pl.DataFrame:
    return pl.DataFrame({"symbol": symbol, "session": days}, schema={"symbol": pl.String, "session": pl.Date})


@pytest.mark.parametrize("calendar", ["XNYS", "XLON", "XTKS", "XTAE", "XSAU", "XBOM", "CMES", "24/5", "24/7"])
def test_clean_sessions_are_no_shift(calendar: str) -> None:
    """Of any length, with days filled in on holidays, with the calendar of another exchange, with Sundays."""
    days = days_of(calendar, dt.date(2022, 1, 3), dt.date(2024, 12, 31))
    for length in (1, 5, 9, 10, 21, 64, len(days)):
        assert daily.shift_of(frame(days[:length]), calendar) is None
        assert daily.shift_of(frame(days[-length:]), calendar) is None
    if calendar in ("XNYS", "XLON", "XTKS", "XBOM", "CMES"):
        weekdays = [day for day in pl.date_range(days[0], days[-1], eager=True) if day.weekday() < 5]
        every_day = pl.date_range(days[0], days[-1], eager=True).to_list()
        sundays = [day for day in every_day if day.weekday() != 5]
        for others in (weekdays, every_day, sundays, every_day[::7], every_day[5::7], every_day[:20]):
            assert daily.shift_of(frame(others), calendar) is None


def test_too_little_is_no_evidence() -> None:
    """Two weeks moved by a day have two bars off; three weeks have three."""
    monday = dt.date(2023, 3, 6)
    weekdays = [monday + dt.timedelta(days=7 * week + day) for week in range(3) for day in range(5)]
    moved = [day - dt.timedelta(days=1) for day in weekdays]
    assert daily.shift_of(frame(moved[:10]), "XNYS") is None
    found = daily.shift_of(pl.concat([frame(weekdays, "A"), frame(moved, "B")]), "XNYS")
    assert found == daily.Shift("B", moved[0], moved[-1], 1, 12 / 15, 1.0)
    assert daily.shift_of(frame(moved), "24/7") is None


def half_hours(days: int, each: int) -> list[str]:
    sessions = [day for day in (dt.date(2024, 1, 2) + dt.timedelta(days=n) for n in range(14)) if day.weekday() < 5]
    return [
        f"A,{day} {9 + k // 2:02d}:{30 * (k % 2):02d}:00,{BAR}" for day in sessions[:days] for k in range(1, each + 1)
    ]


def test_intraday_bars_that_are_declared_daily_are_named(tmp_path: Path) -> None:
    """Seven half hours a day, from 9:30 on: without `interval` each would be a bar of the day."""
    write(tmp_path, *half_hours(5, 7))
    with pytest.raises(SourceError, match=r"7 bars of 'A' on 2024-01-02, at 09:30, 10:00, 10:30, ...") as caught:
        load(tmp_path)
    assert "file: bars.csv, line 2" in str(caught.value)
    assert "set `interval: 30m`" in str(caught.value)


@pytest.mark.parametrize(("days", "each"), [(4, 7), (9, 2)])
def test_few_sessions_or_two_stamps_of_one_are_no_intraday_bars(tmp_path: Path, days: int, each: int) -> None:
    """Two vendors' files may stamp one bar at its start and at its end."""
    write(tmp_path, *half_hours(days, each))
    assert load(tmp_path)["session"].n_unique() == days
