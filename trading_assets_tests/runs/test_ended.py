"""A run whose process is gone fails with one alert; one that lives, or cannot be seen, is left alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import dagster as dg
import pytest
from dagster._core.events import EngineEventData

from trading_assets.config import Configuration, load_configuration
from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.monitoring.tables import ALERTS
from trading_assets.runs.ended import TOLD_TAG, end_gone_runs
from trading_assets.runs.marked import PROCESS_TAG
from trading_assets.runs.processes import this_process
from trading_assets.warehouse import Warehouse
from trading_assets_tests.conftest import TINY

GONE = str(this_process()._replace(start="1"))
ELSEWHERE = str(this_process()._replace(place="another", pid=1))
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return load_configuration(TINY, tmp_path)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as fresh:
        yield fresh


def started(instance: dg.DagsterInstance, mark: str | None, of: str = "tiny") -> str:
    @dg.job
    def daily_update() -> None:
        pass

    run = instance.create_run_for_job(
        daily_update, tags={CONFIGURATION_TAG: of} | ({} if mark is None else {PROCESS_TAG: mark})
    )
    instance.report_dagster_event(dg.DagsterEvent("PIPELINE_START", "daily_update"), run.run_id)  # type: ignore[no-untyped-call]
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status.value


def test_only_the_run_whose_process_is_gone_fails_and_is_told_once(
    configuration: Configuration, instance: dg.DagsterInstance
) -> None:
    gone, alive, elsewhere = (started(instance, mark) for mark in (GONE, str(this_process()), ELSEWHERE))
    [said] = end_gone_runs(instance, configuration)
    assert gone in said
    assert [status(instance, each) for each in (gone, alive, elsewhere)] == ["FAILURE", "STARTED", "STARTED"]
    assert end_gone_runs(instance, configuration) == []
    [alert] = Warehouse(configuration.warehouse_path).read(ALERTS).to_dicts()
    assert (alert["run_id"], alert["severity"], alert["source"]) == (gone, "error", "run daily_update")
    assert "is gone without a word" in alert["message"]
    run = instance.get_run_by_id(gone)
    assert run is not None
    assert run.tags[TOLD_TAG] == "true", "the sensor of failed runs says it no second time"


def test_runs_of_another_configuration_in_the_same_home_are_left_to_its_own_sensor(
    configuration: Configuration, instance: dg.DagsterInstance
) -> None:
    run_id = started(instance, GONE, of="another")
    assert end_gone_runs(instance, configuration) == []
    assert status(instance, run_id) == "STARTED"
    assert not configuration.warehouse_path.exists()


def test_the_run_has_failed_by_the_time_a_person_is_told(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    """A webhook may hang for longer than the daemon waits for a tick."""
    seen: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(status(instance, gone))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        file = tmp_path / "hooked.yaml"
        file.write_text(TINY.read_text() + f"\nnotifier: {{kind: webhook, url: '{url}'}}\n")
        gone = started(instance, GONE)
        end_gone_runs(instance, load_configuration(file, tmp_path))
        server.shutdown()
    assert seen == ["FAILURE"]


def test_who_was_killed_before_a_person_was_told_is_stood_in_for_once(
    configuration: Configuration, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    """The tag says that the alert is on record; three minutes later nobody can be telling it any more."""
    gone = started(instance, GONE)
    end_gone_runs(instance, configuration)
    instance.add_run_tags(gone, {TOLD_TAG: "on record"})
    for later, heard in ((dt.timedelta(minutes=1), 0), (HOUR, 1), (HOUR, 0)):
        caplog.clear()
        now = dt.datetime.now(dt.UTC) + later
        end_gone_runs(instance, configuration, lambda now=now: now)  # type: ignore[misc]
        assert sum(gone in record.getMessage() for record in caplog.records) == heard
    assert Warehouse(configuration.warehouse_path).read(ALERTS).height == 1


def test_a_warehouse_that_cannot_be_written_frees_the_run_and_leaves_the_word_to_the_other_sensor(
    configuration: Configuration, instance: dg.DagsterInstance
) -> None:
    configuration.warehouse_path.parent.mkdir(parents=True)
    configuration.warehouse_path.write_bytes(b"no database")
    gone = started(instance, GONE)
    assert end_gone_runs(instance, configuration)
    run = instance.get_run_by_id(gone)
    assert run is not None
    assert (run.status.value, TOLD_TAG in run.tags) == ("FAILURE", False)


@pytest.mark.parametrize(("later", "expected"), [(dt.timedelta(0), "STARTED"), (HOUR, "FAILURE")])
def test_a_run_of_an_earlier_version_is_known_by_what_it_said(
    configuration: Configuration, instance: dg.DagsterInstance, later: dt.timedelta, expected: str
) -> None:
    """Process 2^22 + 1 is above the largest number that Linux gives; it has a minute to leave its mark."""
    run_id = started(instance, None)
    run = instance.get_run_by_id(run_id)
    instance.report_engine_event("Executing steps in process", run, EngineEventData.in_process(2**22 + 1))
    end_gone_runs(instance, configuration, lambda: dt.datetime.now(dt.UTC) + later)
    assert status(instance, run_id) == expected


def test_a_run_that_has_said_nothing_is_left_alone(configuration: Configuration, instance: dg.DagsterInstance) -> None:
    run_id = started(instance, None)
    end_gone_runs(instance, configuration, lambda: dt.datetime.now(dt.UTC) + HOUR)
    assert status(instance, run_id) == "STARTED"
