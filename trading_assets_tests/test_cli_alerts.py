"""`trading-assets alerts` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

from trading_assets.monitoring.alerts import alert
from trading_assets.monitoring.tables import ALERTS
from trading_assets_tests.conftest import TINY, called
from trading_assets_tests.loaded import loaded
from trading_assets_tests.monitoring.rules.situations import NOW


def test_an_alert_is_listed_acknowledged_and_refused_without_a_reason(tmp_path: Path) -> None:
    from trading_assets.warehouse import Warehouse

    warehouse = Warehouse(loaded(TINY, tmp_path).warehouse_path)
    assert called(TINY, tmp_path, "alerts", "list").stdout == "no alert is open\n"
    of = {"rule": "disk", "subject": "data folder", "state": "raised", "told": True, "alert_id": "0badcafe"}
    said = "0.1 GiB are free [0badcafe; what to do: docs/runbooks/disk.md]"
    warehouse.append(ALERTS, alert(raised_at=NOW, severity="error", source="rule disk", message=said, **of))  # type: ignore[arg-type]
    [row] = json.loads(called(TINY, tmp_path, "alerts", "list", "--format", "json").stdout)
    assert (row["alert_id"], row["acknowledged"], row["message"]) == ("0badcafe", False, "0.1 GiB are free")
    assert row["what_to_do"] == "docs/runbooks/disk.md"
    refused = called(TINY, tmp_path, "alerts", "acknowledge", "0badcafe", "--reason", " ")
    assert refused.returncode == 2 and "--reason" in refused.stderr
    unknown = called(TINY, tmp_path, "alerts", "acknowledge", "12345678", "--reason", "x")
    assert unknown.returncode == 2 and "0badcafe" in unknown.stderr
    done = called(TINY, tmp_path, "alerts", "acknowledge", "0badcafe", "--reason", "cleaning", "--by", "ann")
    assert (done.returncode, done.stdout) == (0, "disk, data folder: on record\n")
    [row] = json.loads(called(TINY, tmp_path, "alerts", "list", "--format", "json").stdout)
    assert row["acknowledged"] is True
    told = json.loads(called(TINY, tmp_path, "alerts", "list", "--all", "--format", "json").stdout)
    assert [(each["state"], each["by"]) for each in told] == [("raised", None), ("acknowledged", "ann")]
