from __future__ import annotations

import datetime as dt

from trading_assets.warehouse.slices import Rows, Sessions, Whole, last_of_month

FIRST, LAST = dt.date(2024, 1, 1), dt.date(2024, 1, 31)


def test_bounds_are_inclusive_and_of_one_column() -> None:
    assert Whole().bounds is None
    assert Sessions(FIRST, LAST).bounds == ("session", FIRST, LAST)
    assert Rows("strategy", "a").bounds == ("strategy", "a", "a")


def test_a_slice_says_which_rows_it_is() -> None:
    assert str(Whole()) == "all rows"
    assert str(Sessions(FIRST, LAST)) == "session 2024-01-01 to 2024-01-31"
    assert str(Sessions(FIRST, FIRST)) == "session 2024-01-01"
    assert str(Rows("strategy", "a")) == "strategy a"


def test_equal_slices_are_one_key() -> None:
    assert len({Rows("strategy", "a"), Rows("strategy", "a"), Rows("model", "a")}) == 2


def test_the_last_day_of_a_month_is_that_of_the_calendar_to_its_end() -> None:
    days = [dt.date(2024, 2, 29), dt.date(2023, 2, 1), dt.date(1900, 2, 5), dt.date(2000, 12, 31), dt.date.max]
    assert [last_of_month(day).day for day in days] == [29, 28, 28, 31, 31]
