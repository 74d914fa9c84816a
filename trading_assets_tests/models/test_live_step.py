"""The asset of live quality: closed holdouts are not looked at, open ones are."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from trading_assets.config.sections import Registration
from trading_assets.config.strategies import StrategySettings
from trading_assets.features.tables import DAILY
from trading_assets.models.tables import LIVE_QUALITY, LOSS_DRIFT, METRICS, PREDICTIONS
from trading_assets.strategies.ml import Parameters
from trading_assets.warehouse import Whole
from trading_assets_tests.models.panels import SETTINGS
from trading_assets_tests.models.test_assets import Project, project
from trading_assets_tests.narrow import as_date


def opened(made: Project) -> Project:
    """The same with a registered strategy that reads the model."""
    entry = {"learnt": Registration(registered_on=dt.date(2010, 11, 30), hypothesis="Nothing is planted here.")}
    reader = {"learnt": StrategySettings(type="ml", parameters=Parameters(model="week"))}
    changes = {"strategies": reader, "registration": entry}
    return replace(made, configuration=made.configuration.model_copy(update=changes))


@pytest.mark.slow
def test_a_model_is_watched_once_its_holdout_is_open_and_losing_its_edge_is_seen(tmp_path: Path) -> None:
    """In the holdout the signal is turned round: what it said came true before, and comes false from there on."""
    made, holdout = project(tmp_path, week=SETTINGS.model_dump()), dt.date(2010, 12, 1)
    assert made.materialise().success
    assert made.warehouse.read(LIVE_QUALITY).is_empty() and made.warehouse.read(LOSS_DRIFT).is_empty()

    turned = pl.when(pl.col("session") >= holdout).then(-pl.col("signal")).otherwise("signal").alias("signal")
    made.warehouse.replace(Whole(), {DAILY: made.warehouse.read(DAILY).with_columns(turned)})
    result = opened(made).materialise()
    assert result.success
    quality, drift = made.warehouse.read(LIVE_QUALITY), made.warehouse.read(LOSS_DRIFT)
    assert quality["start"].min() == holdout == drift["session"].min()
    promised = made.warehouse.read(METRICS, where="metric = 'auc'")["value"].mean()
    [auc] = quality.filter(metric="auc", window=0).select("value", "promised").rows()
    assert auc[1] == pytest.approx(promised) and auc[0] < 0.5 < auc[1]
    assert set(quality["version"]) == set(made.warehouse.read(PREDICTIONS)["version"])
    assert drift["alarm"].to_list()[-1] and not drift["alarm"].to_list()[0]
    assert (drift["known_on"] > drift["session"]).all()
    key = dg.AssetKey(["models", "live_quality"])
    [event] = [each for each in result.get_asset_materialization_events() if each.asset_key == key]
    metadata = event.materialization.metadata
    assert metadata["drift_event"].value is True
    above = as_date(drift.filter(pl.col("excess") > pl.col("threshold"))["known_on"].min())
    assert metadata["alarms"].value == f"week since {above}"
