"""The drift asset and its check on a real warehouse."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.features.catalog import FEATURES
from trading_assets.features.tables import DAILY
from trading_assets.market_data.tables import INSTRUMENTS
from trading_assets.models.tables import SPLITS
from trading_assets.monitoring.assets import build_assets, monitored
from trading_assets.monitoring.checks import build_checks
from trading_assets.monitoring.tables import DRIFT
from trading_assets.warehouse import Warehouse, Whole

START = dt.date(2018, 1, 1)
MONITORED = monitored(FEATURES)
SESSIONS, TRAIN = 200, 120


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    values = {
        "name": "drift_only",
        "start": "2018-01-01",
        "market_data": [{"source": "synthetic", "asset_class": "equity"}],
        "strategies": {"momentum": {"type": "equity_momentum"}},
        "monitoring": {"window_sessions": 40},
        "data": tmp_path,
    }
    return Configuration.model_validate(values)


def filled(configuration: Configuration, shift: float) -> Warehouse:
    warehouse = Warehouse(configuration.warehouse_path)
    rng = np.random.default_rng(1)
    days = [START + dt.timedelta(days=day) for day in range(SESSIONS)]
    symbols = ["AAA", "BBB", "IDX"]
    rows = [
        pl.DataFrame({name: rng.normal(size=SESSIONS) for name in MONITORED}).with_columns(
            symbol=pl.lit(symbol), session=pl.Series(days), weekday_sin=pl.lit(0.0)
        )
        for symbol in symbols
    ]
    late = pl.col("session") > days[TRAIN - 1]
    moved = [pl.when(late).then(pl.col(name) + shift).otherwise(pl.col(name)).alias(name) for name in MONITORED[:40]]
    splits = [
        ("train", days[0], days[TRAIN - 1]),
        ("validation", days[TRAIN], days[150]),
        ("holdout", days[151], days[-1]),
    ]
    warehouse.replace(Whole(), {DAILY: pl.concat(rows).with_columns(moved).sort("symbol", "session")})
    warehouse.replace(
        Whole(),
        {
            SPLITS: pl.DataFrame(splits, schema=["split", "start", "end"], orient="row").with_columns(
                proportion=pl.lit(None, pl.Float64), warm_up_sessions=pl.lit(0)
            ),
            INSTRUMENTS: pl.DataFrame(
                {
                    "symbol": symbols,
                    "asset_class": ["equity", "equity", "index"],
                    "calendar": "XNYS",
                    "source": "synthetic",
                    "first_session": START,
                    "last_session": days[-1],
                    "synthetic": True,
                    "in_universe": [True, True, False],
                }
            ),
        },
    )
    return warehouse


@pytest.mark.parametrize(("shift", "event"), [(0.0, False), (2.0, True)])
def test_drift(configuration: Configuration, shift: float, event: bool) -> None:
    warehouse = filled(configuration, shift)
    result = dg.materialize(
        [*build_assets(configuration), *build_checks(configuration)],
        instance=dg.DagsterInstance.ephemeral(),
        resources={"configuration": configuration, "warehouse": warehouse},
    )
    assert result.success  # drift asks a person to look, and stops nothing
    table = warehouse.read(DRIFT)
    assert table["feature"].to_list() == sorted(MONITORED)
    assert set(table["asset_class"]) == {"equity"}
    (event_record,) = result.asset_materializations_for_node("monitoring__drift")
    metadata = event_record.metadata
    assert metadata["drift_event"].value is event
    assert metadata["features_in_alarm"].value == int(table["alarm"].sum())
    assert metadata["window_end"].value == "2018-07-19"
    (check,) = [item for item in result.get_asset_check_evaluations() if item.check_name == "no_feature_drift"]
    assert check.passed is not event
    assert check.severity == dg.AssetCheckSeverity.WARN


def test_calendar_features_are_not_monitored() -> None:
    assert MONITORED
    assert not [name for name in MONITORED if name.startswith(("weekday", "month"))]
