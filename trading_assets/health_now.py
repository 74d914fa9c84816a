"""How a configuration is now: by its warehouse, its disk, and Dagster's record of its runs and its daemon."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from pathlib import Path

from trading_assets.config import Configuration
from trading_assets.definitions import build_definitions
from trading_assets.monitoring.automation import daemon_of, situation_of
from trading_assets.monitoring.exposition import exposition
from trading_assets.monitoring.health import HealthItem, health_of
from trading_assets.monitoring.health_page import health_page, write_health_page
from trading_assets.monitoring.look import Looked, listed, look_and_tell
from trading_assets.monitoring.run_metrics import totals_by_run
from trading_assets.monitoring.tables import ALERTS, RUN_METRICS
from trading_assets.runs.ended import run_state
from trading_assets.terminal_run import dagster_instance
from trading_assets.warehouse import Warehouse, WarehouseError

LOGGER = logging.getLogger(__name__)
#: Seconds that a look waits for who writes.
_PATIENCE = 2.0


def health_now(configuration: Configuration, now: dt.datetime) -> Sequence[HealthItem]:
    """Return every item of the health at a moment, UTC."""
    repository = build_definitions(configuration).get_repository_def()
    with dagster_instance(configuration) as instance:
        situation = situation_of(configuration, instance, now, jobs=repository.job_names)
        daemon = daemon_of(instance)
    assets = sorted("/".join(key.path) for key in repository.asset_graph.executable_asset_keys)
    return health_of(situation, assets, daemon)


def look_now(configuration: Configuration, now: dt.datetime) -> Looked:
    """Ask the rules at a moment, UTC, as the daemon does; no run is made again."""
    repository = build_definitions(configuration).get_repository_def()
    with dagster_instance(configuration) as instance:
        checks, jobs = repository.asset_graph.asset_check_keys, repository.job_names
        return look_and_tell(situation_of(configuration, instance, now, checks, jobs, run_state))


def metrics_now(configuration: Configuration, now: dt.datetime) -> str:
    """Return steps, health and alerts at a moment, UTC, in the text format of Prometheus.

    Of a warehouse that cannot be read the health says so: steps and alerts are left out, the time of the look is not.
    """
    items, warehouse = health_now(configuration, now), Warehouse(configuration.warehouse_path, wait_seconds=_PATIENCE)
    metrics, alerts = RUN_METRICS.empty(), listed(configuration, ALERTS.empty())
    try:
        alerts = listed(configuration, warehouse.read_or_empty(ALERTS))
        metrics = warehouse.read_or_empty(RUN_METRICS)
    except WarehouseError as error:
        LOGGER.warning("%s", error)
    return exposition(configuration.name, metrics, items, alerts, now)


def write_page(configuration: Configuration, now: dt.datetime, items: Sequence[HealthItem]) -> Path:
    """Write the page of the health beside the report, and return its path.

    Parameters
    ----------
    configuration, now
        Configuration, and when it was looked at, UTC.
    items
        What `health_now` returned.
    """
    warehouse = Warehouse(configuration.warehouse_path)
    alerts = listed(configuration, warehouse.read_or_empty(ALERTS))
    runs = totals_by_run(warehouse.read_or_empty(RUN_METRICS))
    return write_health_page(configuration, health_page(configuration.name, now, items, alerts, runs))
