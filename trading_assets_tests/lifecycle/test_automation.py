"""The job does what the section asks for, a step without an asset; a failure fails the run."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from trading_assets.config.runs import CONFIGURATION_TAG, MAX_RUNTIME
from trading_assets.lifecycle.automation import (
    LIFECYCLE,
    build_job,
    build_schedule,
    carry_out_everywhere,
    look_everywhere,
)
from trading_assets_tests.backups.worlds import NOON
from trading_assets_tests.lifecycle.homes import aged, kept, put


def test_the_job_does_it_and_says_so(tmp_path: Path) -> None:
    world, configuration = aged(tmp_path, log_days=10)
    log, before = put(configuration.home / "logs" / "records.jsonl.1", 400), kept(world)
    job = build_job(configuration)
    assert job.tags[CONFIGURATION_TAG] == configuration.name
    assert job.tags[MAX_RUNTIME] == "14400"
    with dg.DagsterInstance.ephemeral() as instance:
        assert [each.what for each in look_everywhere(configuration, instance, NOON)] == [str(log)]
        done = carry_out_everywhere(configuration, instance, NOON)
        assert [(each.what, said) for each, said in done] == [(str(log), "removed")]
    assert kept(world) == before


@pytest.mark.slow
def test_a_run_of_the_job_fails_where_something_cannot_be_done(tmp_path: Path) -> None:
    _, configuration = aged(tmp_path, log_days=10)
    (configuration.home / "logs" / "records.jsonl.1").parent.mkdir()
    put(configuration.home / "logs" / "records.jsonl.1", 4_000)
    with dg.DagsterInstance.ephemeral() as instance:
        assert build_job(configuration).execute_in_process(instance=instance).success
        assert not (configuration.home / "logs" / "records.jsonl.1").exists()
        configuration.warehouse_path.write_bytes(b"no database")
        assert not build_job(configuration).execute_in_process(instance=instance, raise_on_error=False).success


def test_the_schedule_is_on_and_weekly(tmp_path: Path) -> None:
    _, configuration = aged(tmp_path)
    schedule = build_schedule(configuration)
    assert (schedule.job_name, schedule.cron_schedule) == (LIFECYCLE, "30 5 * * 0")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert dt.date(2026, 12, 6).isoweekday() % 7 == 0
