"""What cash earned, by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.backtests.inputs.risk_free import accrued

WEEK = [dt.date(2024, 1, day) for day in (3, 4, 5, 8, 9)]  # Wednesday to Friday, Monday, Tuesday


def test_interest_runs_over_calendar_days_at_the_rate_published_before_the_evening() -> None:
    """Wednesday's rate is out on Thursday: it is earned from Thursday's evening on, three days over the weekend."""
    rates = pl.DataFrame({"session": [dt.date(2024, 1, 1), dt.date(2024, 1, 3)], "rate": [0.036, 0.072]})
    expected = [0.0, 0.036 / 360, 0.072 / 360, 0.072 * 3 / 360, 0.072 / 360]
    assert accrued(WEEK, rates).tolist() == pytest.approx(expected)


def test_nothing_is_earned_before_the_first_rate_and_without_one() -> None:
    late = pl.DataFrame({"session": [dt.date(2024, 1, 5)], "rate": [0.036]})
    assert accrued(WEEK, late).tolist() == pytest.approx([0, 0, 0, 0, 0.036 / 360])
    assert accrued(WEEK, late.clear()).tolist() == [0.0] * 5


def test_what_is_published_later_changes_nothing() -> None:
    rates = pl.DataFrame({"session": [dt.date(2024, 1, 1)], "rate": [0.036]})
    more = pl.concat([rates, pl.DataFrame({"session": [dt.date(2024, 1, 8)], "rate": [0.9]})])
    assert accrued(WEEK, more)[:5].tolist() == accrued(WEEK, rates)[:5].tolist()
