from __future__ import annotations

import datetime as dt

from trading_assets.warehouse.slices import Rows, Sessions, Whole

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
