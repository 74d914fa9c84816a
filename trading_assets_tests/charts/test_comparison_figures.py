"""Curves of two runs beside each other."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.charts import ratio_of_curves, two_curves

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=number) for number in range(3)]
ONE = pl.DataFrame({"session": DAYS, "equity": [100.0, 110.0, 100.0]})
TWO = pl.DataFrame({"session": DAYS[1:], "equity": [121.0, 90.0]})


def test_both_curves_are_drawn_under_their_names() -> None:
    figure = two_curves(ONE, TWO, ("before", "after"))
    assert [(trace.name, len(trace.x)) for trace in figure.data] == [("before", 3), ("after", 2)]


def test_the_second_is_ahead_by_the_ratio_of_the_two_on_common_sessions() -> None:
    """121 / 110 - 1 is 10 %, 90 / 100 - 1 is -10 %."""
    figure = ratio_of_curves(ONE, TWO, ("before", "after"))
    assert list(figure.data[0].y) == pytest.approx([0.1, -0.1])
    assert figure.layout.title.text == "How far after is ahead of before"
