"""What is read of a run: its longest open one, and nothing that came after it."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.analytics.factor_returns import FEATURES
from trading_assets.analytics.run_inputs import read_run, round_trips
from trading_assets.market_data.tables import BARS
from trading_assets_tests.robustness.pipeline import Experiment

HOLDOUT = dt.date(2016, 12, 16)


def test_a_closed_holdout_is_not_read(finished: Experiment) -> None:
    run = read_run(finished.warehouse, finished.configuration, "unknown", FEATURES)
    assert run.equity["split"].unique().to_list() == ["development"]
    assert finished.warehouse.read(BARS)["session"].max() > HOLDOUT  # type: ignore[operator]
    for rows in (run.bars, run.indicators, run.features, run.fills, run.scores, run.entries, run.regimes):
        assert (rows["session"] <= run.last_session).all()
    assert run.last_session < HOLDOUT
    assert run.instruments["last_session"].drop_nulls().max() == run.last_session


def test_an_opened_holdout_is_part_of_the_run(finished: Experiment) -> None:
    run = read_run(finished.warehouse, finished.configuration, "known", FEATURES)
    assert run.equity["split"].unique().to_list() == ["full"]
    assert run.last_session > HOLDOUT
    assert run.symbols == ["AAA", "BBB", "CCC", "DDD"]
    assert run.calendars == ["XNYS"]
    assert 0 < run.capacity < 1


def test_round_trips_have_the_triggers_of_their_trades(finished: Experiment) -> None:
    run = read_run(finished.warehouse, finished.configuration, "known", FEATURES)
    trips = round_trips(run)
    over = trips.join(run.trades.select("trade_id", "side", "trigger", "exit_reason"), on="trade_id", suffix="_told")
    assert over.height == run.trades.height > 0
    for name in ("side", "trigger", "exit_reason"):
        assert over[name].equals(over[f"{name}_told"], check_names=False)
    is_open = trips.filter(pl.col("exit_reason").is_null())
    assert set(is_open["trade_id"]) == set(run.open_positions["trade_id"].drop_nulls())
