"""What is put on record once the steps of a process have ended, however they ended."""

from __future__ import annotations

from contextlib import suppress

from trading_assets.config import Configuration
from trading_assets.monitoring.business_events import record_events
from trading_assets.monitoring.run_metrics import collect
from trading_assets.monitoring.traces import send_traces
from trading_assets.warehouse import Warehouse, WarehouseError

#: Seconds that the end of a run waits for whoever has the warehouse.
_PATIENCE = 2.0


def after_steps(configuration: Configuration) -> None:
    """Put the figures of the steps on record, and what they have made anew into the log."""
    metrics = collect(configuration.warehouse_path)
    if metrics.height and configuration.logs.to != "off":
        with suppress(WarehouseError):
            record_events(Warehouse(configuration.warehouse_path, wait_seconds=_PATIENCE), metrics)
    if metrics.height and configuration.logs.traces:
        send_traces(configuration.name, metrics)
