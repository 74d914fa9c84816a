"""The Dagster UI on workspace.yaml: it serves, the location loads, a run launched from it succeeds."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trading_assets_tests.conftest import REPOSITORY, TINY, Experiment, environment

pytestmark = pytest.mark.acceptance

# A shell that starts a job in the background makes it ignore SIGINT, and a child inherits that.
LAUNCHER = (
    "import os, signal, sys;"
    "signal.signal(signal.SIGINT, signal.default_int_handler);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)
PATIENCE = 600  # seconds: a bound for a machine that is busy, not a claim about speed

LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }
"""
ASSETS = "{ assetNodes { assetKey { path } } }"
LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message }
  }
}
"""
STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


@dataclass(frozen=True)
class Ui:
    """A server that answers GraphQL."""

    url: str
    experiment: Experiment

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    data = tmp_path_factory.mktemp("ui")
    home = data / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = environment(TINY, data, DAGSTER_HOME=str(home))
    subprocess.run(
        [sys.executable, "-m", "dagster", "instance", "info"], env=variables, check=True, capture_output=True
    )
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    with (data / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, *command],
            env=variables,
            cwd=REPOSITORY,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/server_info", process, data / "log")
        done: subprocess.CompletedProcess[str] = subprocess.CompletedProcess(command, 0, "", "")
        yield Ui(f"http://127.0.0.1:{port}", Experiment(TINY, data, done))
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        with suppress(ProcessLookupError):  # what is left of the group
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(PATIENCE):
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(1)
    pytest.fail(f"not ready after {PATIENCE} s:\n{log.read_text()[-3000:]}")


def test_the_location_loads(ui: Ui) -> None:
    [location] = ui.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
    assert location["name"] == "trading_assets"
    assert location["locationOrLoadError"]["__typename"] == "RepositoryLocation"
    paths = ["/".join(node["assetKey"]["path"]) for node in ui.ask(ASSETS)["assetNodes"]]
    assert {"market_data/bars", "backtests/equity_momentum", "robustness/verdict/ml"} <= set(paths)


def test_a_run_launched_from_the_ui_succeeds(ui: Ui) -> None:
    selected = [["market_data", "raw_bars"], ["market_data", "bars"], ["features", "daily"]]
    params = {
        "selector": {
            "repositoryLocationName": "trading_assets",
            "repositoryName": "__repository__",
            "jobName": "everything",
            "assetSelection": [{"path": path} for path in selected],
        },
        "runConfigData": {},
        "mode": "default",
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": "2016-03-01"}]},
    }
    launched = ui.ask(LAUNCH, params=params)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    status = "STARTING"
    for _ in range(PATIENCE):
        status = ui.ask(STATUS, id=launched["run"]["runId"])["runOrError"]["status"]
        if status in ("SUCCESS", "FAILURE", "CANCELED"):
            break
        time.sleep(1)
    assert status == "SUCCESS"
    months = ui.experiment.warehouse.query("SELECT DISTINCT date_trunc('month', session) AS month FROM features.daily")
    assert [month.isoformat()[:7] for month in months["month"]] == ["2016-03"]
