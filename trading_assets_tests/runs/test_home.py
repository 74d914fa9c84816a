"""The settings of a home: written, brought up to date, and left alone where somebody edited them."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.definitions.run_request import InstigatorType

from trading_assets.runs.home import EARLIER, FILE, SETTINGS, lacking, write_settings
from trading_assets_tests.conftest import REPOSITORY


def test_dagster_reads_the_settings_as_they_are_meant(tmp_path: Path) -> None:
    """Dagster refuses keys that it does not know, and says itself what it makes of the others."""
    write_settings(tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_start_timeout_seconds + instance.run_monitoring_poll_interval_seconds < 120
        assert instance.run_retries_enabled
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 4
        assert not instance.telemetry_enabled
        for each in (InstigatorType.SCHEDULE, InstigatorType.SENSOR):
            assert all(days > 0 for days in instance.get_tick_retention_settings(each).values())


def test_a_home_that_is_made_has_no_first_use_dialog_and_sends_nothing() -> None:
    """Whatever starts the UI on it: `trading-assets ui` makes its home in the same way."""
    settings = yaml.safe_load(SETTINGS)
    assert (settings["telemetry"], settings["nux"]) == ({"enabled": False}, {"enabled": False})


@pytest.mark.parametrize("earlier", EARLIER)
def test_the_file_of_an_earlier_version_becomes_that_of_this_one(tmp_path: Path, earlier: str) -> None:
    (tmp_path / FILE).write_text(earlier)
    write_settings(tmp_path)
    assert (tmp_path / FILE).read_text() == SETTINGS
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


def test_a_file_that_somebody_edited_is_left_and_told_what_it_lacks(tmp_path: Path) -> None:
    edited = EARLIER[0] + "run_retries: {enabled: true}\nrun_queue: {max_concurrent_runs: 2}\n"
    (tmp_path / FILE).write_text(edited)
    write_settings(tmp_path)
    assert (tmp_path / FILE).read_text() == edited
    assert [line.split(":")[0] for line in lacking(tmp_path)] == [
        "run_monitoring.enabled",
        "retention.sensor",
        "retention.schedule",
    ]


@pytest.mark.parametrize("text", [SETTINGS, "[", "- a list\n"])
def test_nothing_is_said_of_our_own_file_or_of_what_dagster_refuses_itself(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert lacking(tmp_path) == []


def test_an_empty_file_lacks_everything(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("")
    assert len(lacking(tmp_path)) == 5


def test_the_keys_that_the_guide_names_are_all_that_is_wanted(tmp_path: Path) -> None:
    guide = (REPOSITORY / "docs" / "how-to.md").read_text()
    [block] = re.findall(r"```yaml\n(run_monitoring.*?)```", guide, re.DOTALL)
    (tmp_path / FILE).write_text(block)
    assert lacking(tmp_path) == []
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_monitoring_enabled
