"""The asset on a whole experiment: no alarm at a clean broker, an alarm on record, a promise that nobody edits."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.backtests.tables import EQUITY as OF_HOLDOUT
from trading_assets.protocol import Protocol
from trading_assets.trading.divergence.alarms_on_record import put_alarms_on_record
from trading_assets.trading.divergence.tables import DIVERGENCE, SLIPPAGE, STATISTICS
from trading_assets.trading.rollout.moves import back
from trading_assets.trading.tables import DIFFERENCES, EQUITY, FILLS
from trading_assets_tests.robustness import pipeline
from trading_assets_tests.robustness.pipeline import checks_of
from trading_assets_tests.trading.experiment import OPENED, STRATEGY, Experiment

KEY = f"trading/divergence/{STRATEGY}"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def traded(finished: pipeline.Experiment, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    folder = tmp_path_factory.mktemp("divergence")
    finished.copy_to(folder)
    experiment = Experiment(folder)
    experiment.open()
    experiment.until("2017-08-18")
    assert experiment.run().success
    done = experiment.trade()
    assert done.success
    assert checks_of(done, "as_promised") == {KEY: True}
    return experiment


def test_at_a_clean_broker_nothing_diverges(traded: Experiment) -> None:
    rows, equity = traded.warehouse.read(DIVERGENCE), traded.warehouse.read(EQUITY)
    assert rows.height == equity.height * len(STATISTICS)
    assert not rows["alarm"].any()
    assert {*rows["label"]} == {*equity["label"]}
    live = rows.filter(statistic="live_equity").sort("session")["value"]
    assert live.equals(equity.sort("session")["equity"].alias("value"))
    assert rows.filter(statistic="tracking_difference")["value"].abs().max() == 0.0
    assert rows.filter(statistic="sharpe_wealth")["value"].null_count() == 0
    slippage = traded.warehouse.read(SLIPPAGE)
    assert slippage.height == traded.warehouse.read(FILLS).height > 0
    assert (slippage["paid_bps"] >= 0).all()
    assert (slippage["modelled_bps"] > 0).all()


def test_an_alarm_on_record_warns_and_stays_in_the_table(traded: Experiment, tmp_path: Path) -> None:
    """It is put there as a run puts it; the next run, whose numbers are fine, says so, and stops nothing."""
    shutil.copytree(traded.folder, tmp_path, dirs_exist_ok=True)
    copied = Experiment(tmp_path)
    since = dt.date(2017, 8, 1)
    row = copied.warehouse.read(DIVERGENCE).filter(statistic="live_wealth", session=since)
    alarm = row.with_columns(alarm=pl.lit(value=True), value=pl.lit(101.0))
    put_alarms_on_record(Protocol.of(copied.configuration), STRATEGY, alarm, OPENED)
    done = copied.trade()
    assert done.success
    assert checks_of(done, "as_promised") == {KEY: False}
    found = copied.warehouse.read(DIVERGENCE).filter(statistic="live_wealth").sort("session")
    assert found.filter("alarm")["session"].to_list() == [day for day in found["session"] if day >= since]
    with duckdb.connect(str(copied.configuration.warehouse_path)) as connection:
        connection.execute(f"UPDATE {FILLS.name} SET price = price * 0.999 WHERE side = 'buy'").fetchall()
    assert copied.trade().success
    assert copied.warehouse.read(DIFFERENCES)["kind"].to_list() == ["revision"], "edited fills have their name"
    with duckdb.connect(str(copied.configuration.warehouse_path)) as connection:
        connection.execute(f"UPDATE {OF_HOLDOUT.name} SET daily_return = -0.09 WHERE split = 'holdout'").fetchall()
    done = copied.trade()
    failed = [event.step_key for event in done.all_events if event.event_type_value == "STEP_FAILURE"]
    assert failed == [f"trading__divergence__{STRATEGY}"], "the promise was edited"


def test_in_shadow_the_broker_is_not_held_to_what_is_withheld(paper: Experiment) -> None:
    """Nothing is sent, and the engine gains and loses: what the rollout withholds is no divergence."""
    paper.open()
    at = OPENED + dt.timedelta(hours=1)
    back(paper.warehouse, paper.configuration, f"strategy/{STRATEGY}", to="shadow", by="ops", reason="why", now=at)
    paper.until("2017-08-18")
    assert paper.run().success
    done = paper.trade()
    assert done.success
    assert checks_of(done, "as_promised") == {KEY: True}
    warehouse = paper.warehouse
    rows, equity = warehouse.read(DIVERGENCE), warehouse.read(EQUITY).sort("session")
    assert equity["equity"].n_unique() > 20
    assert warehouse.read_or_empty(FILLS).is_empty()
    live = rows.filter(statistic="live_equity").sort("session")["value"]
    assert live.equals(equity["equity"].alias("value"))
    assert rows.filter(statistic="live_wealth")["observations"].max() == 0
