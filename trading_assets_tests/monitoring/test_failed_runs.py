"""A failed run is told once, whoever notices it first, and its rule says when it is over."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

from trading_assets.monitoring.failed_runs import alert_of_failed_run
from trading_assets.monitoring.look import look_and_tell
from trading_assets.monitoring.rules.situation import RunFact
from trading_assets.monitoring.tables import ALERTS
from trading_assets_tests.monitoring.rules.situations import NOW
from trading_assets_tests.monitoring.test_look import watched

LATER = dt.timedelta(minutes=1)


def test_the_rule_tells_no_second_time_and_resolves_what_was_raised(tmp_path: Path) -> None:
    failed = RunFact("r1", "daily_update", "FAILURE")
    now = watched(tmp_path, (failed,))
    row = alert_of_failed_run(
        now.configuration, job="daily_update", run_id="r1", message="its process is gone", now=NOW
    )
    now.warehouse.append(ALERTS, row)
    assert (
        row["message"].item()
        == f"its process is gone [{row['alert_id'].item()}; what to do: docs/runbooks/run_failed.md]"
    )
    assert look_and_tell(replace(now, now=NOW + LATER)).events.is_empty()
    well = replace(now, now=NOW + 2 * LATER, runs=(RunFact("r2", "daily_update", "SUCCESS"), failed))
    [over] = look_and_tell(well).events.to_dicts()
    assert (over["state"], over["subject"], over["alert_id"]) == ("resolved", "daily_update", row["alert_id"].item())


def test_a_rule_that_is_switched_off_tells_nothing_and_another_severity_is_its_own(tmp_path: Path) -> None:
    off = watched(tmp_path, run_failed={"enabled": False}).configuration
    said: dict[str, Any] = {"job": "daily_update", "run_id": "r1", "message": "no", "now": NOW}
    assert alert_of_failed_run(off, **said).is_empty()
    mild = watched(tmp_path, run_failed={"severity": "warning"}).configuration
    alerts = mild.alerts.model_copy(update={"quiet_hours": ("11:00", "13:00")})
    [row] = alert_of_failed_run(mild.model_copy(update={"alerts": alerts}), **said).to_dicts()
    assert (row["severity"], row["told"]) == ("warning", False), "it is noon, and quiet"
