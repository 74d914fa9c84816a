"""A look: on record, told once, answered once; nothing is written where nothing has changed."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trading_assets.config import ConfigurationError
from trading_assets.monitoring.alerts import alert
from trading_assets.monitoring.failed_runs import alert_of_failed_run
from trading_assets.monitoring.look import acknowledge, look_and_tell
from trading_assets.monitoring.rules.of_trading import limit_breached
from trading_assets.monitoring.rules.situation import CheckFact, RunFact, Situation
from trading_assets.monitoring.tables import ALERTS
from trading_assets.protocol import Protocol
from trading_assets.trading.divergence.alarms_on_record import put_alarms_on_record
from trading_assets.trading.divergence.tables import DIVERGENCE
from trading_assets.trading.rollout.stages import stage_now
from trading_assets.warehouse import Warehouse, WarehouseError
from trading_assets_tests.monitoring.rules.situations import NOW, situation
from trading_assets_tests.trading.opened_account import DAYS, STRATEGY, published

HOUR = dt.timedelta(hours=1)
#: A rule that finds what stands among the messages.
MINE = {"query": "SELECT message AS subject, message FROM monitoring.alerts WHERE source = 'sign'"}
DISK = {"enabled": False}


def watched(folder: Path, runs: tuple[RunFact, ...] = (), **rules: Any) -> Situation:
    now = situation(folder, keys={"alerts": {"rules": {"mine": MINE, "disk": DISK, **rules}}}, runs=runs)
    now.warehouse.append(ALERTS, ALERTS.empty())
    return now


def sign(warehouse: Warehouse, text: str) -> None:
    warehouse.append(ALERTS, alert(raised_at=NOW, severity="info", source="sign", message=text))


def test_a_quiet_look_writes_nothing(tmp_path: Path) -> None:
    now = watched(tmp_path)
    before = now.warehouse.path.stat()
    looked = look_and_tell(now)
    after = now.warehouse.path.stat()
    assert looked.events.is_empty() and looked.delivered
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)


def test_what_is_found_is_on_record_and_in_the_log_with_its_page(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = watched(tmp_path)
    sign(now.warehouse, "smoke")
    with caplog.at_level(logging.INFO):
        [event] = look_and_tell(now).events.to_dicts()
        assert look_and_tell(replace(now, now=NOW + HOUR)).events.is_empty()
    assert (event["rule"], event["subject"], event["state"], event["told"]) == ("mine", "smoke", "raised", True)
    assert event["message"] == f"smoke [{event['alert_id']}; what to do: docs/runbooks/own_rule.md]"
    assert caplog.messages == [f"rule mine: {event['message']}"]


def test_an_acknowledgement_is_on_record_with_name_and_reason(tmp_path: Path) -> None:
    now = watched(tmp_path, mine={**MINE, "severity": "error"})
    sign(now.warehouse, "smoke")
    [event] = look_and_tell(now).events.to_dicts()
    for alert_id, reason, said in (("nothere", "why", event["alert_id"]), (event["alert_id"], " ", "--reason")):
        with pytest.raises(ConfigurationError, match=said):
            acknowledge(now.configuration, alert_id, by="ann", reason=reason, now=NOW)
    seen = acknowledge(now.configuration, event["alert_id"], by="ann", reason="called the fire brigade", now=NOW)
    assert seen.subject == "smoke"
    row = now.warehouse.read(ALERTS).row(-1, named=True)
    assert (row["state"], row["by"], row["message"]) == ("acknowledged", "ann", "called the fire brigade")
    assert look_and_tell(replace(now, now=NOW + 100 * HOUR)).events.is_empty()


@pytest.mark.slow
def test_a_protocol_that_cannot_be_read_ends_no_alert_of_an_account(tmp_path: Path) -> None:
    """Rules of accounts say that they cannot look; they do not find that all is well."""
    configuration, warehouse = published(tmp_path)
    now = Situation(configuration, warehouse, NOW)
    assert list(limit_breached(now, 0.0)) == []
    Protocol.of(configuration).path.write_bytes(b"no database")
    with pytest.raises(WarehouseError):
        list(limit_breached(now, 0.0))


def test_a_failed_run_is_made_once_more_once(tmp_path: Path) -> None:
    failed = (RunFact("r1", "daily_update", "FAILURE"),)
    now = watched(tmp_path, failed, run_failed={"response": "rerun"})
    looked = look_and_tell(now, lambda run_id: run_id == "r1")
    assert looked.reruns == ["r1"]
    assert looked.events["state"].to_list() == ["raised", "answered"]
    assert looked.events["message"][1].startswith("run r1 is made once more [")
    again = replace(now, now=NOW + HOUR, runs=(RunFact("r2", "daily_update", "FAILURE"), *failed))
    assert look_and_tell(again, lambda run_id: run_id == "r1").reruns == [], "what was made again is not, again"
    refused = watched(tmp_path / "other", failed, run_failed={"response": "rerun"})
    assert look_and_tell(refused).events["state"].to_list() == ["raised"]


def test_a_run_of_another_day_is_made_once_more_though_the_alert_goes_on(tmp_path: Path) -> None:
    first = (RunFact("day1", "daily_update", "FAILURE"),)
    now = watched(tmp_path, first, run_failed={"response": "rerun"})
    assert look_and_tell(now, lambda run_id: True).reruns == ["day1"]
    second = (RunFact("day2", "daily_update", "FAILURE"), *first)
    looked = look_and_tell(replace(now, now=NOW + 23 * HOUR, runs=second), lambda run_id: True)
    assert looked.reruns == ["day2"]
    assert looked.events.filter(state="answered").select("run_id", "subject").rows() == [("day2", "daily_update")]


def test_a_rerun_that_went_on_record_and_was_not_asked_for_is_asked_for_by_the_next_look(tmp_path: Path) -> None:
    """Whoever was killed between the two leaves a run that nobody makes; it goes on record once all the same."""
    failed = (RunFact("r1", "daily_update", "FAILURE"),)
    now = watched(tmp_path, failed, run_failed={"response": "rerun"})
    look_and_tell(now, lambda run_id: True)
    again = look_and_tell(replace(now, now=NOW + HOUR / 12), lambda run_id: True)
    assert again.reruns == ["r1"] and again.events.is_empty()


def test_entries_are_halted_once_and_on_record(tmp_path: Path) -> None:
    """An alarm of live against promised takes the rollout of that account back to `off`."""
    configuration, warehouse = published(tmp_path)
    rules = {"divergence": {"response": "halt_entries"}, "disk": DISK, "limit_breached": {"enabled": False}}
    alerts = type(configuration.alerts).model_validate({"rules": rules})
    now = Situation(configuration.model_copy(update={"alerts": alerts}), warehouse, NOW)
    assert look_and_tell(now).events.is_empty() and stage_now(configuration, STRATEGY) != "off"
    alarm = warehouse.read(DIVERGENCE).filter(statistic="live_wealth", session=DAYS[30])
    put_alarms_on_record(Protocol.of(configuration), STRATEGY, alarm.with_columns(alarm=True, value=123.4), NOW)
    looked = look_and_tell(now)
    assert looked.events["state"].to_list() == ["raised", "answered"]
    assert looked.events["message"][1].startswith(f"no entry is sent any more of {STRATEGY}; exits go on")
    assert stage_now(configuration, STRATEGY) == "off"
    assert look_and_tell(replace(now, now=NOW + HOUR)).events.is_empty()


def test_two_looks_at_once_raise_an_alert_once(tmp_path: Path) -> None:
    """The second has read the record before the first wrote: it decides again under the lock."""
    now = watched(tmp_path)
    sign(now.warehouse, "smoke")

    class Earlier(Warehouse):
        """Sees the ledger as it was before the other look."""

        def read_or_empty(self, table: Any, **more: Any) -> Any:
            rows = super().read_or_empty(table, **more)
            return rows.filter(source="sign") if table is ALERTS else rows

    look_and_tell(now)
    behind = replace(now, warehouse=Earlier(now.warehouse.path))
    assert look_and_tell(behind).events.is_empty()
    assert now.warehouse.read(ALERTS).filter(state="raised").height == 1


def test_no_alert_quotes_a_secret_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a check or an own query says may hold any key; it names one alert all the same."""
    monkeypatch.setenv("POLYGON_API_KEY", "the-planted-key")
    keys = {"market_data": [{"source": "polygon", "symbols": ["A"]}], "alerts": {"rules": {"mine": MINE, "disk": DISK}}}
    now = situation(tmp_path, keys=keys, checks=(CheckFact("bars coverage", True, "denied: the-planted-key"),))
    now.warehouse.append(ALERTS, ALERTS.empty())
    sign(now.warehouse, "asked with the-planted-key at http://ann:hunter22@host/")
    with caplog.at_level(logging.INFO):
        rows = look_and_tell(now).events
        assert look_and_tell(replace(now, now=NOW + HOUR)).events.is_empty(), "its name is the same at each look"
    failed = alert_of_failed_run(now.configuration, job="daily", run_id="r", message="key the-planted-key", now=NOW)
    told = [*rows["message"], *rows["subject"], *failed["message"], *caplog.messages]
    assert len(told) == 7 and not any("planted" in each or "hunter22" in each for each in told)
