"""Situations by hand: a configuration without data, at noon of 30 November 2026, a Monday."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from trading_assets.config import Configuration
from trading_assets.monitoring.rules.situation import Situation
from trading_assets.warehouse import Warehouse

NOW = dt.datetime(2026, 11, 30, 12, 0)


def configured(folder: Path, **keys: Any) -> Configuration:
    """A configuration of one strategy."""
    values = {
        "name": "watched",
        "start": "2018-01-01",
        "market_data": [{"source": "synthetic", "asset_class": "equity"}],
        "strategies": {"momentum": {"type": "equity_momentum"}},
        "data": folder,
    }
    return Configuration.model_validate({**values, **keys})


def situation(folder: Path, now: dt.datetime = NOW, keys: dict[str, Any] | None = None, **more: Any) -> Situation:
    """How things are at a moment, in a folder."""
    configuration = configured(folder, **keys or {})
    return Situation(configuration, Warehouse(configuration.warehouse_path), now, **more)
