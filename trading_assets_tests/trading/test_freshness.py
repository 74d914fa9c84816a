"""What is said of a sheet's age: by hand, on a winter's day of New York."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from trading_assets.trading.freshness import freshness
from trading_assets.trading.tables import ORDER_SHEETS, SUBMISSIONS
from trading_assets_tests.conftest import command_line
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


@pytest.mark.slow
def test_a_sheet_of_new_bars_alone_is_that_of_a_whole_run(
    paper: Experiment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two copies of a home live the same day, one by `run`, one by `orders --update`: the same sheets, and sent."""
    paper.open()
    paper.until("2017-07-14")
    folder = tmp_path_factory.mktemp("whole")
    shutil.copytree(paper.folder, folder, dirs_exist_ok=True)
    homes = (paper, Experiment(folder))
    for home, words in zip(homes, (("orders", "--update"), ("run",)), strict=True):
        done = command_line(Path(home.folder) / "config.yaml", Path(home.folder) / "data", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert words == ("run",) or "verdict" in done.stderr
    updated, whole = (home.warehouse.read(ORDER_SHEETS) for home in homes)
    assert updated.height > 0
    assert updated.equals(whole)
    sent = [home.warehouse.read(SUBMISSIONS).drop("recorded_at") for home in homes]
    assert sent[0].equals(sent[1])
