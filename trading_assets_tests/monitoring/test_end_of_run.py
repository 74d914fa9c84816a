"""What is on record once the steps of a run have ended, failed ones included."""

from __future__ import annotations

from pathlib import Path

from trading_assets.asset_factories.step_metering import metered
from trading_assets.config import Configuration
from trading_assets.monitoring.end_of_run import after_steps
from trading_assets.monitoring.tables import ALERTS, RUN_METRICS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.monitoring.test_assets import configuration

__all__ = ["configuration"]


def test_figures_of_steps_are_on_record(configuration: Configuration, tmp_path: Path) -> None:
    warehouse = Warehouse(configuration.warehouse_path)
    warehouse.append(ALERTS, ALERTS.empty())
    with metered(warehouse.path, "r", "features/daily", None):
        pass
    after_steps(configuration)
    assert warehouse.read(RUN_METRICS)["step"].to_list() == ["features/daily"]
