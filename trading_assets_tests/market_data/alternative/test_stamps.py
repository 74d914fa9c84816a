"""A time is an instant, a day counts from its end, and nothing is known early."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
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


def test_a_lag_counts_from_the_day_that_a_value_is_of() -> None:
    observed = pl.Series([dt.datetime(2024, 1, 31, 12), None])
    found = days_after(observed, 12, NEW_YORK).select("published_at", "session")
    assert found.rows() == [(dt.datetime(2024, 2, 13, 5), dt.date(2024, 2, 13)), (None, None)]


@settings(deadline=None)
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
