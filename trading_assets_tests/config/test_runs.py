"""How long runs may take and are kept decides no result: no hash knows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets import automation
from trading_assets.config import ConfigurationError
from trading_assets.config.runs import LongestHours
from trading_assets_tests.config.test_loading import MINIMAL, load


def test_no_hash_knows_how_long_runs_may_take(tmp_path: Path) -> None:
    said = "runs: {longest_hours: {daily_update: 0.5}, retries: 3, keep_days: 30}\n"
    plain, other = load(tmp_path, MINIMAL), load(tmp_path, MINIMAL + said)
    assert plain.hash == other.hash
    assert plain.runs.tags("daily_update") == {"dagster/max_runtime": "43200", "dagster/max_retries": "1"}
    assert other.runs.tags("daily_update") == {"dagster/max_runtime": "1800", "dagster/max_retries": "3"}


def test_a_run_is_kept_a_week_at_least(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="keep_days"):
        load(tmp_path, MINIMAL + "runs: {keep_days: 1}\n")


def test_every_job_has_its_hours(tmp_path: Path) -> None:
    jobs = automation.build_jobs(load(tmp_path, MINIMAL))
    assert {job.name for job in jobs} <= set(LongestHours.model_fields)
    assert all("dagster/max_runtime" in (job.tags or {}) for job in jobs)
