"""A year on a fast clock: one alarm is one event and one retraining, and who is traded follows from what was known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest

from trading_assets.asset_factories import table_asset
from trading_assets_tests.benchmarks.fast_clock import FastClock, ticks_of
from trading_assets_tests.benchmarks.watched_market import PARTS, YEAR, market, part_of
from trading_assets_tests.benchmarks.watched_year import EVENTS, WatchedYear, of_the_year, parts_of, table_of


def test_ticks_follow_the_expressions() -> None:
    """Of the week from Monday, 28 November 2016: five closes, of which Friday's is the fifth, and Saturday morning."""
    closes = ticks_of(["30 22 * * 1-5"], dt.date(2016, 11, 28), dt.date(2016, 12, 4))
    assert [tick.day for tick in closes] == [28, 29, 30, 1, 2]
    assert {(tick.hour, tick.minute) for tick in closes} == {(22, 30)}
    assert ticks_of(["0 6 * * 6"], dt.date(2016, 11, 28), dt.date(2016, 12, 4)) == [
        dt.datetime(2016, 12, 3, 6, tzinfo=dt.UTC)
    ]
    assert [tick.day for tick in ticks_of(["10 0 * * *"], dt.date(2016, 12, 3), dt.date(2016, 12, 5))] == [3, 4, 5]
    assert [tick.day for tick in ticks_of(["0 0 * * 0,2-3"], dt.date(2016, 12, 4), dt.date(2016, 12, 10))] == [4, 6, 7]


def test_a_step_is_told_the_time_of_the_clock_and_then_that_of_the_machine() -> None:
    clock = FastClock(dt.datetime(2016, 12, 3, 6, tzinfo=dt.UTC))
    with clock.running():
        told = vars(table_asset)["dt"]
        assert told.datetime.now(dt.UTC) == clock.moment
        clock.moment += dt.timedelta(days=1)
        assert told.datetime.now(dt.UTC).day == 4
        assert told.date(2016, 12, 3) == dt.date(2016, 12, 3)
    assert vars(table_asset)["dt"] is dt


def test_what_a_past_return_tells_is_the_other_side_while_the_edge_is_broken() -> None:
    """Correlation of the last twenty sessions' return with the next one's, over all stocks, part by part."""
    bars = market().filter(pl.col("symbol") != "IDX").sort("symbol", "session")
    log = pl.col("close").log()
    rows = bars.with_columns(
        past=(log - log.shift(20)).over("symbol"), next=(log.shift(-1) - log).over("symbol")
    ).drop_nulls(["past", "next"])
    found = {}
    for name, start in PARTS:
        own = rows.filter(pl.col("session") > start + dt.timedelta(days=40))
        own = own.filter(pl.col("session").map_elements(part_of, pl.String) == name)
        found[name] = float(np.corrcoef(own["past"], own["next"])[0, 1])
    assert found["edge"] > 0.1
    assert found["return"] > 0.1
    assert found["break"] < -0.1


def test_the_page_has_the_year_and_leaves_out_what_changed_nothing() -> None:
    at = dt.datetime(2016, 12, 1, 22, 30)
    events = [
        (at, YEAR - dt.timedelta(days=1), "champion", "dull", "configuration"),
        (at, YEAR, "alarm", "loss_drift", "loss_drift-7"),
        (at, YEAR, "retrain", "weekly_retrain", "nothing"),
        (at, YEAR, "retrain", "loss_drift", "6 tables"),
        (at, YEAR, "champion", "keen", "test: stays champion: no candidate was better"),
        (at, YEAR, "train", "keen", "fold 22"),
    ]
    rows = of_the_year(pl.DataFrame(events, schema=EVENTS, orient="row"))
    assert table_of(rows)[2:] == [
        f"| {YEAR} | alarm | `loss_drift` | loss_drift-7 |",
        f"| {YEAR} | retrain | `loss_drift` | 6 tables |",
    ]


def test_parts_of_the_picture_end_where_it_does() -> None:
    (_, _), (_, broken), (_, again) = PARTS
    assert parts_of(again).rows() == [("edge", YEAR, broken), ("break", broken, again)]
    assert parts_of(dt.date(2017, 9, 29))["name"].to_list() == ["edge", "break", "return"]
    assert parts_of(dt.date(2016, 11, 1)).rows() == [("edge", YEAR, dt.date(2016, 11, 1))]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pl.DataFrame]:
    with dg.DagsterInstance.ephemeral() as instance:
        year = WatchedYear(Path(tmp_path_factory.mktemp("year")), instance)
        year.live(250)
        yield of_the_year(pl.DataFrame(year.events, schema=EVENTS, orient="row"))


@pytest.mark.acceptance
def test_no_run_of_the_year_fails(lived: pl.DataFrame) -> None:
    assert lived.filter(event="failed").rows() == []


@pytest.mark.acceptance
def test_one_alarm_is_one_event_and_one_retraining(lived: pl.DataFrame) -> None:
    alarms, retrained = lived.filter(event="alarm"), lived.filter(event="retrain")
    assert alarms.height == retrained.height > 0
    assert alarms["detail"].n_unique() == alarms.height
    assert alarms["at"].to_list() == retrained["at"].to_list()


@pytest.mark.acceptance
def test_the_break_is_seen_and_the_model_is_taken_back_on_that_day(lived: pl.DataFrame) -> None:
    (_, _), (_, broken), (_, again) = PARTS
    losses = lived.filter(event="alarm", subject="loss_drift")["session"].to_list()
    assert broken < losses[0] < again
    back = lived.filter(event="taken back").row(0, named=True)
    assert (back["session"], back["subject"]) == (losses[0], "keen")
    following = lived.filter(pl.col("event") == "champion", pl.col("session") > back["session"]).row(0, named=True)
    assert following["subject"] == "dull"
    assert "the losses of keen are in alarm" in following["detail"]
