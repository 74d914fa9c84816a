"""Written dates and their sessions."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.market_data.sources import SourceError
from trading_assets.market_data.sources.dates import to_local_times, unread_date_advice
from trading_assets_tests.market_data.files_source import sessions_of

DAYS = [dt.date(2017, 1, 3), dt.date(2017, 3, 13)]
NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    "written",
    [
        ("2017-01-03", "2017-03-13"),
        ("20170103", "20170313"),
        ("2017/01/03", "2017.03.13"),
        ("03-01-2017", "13-03-2017"),
        ("01/03/2017", "03/13/2017"),
        ("1/3/2017 16:00", "3/13/2017 4:00 PM"),
        ("2017-01-03T17:45", "2017-03-13T17:45"),
        ("2017-01-03 17:45:30", "2017-03-13 17:45:30"),
        ("2017-01-03T17:45:30.123", "2017-03-13T17:45:30,123456789"),
        ("20170103T174530", "20170313T174530"),
        ("2017-01-03T00:00:00Z", "2017-03-13T17:45:30.123456Z"),
        ("2017-01-03T00:00:00+00:00", "2017-03-13 00:00:00+00:00"),
        ("2017-01-03T00:00:00-04:00", "2017-03-13T00:00:00-04"),
        ("20170103T000000+0000", "20170313T000000+0000"),
        ("2017-01-03T17:45:30.123456+05:30", "2017-03-13T17:45:30.123456+05:30"),
        ("2017-01-03T17:45:30 America/New_York", "2017-03-13T17:45:30 America/New_York"),
        ("Tue, 03 Jan 2017 17:45:30 GMT", "Mon, 13 Mar 2017 13:45:30 -0400"),
        ("1483401600", "1489363200"),
        ("1483401600000", "1489363200.0"),
        ("1483401600000000", "1489363200000000000"),
        (" 2017-01-03 ", "2017-03-13T00:00:00"),
    ],
)
def test_auto_reads(tmp_path: Path, written: tuple[str, str]) -> None:
    assert sessions_of(tmp_path, *written) == DAYS


@pytest.mark.parametrize(
    ("date_format", "written"),
    [
        ("%d.%m.%y", ("03.01.17", "13.03.17")),
        ("%b %d, %Y", ("Jan 03, 2017", "Mar 13, 2017")),
        ("%Y-%m-%d %H:%M %z", ("2017-01-02 20:00 -0500", "2017-03-13 00:00 +0000")),
        ("epoch_s", ("1483401600", "1489363200.5")),
        ("epoch_ms", ("1483401600000", "1489363200000")),
        ("epoch_us", ("1483401600000000", "1489363200000000")),
    ],
)
def test_declared_formats(tmp_path: Path, date_format: str, written: tuple[str, str]) -> None:
    assert sessions_of(tmp_path, *written, date_format=date_format) == DAYS


@pytest.mark.parametrize("cell", ["", "soon", "2017-02-29", "2017-13-01", "99/99/2017", "12345", "0", "9" * 40])
def test_unreadable_dates_name_the_cell(tmp_path: Path, cell: str) -> None:
    with pytest.raises(SourceError, match="no date") as caught:
        sessions_of(tmp_path, "2017-01-03", cell)
    assert "bars.csv, line 3" in str(caught.value) and cell in str(caught.value)


def test_an_unknown_zone_is_no_date(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="'2017-01-04T10:00 Mars/Base' is no date"):
        sessions_of(tmp_path, "2017-01-03T10:00 Europe/London", "2017-01-04T10:00 Mars/Base")


def test_the_whole_column_decides_between_month_and_day_first(tmp_path: Path) -> None:
    assert sessions_of(tmp_path, "01/02/2017", "13/02/2017") == [dt.date(2017, 2, 1), dt.date(2017, 2, 13)]
    assert sessions_of(tmp_path, "01/02/2017", "02/13/2017") == [dt.date(2017, 1, 2), dt.date(2017, 2, 13)]
    assert sessions_of(tmp_path, "05/05/2017") == [dt.date(2017, 5, 5)], "both readings agree"
    with pytest.raises(SourceError, match="no date of the file decides") as caught:
        sessions_of(tmp_path, "05/05/2017", "01/02/2017")
    assert "line 3" in str(caught.value) and "date_format" in str(caught.value)
    assert sessions_of(tmp_path, "01/02/2017", date_format="%d/%m/%Y") == [dt.date(2017, 2, 1)]
    with pytest.raises(SourceError, match=r"month first .* beside day first"):
        sessions_of(tmp_path, "13/01/2017", "01/13/2017")


@pytest.mark.parametrize("zoned", ["2017-01-04T00:00:00Z", "1483488000", "Wed, 04 Jan 2017 00:00:00 GMT"])
def test_mixed_timezones(tmp_path: Path, zoned: str) -> None:
    """Offsets of any kind are one thing, a naive stamp beside them is another."""
    offsets = ["2017-01-03T09:30:00-05:00", "2017-01-04T14:30:00+00:00", "2017-01-05T23:30:00+09:00"]
    assert sessions_of(tmp_path, *offsets, timezone=NEW_YORK) == [dt.date(2017, 1, day) for day in (3, 4, 5)]
    with pytest.raises(SourceError, match=r"stamps without a zone .* beside stamps with one") as caught:
        sessions_of(tmp_path, "2017-01-03", zoned)
    assert "file: bars.csv, line 3\n  column: date\n  expected: one kind" in str(caught.value)


def test_the_declared_zone_decides_the_session(tmp_path: Path) -> None:
    evening = "2017-01-04T02:00:00Z"
    assert sessions_of(tmp_path, evening, timezone=NEW_YORK) == [dt.date(2017, 1, 3)]
    assert sessions_of(tmp_path, evening, timezone="UTC") == [dt.date(2017, 1, 4)]
    assert sessions_of(tmp_path, "2017-01-04 02:00:00", timezone=NEW_YORK) == [dt.date(2017, 1, 4)], "local already"


@pytest.mark.parametrize("zone", ["UTC", NEW_YORK, "Asia/Tokyo"])
@pytest.mark.parametrize("written", ["Z", "epoch", "epoch in ms", "epoch_s"])
def test_midnight_in_utc_is_one_date_however_it_is_written(tmp_path: Path, zone: str, written: str) -> None:
    """2017-01-03T00:00:00Z is the evening of the 2nd in New York; a daily bar that says so is of the 3rd."""
    stamps = [dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) for day in DAYS]
    texts = {
        "Z": [stamp.strftime("%Y-%m-%dT%H:%M:%SZ") for stamp in stamps],
        "epoch": [str(int(stamp.timestamp())) for stamp in stamps],
        "epoch in ms": [f"{int(stamp.timestamp())}000" for stamp in stamps],
        "epoch_s": [str(int(stamp.timestamp())) for stamp in stamps],
    }
    settings = {"timezone": zone} | ({"date_format": written} if written == "epoch_s" else {})
    assert sessions_of(tmp_path, *texts[written], **settings) == DAYS


@pytest.mark.parametrize("written", ["offset", "utc", "epoch", "zone name", "naive"])
def test_dst_session(tmp_path: Path, written: str) -> None:
    """One session a day across both clock changes of New York in 2021, at any local hour that exists twice or once."""
    zone = ZoneInfo(NEW_YORK)
    days = [dt.date(2021, month, day) for month, first in ((3, 12), (11, 5)) for day in range(first, first + 5)]
    for hour in (0, 1, 23):
        local = [dt.datetime(day.year, day.month, day.day, hour, 30, tzinfo=zone) for day in days]
        text = {
            "offset": [stamp.isoformat() for stamp in local],
            "utc": [stamp.astimezone(dt.UTC).isoformat() for stamp in local],
            "epoch": [str(int(stamp.timestamp())) for stamp in local],
            "zone name": [f"{stamp:%Y-%m-%dT%H:%M:%S} {NEW_YORK}" for stamp in local],
            "naive": [f"{stamp:%Y-%m-%d %H:%M:%S}" for stamp in local],
        }[written]
        assert sessions_of(tmp_path, *text, timezone=NEW_YORK) == days


@given(
    stamps=st.lists(
        st.datetimes(
            dt.datetime(1975, 1, 1),
            dt.datetime(2095, 1, 1),
            timezones=st.sampled_from([ZoneInfo(NEW_YORK), ZoneInfo("Asia/Kolkata"), dt.UTC]),
        ),
        min_size=1,
        max_size=30,
    ),
    timezone=st.sampled_from([NEW_YORK, "Asia/Tokyo", "UTC"]),
)
@settings(max_examples=50)
def test_instants_agree_with_the_standard_library(stamps: list[dt.datetime], timezone: str) -> None:
    # Through UTC: two local times of the standard library can name the hour that a clock change skips.
    stamps = [stamp.astimezone(dt.UTC).astimezone(stamp.tzinfo) for stamp in stamps]
    expected = [stamp.astimezone(ZoneInfo(timezone)).date() for stamp in stamps]
    for cells in (
        pl.Series([stamp.isoformat() for stamp in stamps]),
        pl.Series([str(int(stamp.timestamp() // 1)) for stamp in stamps]),
        pl.Series([stamp.astimezone(dt.UTC) for stamp in stamps]),
    ):
        read = to_local_times(cells, date_format="auto", timezone=timezone)
        assert read.dt.date().to_list() == expected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (("03-Jan-2017", "13-Mar-2017"), 'set `date_format: "%d-%b-%Y"`'),
        (("Jan 03, 2017", "Mar 13, 2017"), 'set `date_format: "%b %d, %Y"`'),
        (("2017-W01-2", "2017-W11-1"), 'set `date_format: "%G-W%V-%u"`'),
        (("42738", "42807"), "as a day number of a spreadsheet it is 2017-01-03"),  # 117 years x 365 + 29 + 4
        (("once", "twice"), "correct the row"),
    ],
)
def test_dates_that_are_not_read_say_how_they_would_be(tmp_path: Path, written: tuple[str, str], said: str) -> None:
    with pytest.raises(SourceError, match="is no date") as caught:
        sessions_of(tmp_path, *written)
    assert said in str(caught.value)
    pattern = str(caught.value).partition('date_format: "')[2].partition('"')[0]
    if pattern:
        assert sessions_of(tmp_path, *written, date_format=pattern) == DAYS


def test_a_spelling_that_two_patterns_read_is_a_question() -> None:
    said = unread_date_advice("03/04/17")
    assert said == "set `date_format` to what it is: '%m/%d/%y' or '%d/%m/%y' or '%y/%m/%d'"
    assert unread_date_advice("03/13/17") == 'set `date_format: "%m/%d/%y"`'
