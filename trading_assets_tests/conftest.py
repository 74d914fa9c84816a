"""A tiny experiment for tests that need a whole run: made once a session, through the command line."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from trading_assets.config import Configuration, load_configuration
from trading_assets.warehouse import Warehouse

# The same examples every time, so that a red run is about the change at hand.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).parent.parent
TINY = Path(__file__).parent / "tiny.yaml"


@dataclass(frozen=True)
class Experiment:
    """A configuration that has been run, and what the command printed."""

    config: Path
    data: Path
    process: subprocess.CompletedProcess[str]

    @property
    def configuration(self) -> Configuration:
        return load_configuration(self.config, self.data)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.configuration.warehouse_path)


def environment(config: Path, data: Path, **more: str) -> dict[str, str]:
    """Variables of a process that works on a configuration; no DAGSTER_HOME but the project's own."""
    inherited = {key: value for key, value in os.environ.items() if key != "DAGSTER_HOME"}
    return {**inherited, "TRADING_ASSETS_CONFIG": str(config), "TRADING_ASSETS_DATA": str(data), **more}


def command_line(config: Path, data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `trading-assets` as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "trading_assets.cli", *arguments],
        env=environment(config, data, COLUMNS="160"),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Experiment:
    """The tiny configuration, run once; parallel test processes share it."""
    folder = tmp_path_factory.getbasetemp()
    data = (folder if worker_id == "master" else folder.parent) / "tiny"
    data.mkdir(exist_ok=True)
    with (data / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        saved = data / ".process.json"
        if not saved.exists():
            done = command_line(TINY, data, "run")
            saved.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
        returncode, stdout, stderr = json.loads(saved.read_text())
    return Experiment(TINY, data, subprocess.CompletedProcess([], returncode, stdout, stderr))
