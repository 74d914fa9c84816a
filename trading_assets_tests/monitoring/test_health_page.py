"""The page of the health: what is on it, and that a reader never has half of it."""

from __future__ import annotations

from pathlib import Path

from trading_assets.monitoring.health import HealthItem
from trading_assets.monitoring.health_page import PAGE, health_page, write_health_page
from trading_assets.monitoring.look import listed, look_and_tell
from trading_assets.monitoring.rules.situation import RunFact
from trading_assets.monitoring.run_metrics import totals_by_run
from trading_assets.monitoring.tables import ALERTS, RUN_METRICS
from trading_assets_tests.monitoring.rules.situations import NOW, situation


def test_items_alerts_and_runs_are_on_the_page(tmp_path: Path) -> None:
    now = situation(tmp_path, runs=[RunFact("r", "daily_update", "FAILURE")])
    look_and_tell(now)
    alerts = listed(now.configuration, now.warehouse.read(ALERTS))
    items = [HealthItem("disk", "ok", "<b>50 GiB</b>"), HealthItem("last run", "error", "failed")]
    runs = totals_by_run(RUN_METRICS.empty())
    text = health_page("watched", NOW, items, alerts, runs)
    assert "something is wrong, by a look at 2026-11-30 12:00 UTC" in text
    assert "&lt;b&gt;50 GiB" in text and "docs/runbooks/run_failed.md" in text and "Last runs" not in text
    path = write_health_page(now.configuration, text)
    assert path == now.configuration.home / "reports" / PAGE and path.read_text() == text
    assert [each.name for each in path.parent.iterdir()] == [PAGE]
    assert "everything is well" in health_page("watched", NOW, items[:1], alerts.clear(), runs)
