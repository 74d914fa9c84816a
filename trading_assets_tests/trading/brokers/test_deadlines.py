"""Until when an order may be sent, by known opens of New York and London, in summer and in winter."""

from __future__ import annotations

import datetime as dt

import pytest

from trading_assets.market_data.calendars import CalendarError
from trading_assets.trading.brokers.deadlines import deadline, deadlines_of, next_deadline
from trading_assets_tests.trading.test_order_sheet import sheet_of, waiting

HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("calendar", "session", "until"),
    [
        ("XNYS", dt.date(2026, 7, 1), dt.datetime(2026, 7, 1, 13, 30)),
        ("XNYS", dt.date(2026, 12, 1), dt.datetime(2026, 12, 1, 14, 30)),
        ("XLON", dt.date(2026, 7, 1), dt.datetime(2026, 7, 1, 7, 0)),
        ("24/7", dt.date(2026, 7, 4), dt.datetime(2026, 7, 4, 1, 0)),
        ("24/5", dt.date(2026, 7, 1), dt.datetime(2026, 7, 1, 1, 0)),
        ("24/5", dt.date(2026, 7, 6), dt.datetime(2026, 7, 6, 0, 0)),  # a Monday: nothing ends on the evening before
        ("CMES", dt.date(2026, 7, 1), dt.datetime(2026, 6, 30, 23, 0)),  # 17:00 in Chicago, where it closes, too
        ("us_futures", dt.date(2026, 7, 1), dt.datetime(2026, 6, 30, 23, 0)),
    ],
)
def test_an_order_comes_before_the_open_and_to_one_that_opens_as_it_closes_an_hour_late(
    calendar: str, session: dt.date, until: dt.datetime
) -> None:
    assert deadline(calendar, session, HOUR) == until


def test_the_next_deadline_is_that_of_the_next_session() -> None:
    """After Thanksgiving's eve comes the Friday; a coin opens as it closes."""
    assert next_deadline("XNYS", dt.date(2025, 11, 26), HOUR) == dt.datetime(2025, 11, 28, 14, 30)
    assert next_deadline("24/7", dt.date(2025, 11, 26), HOUR) == dt.datetime(2025, 11, 27, 1, 0)
    assert next_deadline("24/7", dt.date(2025, 11, 26), dt.timedelta()) == dt.datetime(2025, 11, 27)


def test_a_day_without_an_open_has_no_deadline() -> None:
    with pytest.raises(CalendarError, match="2026-07-04 is no session of XNYS"):
        deadline("XNYS", dt.date(2026, 7, 4), HOUR)


def test_each_order_of_a_sheet_has_its_own() -> None:
    """Waiting on a Friday: the exchange opens on Monday at 09:30 in New York."""
    sheet = sheet_of(waiting(), waiting("BBB"))
    found = deadlines_of(sheet, {"AAA": "XNYS", "BBB": "XNYS"}, HOUR)
    assert set(found) == set(sheet["client_order_id"])
    monday = sheet["for_session"][0]
    assert set(found.values()) == {dt.datetime.combine(monday, dt.time(13, 30))}
