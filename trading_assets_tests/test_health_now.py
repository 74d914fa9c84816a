"""How a configuration is now, after a whole run: every asset on record, nothing to tell, a page beside the report."""

from __future__ import annotations

import datetime as dt

import pytest

from trading_assets.health_now import health_now, look_now, write_page
from trading_assets.monitoring.health import is_well
from trading_assets.monitoring.tables import ALERTS
from trading_assets_tests.conftest import Experiment


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
