"""The wheel alone: built, installed into an empty environment by its metadata, and run from bars to the report."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from trading_assets_tests.conftest import REPOSITORY, TINY

pytestmark = pytest.mark.acceptance

#: Beside the running interpreter, as the Makefile puts it.
UV = Path(sys.executable).parent / "uv"
#: Bytes that an installation takes at most: 1,250 MB in November 2026.
LARGEST = 1_400_000_000
#: Of extras and groups: the first run does without.
NOT_NEEDED = {
    "catboost",
    "ccxt",
    "hypothesis",
    "lightgbm",
    "matplotlib",
    "nbclient",
    "optuna",
    "pytest",
    "tables",
    "vectorbt",
    "yfinance",
}
#: Prints what an environment knows of the package that is installed in it.
FACTS = """
import json
from importlib import metadata, resources
import trading_assets
from trading_assets.asset_factories.sql_assets import models_folder, read_models
print(json.dumps({
    "home": trading_assets.__file__,
    "typed": resources.files("trading_assets").joinpath("py.typed").is_file(),
    "models": sorted(str(name) for name in read_models(models_folder())),
    "folder": str(models_folder()),
    "requires": metadata.requires("trading-assets"),
    "versions": {each.name.lower(): each.version for each in metadata.distributions()},
}))
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, and an empty folder to work in."""

    environment: Path
    folder: Path

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in the folder, with nothing of this process but its path and proxies."""
        foreign = ("TRADING_ASSETS", "DAGSTER", "PYTHON", "PYTEST", "VIRTUAL_ENV", "UV_PROJECT", "UV_CONSTRAINT")
        variables = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        program = UV if command == "uv" else self.environment / "bin" / command
        return subprocess.run(
            [str(program), *arguments], cwd=self.folder, env=variables, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    root = tmp_path_factory.mktemp("wheel")
    made = Installed(root / "environment", root / "folder")
    made.folder.mkdir()
    python = str(made.environment / "bin" / "python")
    for arguments in (
        ["build", "--wheel", "--quiet", "--out-dir", str(root), str(REPOSITORY)],
        ["venv", "--quiet", "--python", sys.executable, str(made.environment)],
    ):
        done = made.run("uv", *arguments)
        assert done.returncode == 0, done.stderr
    [wheel] = root.glob("*.whl")
    done = made.run("uv", "pip", "install", "--quiet", "--no-config", "--python", python, str(wheel))
    assert done.returncode == 0, done.stderr
    assert list(made.folder.iterdir()) == []
    return made


@pytest.fixture(scope="module")
def facts(installed: Installed) -> dict[str, Any]:
    done = installed.run("python", "-c", FACTS)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_brings_its_types_and_its_sql_models(installed: Installed, facts: dict[str, Any]) -> None:
    package = Path(facts["home"]).parent
    assert package.is_relative_to(installed.environment)
    assert facts["typed"]
    assert Path(facts["folder"]) == package / "dbt_like_sql"
    ours = REPOSITORY / "dbt_like_sql"
    assert facts["models"] == sorted(f"{file.parent.name}.{file.stem}" for file in ours.rglob("*.sql"))


def test_its_metadata_choose_versions_that_fit_each_other(installed: Installed, facts: dict[str, Any]) -> None:
    """Pandas is the one that calendars need; every requirement of every package is met."""
    [pandas] = [Requirement(each) for each in facts["requires"] if Requirement(each).name == "pandas"]
    assert str(pandas.specifier) == "<3.1,>=3.0.3"
    assert pandas.specifier.contains(facts["versions"]["pandas"])
    checked = installed.run("uv", "pip", "check", "--python", str(installed.environment / "bin" / "python"))
    assert checked.returncode == 0, checked.stderr
    assert not NOT_NEEDED & facts["versions"].keys()


def test_it_is_no_larger_than_stated(installed: Installed) -> None:
    files = [file for file in installed.environment.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert sum(file.stat().st_size for file in files) < LARGEST


def test_it_runs_in_an_empty_folder_from_bars_to_the_report(installed: Installed) -> None:
    shutil.copy(TINY, installed.folder / "mine.yaml")
    done = installed.run("trading-assets", "run", "--config", "mine.yaml")
    assert done.returncode == 0, done.stderr
    report = installed.folder / "data" / "tiny" / "reports" / "index.html"
    assert "Verdicts" in done.stdout and report.is_file()
    for strategy in ("equity_momentum", "crypto_momentum", "ml", "factor"):
        assert strategy in report.read_text(encoding="utf-8")
        assert (report.parent / f"{strategy}.html").is_file()
    # The folder is remembered: no option names the configuration.
    query = "SELECT count(*) AS n FROM backtests.trade_audit"
    asked = installed.run("trading-assets", "sql", "--format", "csv", query)
    assert asked.returncode == 0, asked.stderr
    assert int(asked.stdout.split()[-1]) > 100
