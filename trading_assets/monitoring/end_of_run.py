"""What is put on record once the steps of a process have ended, however they ended."""

from __future__ import annotations

from trading_assets.config import Configuration
from trading_assets.monitoring.run_metrics import collect


def after_steps(configuration: Configuration) -> None:
    """Put the figures of the steps on record."""
    collect(configuration.warehouse_path)
