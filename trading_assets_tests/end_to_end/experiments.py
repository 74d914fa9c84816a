"""Runs of changed copies of the tiny configuration, and what they left in the warehouse."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import polars as pl
import yaml

from trading_assets_tests.conftest import REPOSITORY, TINY, Experiment, environment

#: Ledgers keep what was appended by every run.
LEDGERS = {
    "backtests.runs",
    "robustness.trials",
    "robustness.registrations",
    "robustness.holdout_ledger",
    "monitoring.alerts",
    "market_data.revisions",
}
#: When a bar was received, and under which configuration: not part of a value.
CIRCUMSTANCES = {"ingested_at", "config_hash"}


def changed(folder: Path, **changes: object) -> Path:
    """The tiny configuration with some keys replaced, or removed where the new value is None."""
    values = {**yaml.safe_load(TINY.read_text()), **changes}
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in values.items() if value is not None}, sort_keys=False))
    return path


def start(config: Path, data: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start `trading-assets` in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "trading_assets.cli", *arguments],
        env=environment(config, data, COLUMNS="160", **variables),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(config: Path, data: Path, process: subprocess.Popen[str]) -> Experiment:
    """Wait for a process; what was read from its output before is gone."""
    out, err = process.communicate()
    return Experiment(config, data, subprocess.CompletedProcess(process.args, process.returncode, out, err))


def run(config: Path, data: Path, *arguments: str, **variables: str) -> Experiment:
    """`trading-assets run`, which must succeed."""
    done = finished(config, data, start(config, data, "run", *arguments, **variables))
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
