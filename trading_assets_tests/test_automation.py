"""Schedules and sensors, each driven through Dagster's own contexts."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import polars as pl
import pytest
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG as END
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_START_TAG as START

from trading_assets import automation
from trading_assets.asset_factories.partitions import monthly_partitions
from trading_assets.config import Configuration, load_configuration
from trading_assets.definitions import build_definitions
from trading_assets.market_data.tables import SOURCES_DOWN
from trading_assets.monitoring.tables import ALERTS
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.conftest import TINY


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return load_configuration(TINY, tmp_path)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as fresh:
        yield fresh


def schedule(configuration: Configuration, name: str) -> dg.ScheduleDefinition:
    return next(item for item in automation.build_schedules(configuration) if item.name == name)


def sensor(configuration: Configuration, name: str) -> dg.SensorDefinition:
    return next(item for item in automation.build_sensors(configuration) if item.name == name)


def evaluate(configuration: Configuration, instance: dg.DagsterInstance, moment: dt.datetime) -> Any:
    repository = build_definitions(configuration).get_repository_def()  # a tick looks its job up there
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=moment, repository_def=repository
    ) as context:
        return repository.get_schedule_def("daily_update").evaluate_tick(context)


def test_the_daily_schedule_asks_for_the_newest_month(
    configuration: Configuration, instance: dg.DagsterInstance
) -> None:
    tick = evaluate(configuration, instance, dt.datetime(2016, 5, 17, 22, 30, tzinfo=dt.UTC))
    [request] = tick.run_requests
    assert request.partition_key == "2016-05-01"
    assert request.run_key == "daily-2016-05-17T22:30", "it has coins, so there is another run at 00:10"


def test_the_daily_schedule_skips_what_as_of_excludes(
    configuration: Configuration, instance: dg.DagsterInstance
) -> None:
    tick = evaluate(configuration, instance, dt.datetime(2018, 5, 17, 22, 30, tzinfo=dt.UTC))
    assert not tick.run_requests
    assert "as_of is fixed" in tick.skip_message


def test_the_daily_schedule_reads_again_from_the_first_month_in_which_a_source_was_down(
    configuration: Configuration, instance: dg.DagsterInstance
) -> None:
    down = pl.DataFrame({"session": [dt.date(2016, 3, 1)], "source": ["polygon"]})
    Warehouse(configuration.warehouse_path).replace(Whole(), {SOURCES_DOWN: down})
    tick = evaluate(configuration, instance, dt.datetime(2016, 5, 17, 22, 30, tzinfo=dt.UTC))
    [request] = tick.run_requests
    assert request.partition_key is None
    assert (request.tags[START], request.tags[END]) == ("2016-03-01", "2016-05-01")


@pytest.mark.parametrize("today", ["2017-12-01", "2017-12-31", "2018-06-01"])
def test_the_last_month_is_that_of_as_of_even_before_it_is_over(configuration: Configuration, today: str) -> None:
    with dg.partition_loading_context(dt.datetime.fromisoformat(today).replace(tzinfo=dt.UTC)):
        months = monthly_partitions(configuration).get_partition_keys()
    assert (months[0], months[-1]) == ("2015-01-01", "2017-12-01")


def test_a_live_configuration_has_the_current_month(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    path = tmp_path / "live.yaml"
    path.write_text(TINY.read_text().replace("as_of: 2017-12-29\n", ""))
    live = load_configuration(path, tmp_path)
    moment = dt.datetime(2026, 5, 1, 22, 30, tzinfo=dt.UTC)
    [request] = evaluate(live, instance, moment).run_requests
    assert request.partition_key == "2026-05-01"
    [request] = evaluate(live, instance, moment.replace(hour=0)).run_requests
    assert request.partition_key == "2026-04-01", "the session of April 30 is the newest that is over"


@pytest.mark.parametrize(
    ("of", "crons"),
    [
        (["24/7"], ["10 0 * * *"]),
        (["XNYS"], ["30 22 * * 1-5"]),
        (["24/7", "XNYS"], ["10 0 * * *", "30 22 * * 1-5"]),
        (["XSAU"], ["30 13 * * 0-4"]),
        (["CMES"], ["30 0 * * 2-6"]),
    ],
)
def test_the_shipped_schedule_follows_each_close(of: list[str], crons: list[str]) -> None:
    """A coin's day ends at 24:00 UTC; New York closes at 21:00 UTC at the latest (winter), Riyadh at 12:00 and trades
    from Sunday (0) to Thursday (4), Chicago's futures at 23:00, so the run is on the next day of the week.
    """
    assert automation.daily_crons(of) == crons


def test_a_coin_s_last_day_of_a_month_is_fetched_after_midnight(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    path = tmp_path / "coins.yaml"
    path.write_text(
        "name: coins\nseed: 1\nstart: 2026-01-01\nas_of: 2026-04-30\n"
        "market_data: [{source: synthetic, asset_class: crypto, symbols: [BTC, ETH]}]\n"
        "benchmarks: {crypto: BTC}\nstrategies: {m: {type: crypto_momentum, universe: crypto}}\n"
    )
    coins = load_configuration(path, tmp_path)
    assert schedule(coins, "daily_update").cron_schedule == "10 0 * * *"
    [request] = evaluate(coins, instance, dt.datetime(2026, 5, 1, 0, 10, tzinfo=dt.UTC)).run_requests
    assert request.partition_key == "2026-04-01", "April 30 is over, and as_of has come"
    assert "as_of is fixed" in evaluate(coins, instance, dt.datetime(2026, 5, 2, 0, 10, tzinfo=dt.UTC)).skip_message


def test_the_weekly_schedule_retrains(configuration: Configuration) -> None:
    weekly = schedule(configuration, "weekly_retrain")
    assert weekly.job_name == automation.RETRAIN
    assert weekly.cron_schedule == configuration.schedules.weekly_retrain


def test_what_runs_by_itself_does_so_where_nobody_switched_it_off(configuration: Configuration) -> None:
    schedules, sensors = automation.build_schedules(configuration), automation.build_sensors(configuration)
    assert {each.default_status for each in schedules} == {dg.DefaultScheduleStatus.RUNNING}
    assert {each.default_status for each in sensors} == {dg.DefaultSensorStatus.RUNNING}


def measure(instance: dg.DagsterInstance, asset: dg.AssetKey, drift_event: bool) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(asset, metadata={"drift_event": drift_event}))


DRIFTS = [("feature_drift", automation.DRIFT_ASSET), ("loss_drift", automation.LIVE_QUALITY_ASSET)]


@pytest.mark.parametrize(("name", "asset"), DRIFTS)
def test_one_retrain_for_each_time_drift_begins(
    name: str, asset: dg.AssetKey, configuration: Configuration, instance: dg.DagsterInstance
) -> None:
    drift = sensor(configuration, name)
    cursor, requested = None, []
    for drift_events in ([], [False], [True], [True], [], [False, True], [False], [True, False, True]):
        for event in drift_events:
            measure(instance, asset, event)
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            tick = drift.evaluate_tick(context)
        cursor = tick.cursor or cursor
        requested.append(len(tick.run_requests or []))
    assert requested == [0, 0, 1, 0, 0, 1, 0, 2]


def test_one_model_in_alarm_hides_no_other(configuration: Configuration, instance: dg.DagsterInstance) -> None:
    """`week` stays in alarm for good, as one that was taken back does; `keen` is in alarm twice."""
    drift, cursor, requested = sensor(configuration, "loss_drift"), None, []
    for names in ("", "keen, week", "keen, week", "week", "keen, week", "week"):
        metadata: dict[str, Any] = {"drift_event": bool(names), "in_alarm": names}
        instance.report_runless_asset_event(dg.AssetMaterialization(automation.LIVE_QUALITY_ASSET, metadata=metadata))
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            tick = drift.evaluate_tick(context)
        cursor = tick.cursor or cursor
        requested.append(len(tick.run_requests or []))
    assert requested == [0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize("drifting", [True, False])
def test_a_cursor_of_an_earlier_version_is_understood(
    drifting: bool, configuration: Configuration, instance: dg.DagsterInstance
) -> None:
    cursor = json.dumps({"storage_id": 0, "drifting": drifting})
    metadata: dict[str, Any] = {"drift_event": True, "in_alarm": "week"}
    instance.report_runless_asset_event(dg.AssetMaterialization(automation.LIVE_QUALITY_ASSET, metadata=metadata))
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        tick = sensor(configuration, "loss_drift").evaluate_tick(context)
    assert len(tick.run_requests or []) == (0 if drifting else 1)


def test_run_keys_of_drift_differ(configuration: Configuration, instance: dg.DagsterInstance) -> None:
    for event in (True, False, True):
        measure(instance, automation.DRIFT_ASSET, event)
    with dg.build_sensor_context(instance=instance) as context:
        tick = sensor(configuration, "feature_drift").evaluate_tick(context)
    assert len({request.run_key for request in tick.run_requests or ()}) == 2


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.append({**body, "authorization": self.headers.get("Authorization")})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", received
    server.shutdown()


def test_a_failed_run_is_an_alert_and_a_call(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    webhook: tuple[str, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, received = webhook
    monkeypatch.setenv("TRADING_ASSETS_WEBHOOK_TOKEN", "secret-token")
    path = tmp_path / "hooked.yaml"
    path.write_text(TINY.read_text() + f"notifier: {{kind: webhook, url: '{url}'}}\n")
    configuration = load_configuration(path, tmp_path)

    @dg.op
    def broken() -> None:
        raise ValueError("the vendor sent nothing")

    @dg.job
    def nightly() -> None:
        broken()

    result = nightly.execute_in_process(instance=instance, raise_on_error=False)
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failed",
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_failure_event(),
    ).for_run_failure()
    sensor(configuration, "run_failed")(context)

    [alert] = Warehouse(configuration.warehouse_path).read(ALERTS).to_dicts()
    assert alert["severity"] == "error"
    assert "the vendor sent nothing" in alert["message"]
    assert alert["run_id"] == result.run_id
    [call] = received
    assert call["message"] == alert["message"]
    assert call["authorization"] == "Bearer secret-token"
