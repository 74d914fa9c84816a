"""Old runs go, with events, logs and files; what is last known of an asset, a month or a check stays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from trading_assets.config import load_configuration
from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.event_log import open_instance
from trading_assets.runs.retention import remove_old_runs
from trading_assets_tests.conftest import TINY

MONTHS = dg.StaticPartitionsDefinition(["2026-01-01", "2026-02-01"])
BARS = dg.AssetKey("bars")
TINY_RUNS = load_configuration(TINY)  # 90 days
OURS = {CONFIGURATION_TAG: TINY_RUNS.name}
LATER = dt.datetime.now(dt.UTC) + dt.timedelta(days=100)


@dg.asset(partitions_def=MONTHS, check_specs=[dg.AssetCheckSpec("sound", asset="bars")])
def bars() -> Iterator[Any]:
    yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


def of_month(instance: dg.DagsterInstance, month: str) -> str:
    return dg.materialize([bars], partition_key=month, instance=instance, tags=OURS).run_id


def left(instance: dg.DagsterInstance) -> list[str]:
    return sorted(each.run_id for each in instance.get_runs())


@pytest.mark.slow
def test_a_run_goes_once_another_made_all_that_it_made(tmp_path: Path) -> None:
    """January three times, February once in between: the first two of January are superseded."""
    with open_instance(_home(tmp_path)) as instance:
        january, again = of_month(instance, "2026-01-01"), of_month(instance, "2026-01-01")
        february, last = of_month(instance, "2026-02-01"), of_month(instance, "2026-01-01")
        logs = tmp_path / "storage" / january / "compute_logs"
        logs.mkdir(parents=True, exist_ok=True)
        (logs / "bars.err").write_text("a log")
        shards = tmp_path / "history" / "runs"
        assert (shards / f"{january}.db").exists()
        known = instance.get_latest_storage_id_by_partition(BARS, dg.DagsterEventType.ASSET_MATERIALIZATION)

        assert remove_old_runs(instance, TINY_RUNS, LATER, most=10) == [january, again]

        assert left(instance) == sorted([february, last])
        assert not list(shards.glob(f"{january}*"))
        assert not logs.exists()
        assert known == instance.get_latest_storage_id_by_partition(BARS, dg.DagsterEventType.ASSET_MATERIALIZATION), (
            "what the UI shows of months is what it was"
        )
        assert instance.get_latest_materialization_event(BARS).run_id == last  # type: ignore[union-attr]
        assert instance.all_logs(january) == []
    with dg.DagsterInstance.from_config(str(tmp_path)) as plain:
        assert left(plain) == sorted([february, last])
        assert plain.all_logs(last)


@pytest.mark.slow
def test_a_run_stays_its_days_and_goes_oldest_first(tmp_path: Path) -> None:
    with open_instance(_home(tmp_path)) as instance:
        runs = [of_month(instance, "2026-01-01") for _ in range(4)]
        assert remove_old_runs(instance, TINY_RUNS, dt.datetime.now(dt.UTC) + dt.timedelta(days=89), most=10) == []
        assert remove_old_runs(instance, TINY_RUNS, LATER, most=2) == runs[:2]
        assert left(instance) == sorted(runs[2:])


def test_a_failed_run_that_made_nothing_goes_and_one_under_way_stays(tmp_path: Path) -> None:
    @dg.asset
    def broken() -> None:
        raise ValueError("as meant")

    with open_instance(_home(tmp_path)) as instance:
        going = instance.create_run_for_job(dg.Definitions([bars]).resolve_implicit_global_asset_job_def())
        run = dg.materialize([broken], instance=instance, raise_on_error=False, tags=OURS).run_id
        another = dg.materialize([broken], instance=instance, raise_on_error=False).run_id
        assert remove_old_runs(instance, TINY_RUNS, LATER, most=10) == [run]
        assert left(instance) == sorted([going.run_id, another]), "a run of nobody we know is not ours"


def _home(folder: Path) -> Path:
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return folder


@pytest.fixture(autouse=True)
def no_own_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
