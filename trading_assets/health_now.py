"""How a configuration is now: by its warehouse, its disk, and Dagster's record of its runs and its daemon."""

from __future__ import annotations

import datetime as dt
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
from trading_assets.terminal_run import dagster_instance
from trading_assets.warehouse import Warehouse


def health_now(configuration: Configuration, now: dt.datetime) -> Sequence[HealthItem]:
    """Return every item of the health at a moment, UTC."""
    graph = build_definitions(configuration).resolve_asset_graph()
    with dagster_instance(configuration) as instance:
        situation = situation_of(configuration, instance, now, ())
        daemon = daemon_of(instance)
    assets = sorted("/".join(key.path) for key in graph.executable_asset_keys)
    return health_of(situation, assets, daemon)


def look_now(configuration: Configuration, now: dt.datetime) -> Looked:
    """Ask the rules at a moment, UTC, as the daemon does; no run is made again."""
    graph = build_definitions(configuration).resolve_asset_graph()
    with dagster_instance(configuration) as instance:
        return look_and_tell(situation_of(configuration, instance, now, graph.asset_check_keys))


def metrics_now(configuration: Configuration, now: dt.datetime) -> str:
    """Return steps, health and alerts at a moment, UTC, in the text format of Prometheus."""
    items, warehouse = health_now(configuration, now), Warehouse(configuration.warehouse_path)
    alerts = listed(configuration, warehouse.read_or_empty(ALERTS))
    return exposition(configuration.name, warehouse.read_or_empty(RUN_METRICS), items, alerts)


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
