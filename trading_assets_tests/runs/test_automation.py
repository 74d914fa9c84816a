"""What keeps runs going by itself: by the sensors alone, and ten killed runs under the real daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest

from trading_assets.config import load_configuration
from trading_assets.event_log import open_instance
from trading_assets.monitoring.tables import ALERTS
from trading_assets.runs.automation import build_sensors
from trading_assets.runs.home import write_settings
from trading_assets.warehouse import Warehouse
from trading_assets_tests.conftest import REPOSITORY, TINY, environment

#: Runs that a machine which went down leaves behind: ten processes in the middle of a step, all killed at once.
TEN = """
import os, sys, time
from pathlib import Path
import dagster as dg
from trading_assets.event_log import open_instance
from trading_assets.config.runs import CONFIGURATION_TAG

@dg.op
def waits():
    Path(sys.argv[2], str(os.getpid())).touch()
    time.sleep(600)

@dg.job
def everything():
    waits()

with open_instance(Path(sys.argv[1])) as instance:
    instance.get_runs_count()
for _ in range(10):
    if not os.fork():
        with open_instance(Path(sys.argv[1])) as instance:
            everything.execute_in_process(instance=instance, tags={CONFIGURATION_TAG: "tiny"}, raise_on_error=False)
        os._exit(0)
time.sleep(600)
"""
MINUTES = 60  # seconds


def test_the_sensors_say_what_they_found(tmp_path: Path) -> None:
    gone, old = build_sensors(load_configuration(TINY, tmp_path))
    with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance=instance) as context:
        assert gone.evaluate_tick(context).skip_message == "the processes of all runs are alive"
        assert old.evaluate_tick(context).skip_message == "0 runs older than 90 days were removed"


@pytest.mark.slow
def test_ten_killed_runs_free_their_places_and_are_told(tmp_path: Path) -> None:
    """Four runs at a time may be under way: with ten that nobody ended, the daemon would start none for ever."""
    home, data = tmp_path / "data" / "dagster_home", tmp_path / "data"
    home.mkdir(parents=True)
    write_settings(home)
    variables = environment(TINY, data, DAGSTER_HOME=str(home))
    killed_runs(home, tmp_path / "at_work", variables)
    workspace = REPOSITORY / "workspace.yaml"
    command = [sys.executable, "-m", "dagster", "job", "launch", "-w", str(workspace), "-j", "retrain"]
    launched = subprocess.run(command, env=variables, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert launched.returncode == 0, launched.stderr[-2000:]
    log = (tmp_path / "log").open("w")
    daemon = subprocess.Popen(
        [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace)],
        env=variables,
        cwd=REPOSITORY,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        with open_instance(home) as instance:
            # On an idle machine it takes less than two minutes; where much else runs the daemon alone loads for one.
            until = time.monotonic() + 8 * MINUTES
            while time.monotonic() < until and (count(instance, dead=True) < 10 or not is_launched(instance)):
                assert daemon.poll() is None, (tmp_path / "log").read_text()[-3000:]
                time.sleep(1)
            found = count(instance, dead=True), is_launched(instance)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()
        log.close()
    assert found == (10, True), (tmp_path / "log").read_text()[-3000:]
    alerts = Warehouse(load_configuration(TINY, data).warehouse_path).read(ALERTS)
    assert alerts["run_id"].n_unique() == alerts.height == 10


def killed_runs(home: Path, at_work: Path, variables: dict[str, str]) -> None:
    at_work.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", TEN, str(home), str(at_work)],
        env=variables,
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        until = time.monotonic() + MINUTES
        while len(list(at_work.iterdir())) < 10 and time.monotonic() < until:
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
    with open_instance(home) as instance:
        assert count(instance, dead=False) == 10


def count(instance: dg.DagsterInstance, *, dead: bool) -> int:
    status = dg.DagsterRunStatus.FAILURE if dead else dg.DagsterRunStatus.STARTED
    return instance.get_runs_count(dg.RunsFilter(job_name="everything", statuses=[status]))


def is_launched(instance: dg.DagsterInstance) -> bool:
    """Whether the run that waited was started, whatever became of it."""
    [run] = instance.get_runs(dg.RunsFilter(job_name="retrain"))
    return run.status not in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)
