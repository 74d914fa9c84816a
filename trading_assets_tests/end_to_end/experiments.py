"""Runs of changed copies of the tiny configuration, and what they left in the warehouse."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl
import yaml

from trading_assets_tests.conftest import REPOSITORY, TINY, Experiment, environment

#: Ledgers keep what was appended by every run.
LEDGERS = {
    "backtests.runs",
    "backtests.run_archive",
    "backtests.run_configurations",
    "robustness.trials",
    "robustness.registrations",
    "robustness.holdout_ledger",
    "monitoring.alerts",
    "monitoring.run_metrics",
    "market_data.revisions",
    "models.promotions",
    "models.costs",
}
#: When a bar was received, under which configuration, and beside which run: not part of a value.
CIRCUMSTANCES = {"ingested_at", "config_hash", "run_id"}
#: Of months on record: commits of their own warehouse, and a hash of settings in the order of the file.
CIRCUMSTANCES |= {"raw_commit", "fingerprint"}


def changed(folder: Path, **changes: object) -> Path:
    """The tiny configuration with some keys replaced, or removed where the new value is None."""
    values = {**yaml.safe_load(TINY.read_text()), **changes}
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in values.items() if value is not None}, sort_keys=False))
    return path


@dataclass(frozen=True)
class Running:
    """A command that goes on; its errors go to a file, so that nobody has to read them meanwhile."""

    config: Path
    data: Path
    process: subprocess.Popen[str]
    errors: IO[str]

    def wait_for_line(self) -> str:
        """The next line that it prints, empty at the end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def kill(self) -> None:
        """End it and all of its children at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def finish(self) -> Experiment:
        """Wait for it; lines that were read before are gone."""
        out, _ = self.process.communicate()
        self.errors.seek(0)
        done = subprocess.CompletedProcess(self.process.args, self.process.returncode, out, self.errors.read())
        return Experiment(self.config, self.data, done)


def start(config: Path, data: Path, *arguments: str, **variables: str) -> Running:
    """Start `trading-assets` in a process group of its own."""
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the process is of interest
    process = subprocess.Popen(
        [sys.executable, "-m", "trading_assets.cli", *arguments],
        env=environment(config, data, COLUMNS="160", **variables),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,
    )
    return Running(config, data, process, errors)


def run(config: Path, data: Path, *arguments: str, **variables: str) -> Experiment:
    """`trading-assets run`, which must succeed."""
    done = start(config, data, "run", *arguments, **variables).finish()
    assert done.process.returncode == 0, done.process.stdout + done.process.stderr
    return done


def frames(experiment: Experiment) -> dict[str, pl.DataFrame]:
    """Every table but the ledgers, rows sorted, without the circumstances."""
    query = "SELECT schema_name || '.' || table_name AS name FROM duckdb_tables() WHERE schema_name <> 'meta'"
    names = sorted(set(experiment.warehouse.query(query)["name"]) - LEDGERS)
    tables = {name: experiment.warehouse.query(f"FROM {name} ORDER BY ALL") for name in names}
    return {name: table.drop(CIRCUMSTANCES & set(table.columns)) for name, table in tables.items()}


def fingerprint(frame: pl.DataFrame) -> str:
    """SHA-256 of the rows, each float with all its digits."""
    return hashlib.sha256(frame.write_ndjson().encode()).hexdigest()


def fingerprints(experiment: Experiment) -> dict[str, str]:
    return {name: fingerprint(frame) for name, frame in frames(experiment).items()}
