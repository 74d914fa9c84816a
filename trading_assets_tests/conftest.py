"""A tiny experiment for tests that need a whole run: made once a session, through the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from trading_assets.config import Configuration, load_configuration
from trading_assets.warehouse import Warehouse

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
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    data = tmp_path_factory.mktemp("tiny")
    return Experiment(TINY, data, command_line(TINY, data, "run"))
