"""An empty warehouse of the tiny configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import Configuration, load_configuration
from trading_assets.warehouse import Warehouse
from trading_assets_tests.conftest import TINY


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return load_configuration(TINY, tmp_path / "data")


@pytest.fixture
def warehouse(configuration: Configuration) -> Warehouse:
    return Warehouse(configuration.warehouse_path)
