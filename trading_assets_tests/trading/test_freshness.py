"""What is said of a sheet's age: by hand, on a winter's day of New York."""

from __future__ import annotations

import datetime as dt
import os

import polars as pl

from trading_assets.trading.freshness import freshness
from trading_assets_tests.trading.experiment import Experiment


def test_a_sheet_says_when_it_was_made_and_how_long_it_is_until_its_open(paper: Experiment) -> None:
    """Made on Friday evening for Monday, 4 December 2017, 14:30 UTC; New York opens at 9:30, in winter 14:30 UTC."""
    paper.open()
    sheet = pl.DataFrame(
        {"account": "known-1", "session": dt.date(2017, 12, 1), "for_session": dt.date(2017, 12, 4), "symbol": "AAA"}
    )
    monday = dt.datetime(2017, 12, 4, 13, 0)
    of = "known-1: sheet of the close of 2017-12-01"
    to = "for the open of XNYS on 2017-12-04 at 14:30 UTC, which"
    assert freshness(paper.configuration, sheet, monday) == [
        f"{of}, made by nobody knows when, {to} opens in 1 h 30 min"
    ]
    path = paper.configuration.home / "orders" / "known-1-2017-12-01.csv"
    path.parent.mkdir()
    path.write_text("")
    at = dt.datetime(2017, 12, 1, 22, 15, tzinfo=dt.UTC).timestamp()
    os.utime(path, (at, at))
    later = monday + dt.timedelta(days=2)
    assert freshness(paper.configuration, sheet, later) == [
        f"{of}, made at 2017-12-01 22:15 UTC, {to} opened 1 d 22 h ago"
    ]
    assert freshness(paper.configuration, sheet.clear(), later) == []
