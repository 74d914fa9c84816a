"""A time is an instant, a day counts from its end, and nothing is known early."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.market_data.alternative.stamps import days_after, to_publications

NEW_YORK = "America/New_York"


def read(cell: object, timezone: str = NEW_YORK, date_format: str = "auto") -> tuple[object, object]:
    """Publication and first day of one cell."""
    found = to_publications(pl.Series([cell]), date_format=date_format, timezone=timezone)
    return found.select("published_at", "session").row(0)


@pytest.mark.parametrize(
    ("cell", "published", "session"),
    [
        # New York is five hours behind UTC in winter, four in summer.
        ("2024-01-03 15:59:59", dt.datetime(2024, 1, 3, 20, 59, 59), dt.date(2024, 1, 3)),
        ("2024-07-03 15:59:59", dt.datetime(2024, 7, 3, 19, 59, 59), dt.date(2024, 7, 3)),
        # An instant keeps its zone, whatever the provider's is; in the evening UTC is a day ahead.
        ("2024-01-03T15:00:00+09:00", dt.datetime(2024, 1, 3, 6), dt.date(2024, 1, 3)),
        ("2024-01-03T20:00:00-05:00", dt.datetime(2024, 1, 4, 1), dt.date(2024, 1, 4)),
        ("1704294000", dt.datetime(2024, 1, 3, 15), dt.date(2024, 1, 3)),
        # A day is over at midnight of New York, and the day after is the first that may know it.
        ("2024-01-03", dt.datetime(2024, 1, 4, 5), dt.date(2024, 1, 4)),
        (dt.date(2024, 7, 3), dt.datetime(2024, 7, 4, 4), dt.date(2024, 7, 4)),
        # So is midnight, in whatever zone it is written.
        ("2024-01-03 00:00:00", dt.datetime(2024, 1, 4, 5), dt.date(2024, 1, 4)),
        (dt.datetime(2024, 1, 3), dt.datetime(2024, 1, 4, 5), dt.date(2024, 1, 4)),
        ("2024-01-03T00:00:00+09:00", dt.datetime(2024, 1, 4, 5), dt.date(2024, 1, 4)),
        # 01:30 is twice on 3 November 2024: the second one, after the change, is at 06:30 UTC.
        ("2024-11-03 01:30:00", dt.datetime(2024, 11, 3, 6, 30), dt.date(2024, 11, 3)),
        # 02:30 is not on 10 March 2024.
        ("2024-03-10 02:30:00", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_a_stamp_is_read(cell: object, published: object, session: object) -> None:
    assert read(cell) == (published, session)


def test_a_day_in_the_east_is_not_of_its_own_session_in_the_west() -> None:
    """3 January ends in Tokyo at 15:00 UTC, hours before New York closes on it."""
    assert read("2024-01-03", "Asia/Tokyo") == (dt.datetime(2024, 1, 3, 15), dt.date(2024, 1, 4))


def test_a_day_whose_end_a_clock_change_skips_ends_with_it() -> None:
    """In Sao Paulo 4 November 2018 began at 01:00, 03:00 UTC."""
    assert read("2018-11-03", "America/Sao_Paulo") == (dt.datetime(2018, 11, 4, 3), dt.date(2018, 11, 4))


@pytest.mark.parametrize(
    "cell",
    [
        # Midnight of 12 March in New York is 04:00 UTC, four hours behind since the 10th; that of 5 March is 05:00.
        "2024-03-12T04:00:00Z",
        "2024-03-12 04:00:00+00:00",
        "2024-03-11T23:00:00-05:00",
        "2024-03-12T13:00:00+09:00",
        "Tue, 12 Mar 2024 04:00:00 GMT",
        "1710216000",
        1710216000,
        1710216000000,
        dt.datetime(2024, 3, 12, 4, tzinfo=ZoneInfo("UTC")),
        dt.datetime(2024, 3, 12, 0, tzinfo=ZoneInfo(NEW_YORK)),
        dt.datetime(2024, 3, 11, 23, tzinfo=ZoneInfo("America/Chicago")),
    ],
)
def test_midnight_of_the_provider_is_its_day_however_it_is_written(cell: object) -> None:
    assert read(cell) == read("2024-03-12") == (dt.datetime(2024, 3, 13, 4), dt.date(2024, 3, 13))


@pytest.mark.parametrize(
    ("written", "day", "zone"),
    [
        ("2024-03-05T05:00:00Z", "2024-03-05", NEW_YORK),
        ("2024-03-10T05:00:00Z", "2024-03-10", NEW_YORK),
        ("2024-11-03T04:00:00Z", "2024-11-03", NEW_YORK),
        ("2024-11-04T05:00:00Z", "2024-11-04", NEW_YORK),
        ("2024-01-03T15:00:00Z", "2024-01-04", "Asia/Tokyo"),
        ("2024-01-03T18:30:00Z", "2024-01-04", "Asia/Kolkata"),
        ("2024-01-04T05:00:00+05:00", "2024-01-04", "UTC"),
        # 4 November 2018 began at 01:00 in Sao Paulo; in Havana, 3 November 2024 had two midnights.
        ("2018-11-04T03:00:00Z", "2018-11-04", "America/Sao_Paulo"),
        ("2024-11-03T04:00:00Z", "2024-11-03", "America/Havana"),
        ("2024-11-03T05:00:00Z", "2024-11-03", "America/Havana"),
    ],
)
def test_the_day_is_that_of_the_zone_in_each_season(written: str, day: str, zone: str) -> None:
    assert read(written, zone) == read(day, zone)


@pytest.mark.parametrize("cell", ["2024-03-12T05:00:00Z", "2024-03-05T04:00:00Z", "2024-03-12T04:00:01Z"])
def test_what_is_not_midnight_there_stays_an_instant(cell: str) -> None:
    """04:00 UTC is 23:00 in New York before the clocks go forward, 05:00 UTC is 01:00 after it."""
    when = dt.datetime.fromisoformat(cell).replace(tzinfo=None)
    assert read(cell) == (when, when.date())


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_column_of_midnights_that_is_kept_in_utc_is_one_of_days(
    unit: Literal["ms", "us", "ns"], tmp_path: Path
) -> None:
    """As Parquet keeps them, across both clock changes; an instant among them stays one."""
    days = pl.date_range(dt.date(2024, 1, 1), dt.date(2024, 12, 31), eager=True)
    midnights = days.cast(pl.Datetime(unit)).dt.replace_time_zone(NEW_YORK).dt.convert_time_zone("UTC")
    instant = pl.Series([dt.datetime(2024, 3, 12, 14, 30)], dtype=pl.Datetime(unit)).dt.replace_time_zone("UTC")
    pl.DataFrame({"time": pl.concat([midnights, instant])}).write_parquet(tmp_path / "kept.parquet")
    kept = pl.read_parquet(tmp_path / "kept.parquet")["time"]
    found = to_publications(kept, date_format="auto", timezone=NEW_YORK).drop("written")
    assert found.head(-1).equals(to_publications(days, date_format="auto", timezone=NEW_YORK).drop("written"))
    assert found.row(-1) == (dt.date(2024, 3, 12), dt.datetime(2024, 3, 12, 14, 30), dt.date(2024, 3, 12))


@pytest.mark.parametrize(("unit", "scale"), [("epoch_s", 1), ("epoch_ms", 1000), ("epoch_us", 1_000_000)])
def test_an_epoch_of_a_unit_is_read_likewise(unit: str, scale: int) -> None:
    assert read(1710216000 * scale, date_format=unit) == read("2024-03-12")


def test_a_lag_counts_from_the_day_that_a_value_is_of() -> None:
    observed = pl.Series([dt.datetime(2024, 1, 31, 12), None])
    found = days_after(observed, 12, NEW_YORK).select("published_at", "session")
    assert found.rows() == [(dt.datetime(2024, 2, 13, 5), dt.date(2024, 2, 13)), (None, None)]


@given(
    when=st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2035, 1, 1)).map(lambda each: each.replace(microsecond=0)),
    zone=st.sampled_from([NEW_YORK, "Asia/Tokyo", "Australia/Sydney", "Europe/London", "UTC"]),
)
def test_nothing_is_public_before_it_was_written(when: dt.datetime, zone: str) -> None:
    """Against the standard library: a naive stamp is never earlier than either of its readings, nor a day its end."""
    published, session = read(when.isoformat(sep=" "), zone)
    if published is None:
        return
    readings = [
        when.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(dt.UTC).replace(tzinfo=None) for fold in (0, 1)
    ]
    assert isinstance(published, dt.datetime)
    assert isinstance(session, dt.date)
    if when.time() == dt.time():
        assert published >= max(readings) + dt.timedelta(hours=23)
        assert session > when.date()
    else:
        assert published == max(readings)
        assert session == published.date()


@given(
    when=st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2035, 1, 1)).map(lambda each: each.replace(microsecond=0)),
    is_day=st.booleans(),
    zone=st.sampled_from([NEW_YORK, "Asia/Tokyo", "Asia/Kolkata", "Australia/Sydney", "Europe/London", "UTC"]),
)
def test_an_instant_is_read_as_the_time_that_clocks_showed(when: dt.datetime, is_day: bool, zone: str) -> None:
    """Against the standard library: `Z` and the same time without a zone say one thing, midnights of UTC apart."""
    if is_day:
        when = when.replace(hour=0, minute=0, second=0)
    instant = when.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    local = instant.astimezone(ZoneInfo(zone))
    if local.replace(fold=1).utcoffset() != local.utcoffset() or instant.time() == dt.time():
        return  # the first of two equal hours; a day as `Z` writes it
    assert read(instant.isoformat(), zone) == read(local.replace(tzinfo=None).isoformat(), zone)
