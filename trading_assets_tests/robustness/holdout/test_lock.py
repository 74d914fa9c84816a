from __future__ import annotations

import datetime as dt

import pytest

from trading_assets.config.sections import Interval
from trading_assets.robustness.holdout.lock import NoHoldoutError, holdout, is_over

LOCKED = Interval(start=dt.date(2024, 1, 2), end=dt.date(2024, 3, 31))


def test_the_locked_span_is_the_holdout_or_an_error_that_names_the_key() -> None:
    assert holdout({"train": LOCKED, "holdout": LOCKED}) == LOCKED
    with pytest.raises(NoHoldoutError, match=r"key: splits\.holdout"):
        holdout({"train": LOCKED})


def test_a_holdout_that_ends_on_a_holiday_is_over_with_its_last_session() -> None:
    """31 March 2024 is Easter Sunday and the 29th Good Friday: the last session of New York is Thursday the 28th."""
    thursday = dt.date(2024, 3, 28)
    assert is_over(LOCKED, thursday, ["XNYS"])
    assert not is_over(LOCKED, thursday - dt.timedelta(days=1), ["XNYS"])
    assert not is_over(LOCKED, thursday, ["XNYS", "24/7"])
    assert is_over(LOCKED, LOCKED.end, ["24/7"])


@pytest.mark.parametrize(
    ("end", "last", "calendars", "over"),
    [
        ("2017-12-31", "2017-12-29", ["XNYS"], True),  # the year ends on a Sunday
        ("2017-12-31", "2017-12-29", ["XNYS", "24/7"], False),
        ("2017-12-31", "2017-12-31", ["24/7"], True),
        ("2017-12-31", "2017-12-28", ["XNYS"], False),
        ("2018-01-01", "2017-12-29", ["XNYS"], True),  # and the next begins with a holiday
        ("2018-01-02", "2017-12-29", ["XNYS"], False),
    ],
)
def test_a_span_is_over_once_no_session_of_it_is_to_come(end: str, last: str, calendars: list[str], over: bool) -> None:
    locked = Interval(start=dt.date(2017, 1, 1), end=dt.date.fromisoformat(end))
    assert is_over(locked, dt.date.fromisoformat(last), calendars) is over
