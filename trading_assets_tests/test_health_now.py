"""How a configuration is now, after a whole run: every asset on record, nothing to tell, a page beside the report."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from trading_assets.config import load_configuration
from trading_assets.health_now import health_now, look_now, metrics_now, write_page
from trading_assets.monitoring.health import is_well
from trading_assets.monitoring.tables import ALERTS
from trading_assets_tests.conftest import TINY, Experiment


@pytest.mark.slow
def test_a_run_without_trouble_is_well_and_raises_nothing(tiny: Experiment) -> None:
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    items = health_now(tiny.configuration, now)
    assert is_well(items)
    page = write_page(tiny.configuration, now, items)
    text = page.read_text()
    page.unlink()  # the run is shared with tests that look at its folder
    assert "something is wrong" not in text
    before = tiny.warehouse.read_or_empty(ALERTS)
    assert look_now(tiny.configuration, now).events.is_empty()
    assert tiny.warehouse.read_or_empty(ALERTS).equals(before)


@pytest.mark.slow
def test_health_is_exposed_though_the_warehouse_cannot_be_read(tmp_path: Path) -> None:
    configuration = load_configuration(TINY, tmp_path)
    configuration.home.mkdir()
    configuration.warehouse_path.write_bytes(b"no database")
    text = metrics_now(configuration, dt.datetime(2026, 1, 3))
    assert 'trading_assets_health{configuration="tiny",item="warehouse"} 2.0' in text
    assert 'trading_assets_looked_at_seconds{configuration="tiny"} 1767398400.0' in text
