"""Whole runs that tests share: each is made once in all test processes together, under a lock, and read or copied."""

from __future__ import annotations

import fcntl
import gc
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import settings

from trading_assets.config import Configuration
from trading_assets.warehouse import Warehouse
from trading_assets_tests.loaded import loaded
from trading_assets_tests.machine_code import compile_once

if TYPE_CHECKING:
    from trading_assets_tests.robustness.pipeline import Experiment as SmallExperiment

# Until all tests are imported: a seventh of that time goes to searches for garbage.
gc.disable()

# The same examples every time, however slow the machine is, so that a red run is about the change at hand.
settings.register_profile("repeatable", derandomize=True, deadline=None)
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
        return loaded(self.config, self.data)

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


def called(config: Path, data: Path, *arguments: str, folder: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    """As `command_line`, in this process: the same entry point without the seconds that its imports take.

    Not for `run`, whose definitions are of the configuration that the process first loaded.
    """
    from trading_assets import cli_output
    from trading_assets.cli import main

    output, errors, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.dict(os.environ, environment(config, data), clear=True),
        patch.object(sys, "argv", ["trading-assets", *arguments]),
        patch.object(cli_output.console, "_width", 160),
        patch.object(cli_output.errors, "_width", 160),
        redirect_stdout(output),
        redirect_stderr(errors),
        chdir(folder),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
    return subprocess.CompletedProcess(list(arguments), code, output.getvalue(), errors.getvalue())


@contextmanager
def shared_folder(factory: pytest.TempPathFactory, worker_id: str, name: str) -> Iterator[Path]:
    """Hold a folder that all test processes of this session share; one of them at a time is inside of the block."""
    base = factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / name
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that need a whole run first: parallel processes then make one run each, and none ends the suite."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    first: dict[str, list[Path]] = {name: [] for name in ("tiny", "finished")}
    for path, tests in files.items():
        needed = {name for test in tests for name in getattr(test, "fixturenames", ())}
        for name, paths in first.items():
            if name in needed:
                paths.append(path)
                break
    in_turn = [path for pair in zip_longest(*first.values()) for path in pair if path is not None]
    items[:] = [item for path in dict.fromkeys([*in_turn, *files]) for item in files[path]]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the garbage collector what the imports made, which lives as long as the process: a tenth of the tests."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let what was frozen be cleared away: some libraries tell of what is left of them at the end."""
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def machine_code(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """Compile the engine once for all parallel test processes; a single one compiles what it meets."""
    if worker_id != "master":
        compile_once(tmp_path_factory.getbasetemp().parent)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Experiment:
    """The tiny configuration, run once through the command line; parallel test processes share it."""
    with shared_folder(tmp_path_factory, worker_id, "tiny") as data:
        saved = data / ".process.json"
        if not saved.exists():
            done = command_line(TINY, data, "run")
            saved.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
        returncode, stdout, stderr = json.loads(saved.read_text())
    return Experiment(TINY, data, subprocess.CompletedProcess([], returncode, stdout, stderr))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> SmallExperiment:
    """The small experiment after a whole run in a test process; not to be changed, parallel test processes share it."""
    from trading_assets_tests.robustness.pipeline import Experiment as SmallExperiment

    with shared_folder(tmp_path_factory, worker_id, "small") as folder:
        experiment, done = SmallExperiment(folder), folder / ".done"
        if not done.exists():
            experiment.write()
            assert experiment.run().success
            done.touch()
    return experiment


@pytest.fixture
def experiment(finished: SmallExperiment, tmp_path: Path) -> SmallExperiment:
    """A copy of it to change."""
    return finished.copy_to(tmp_path)
