"""Jobs, schedules and the sensor of running accounts, each through Dagster's own contexts; and a run of each job."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from trading_assets.config import Configuration
from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.definitions import build_definitions
from trading_assets.protocol import Protocol
from trading_assets.protocol.records import Entry
from trading_assets.trading.assets import LAST_SESSION
from trading_assets.trading.automation import awaited, build_jobs, build_schedules, build_sensors, calendars_of, job_of
from trading_assets.trading.closing.close import accounts_at_work, close_account
from trading_assets.trading.session_times import PHASES
from trading_assets.trading.tables import EQUITY, ORDER_SHEETS, RECONCILIATIONS, SUBMISSIONS
from trading_assets_tests.robustness import pipeline
from trading_assets_tests.trading.experiment import STRATEGY, Experiment

NEW_YORK = ZoneInfo("America/New_York")
ACCOUNT = dg.AssetKey(["trading", "account", STRATEGY])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as fresh:
        yield fresh


@pytest.fixture
def opened(paper: Experiment) -> Experiment:
    """The experiment without an end, and an account of it that decides from 3 July 2017 on."""
    paper.open()
    paper.write(as_of=None)
    return paper


def evaluate(configuration: Configuration, instance: dg.DagsterInstance, name: str, moment: dt.datetime) -> Any:
    repository = build_definitions(configuration).get_repository_def()
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=moment, repository_def=repository
    ) as context:
        return repository.get_schedule_def(name).evaluate_tick(context)


def test_nothing_is_there_before_an_account_is_open(finished: pipeline.Experiment) -> None:
    configuration = finished.configuration
    assert [*build_jobs(configuration), *build_schedules(configuration), *build_sensors(configuration)] == []
    repository = build_definitions(configuration).get_repository_def()
    assert not [name for name in repository.job_names if name.startswith("trading")]


def test_each_phase_has_a_schedule_in_the_zone_of_the_market(opened: Experiment) -> None:
    schedules = {each.name: each for each in build_schedules(opened.configuration)}
    assert set(schedules) == {f"trading_{phase}_xnys" for phase in PHASES}
    assert {each.execution_timezone for each in schedules.values()} == {"America/New_York"}
    assert {each.default_status for each in schedules.values()} == {dg.DefaultScheduleStatus.RUNNING}
    assert schedules["trading_after_close_xnys"].cron_schedule == ["15 14 * * 1-5", "15 17 * * 1-5"]
    assert schedules["trading_before_open_xnys"].cron_schedule == "45 8 * * 1-5"
    assert calendars_of(accounts_at_work(opened.configuration)[STRATEGY]) == ["XNYS"]


def test_a_run_of_an_account_is_of_its_configuration_by_name(opened: Experiment) -> None:
    """By the hash alone it would be of nobody once a key has changed, and its failure would be told to be over."""
    jobs = build_jobs(opened.configuration)
    assert [each.tags[CONFIGURATION_TAG] for each in jobs if each.tags] == [opened.configuration.name] * len(PHASES)


def test_what_is_left_is_worked_on_no_more(opened: Experiment) -> None:
    configuration = opened.configuration
    made = close_account(configuration, STRATEGY, by="ops", reason="over", now=dt.datetime(2017, 7, 3, 9))
    assert len(build_schedules(configuration)) == 3, "it is being left"
    said = {"account": "known-1", "through": "2017-07-06", "follows": 0, "closing": made.row, "left": True}
    now = dt.datetime(2017, 7, 7)
    Protocol.of(configuration).append_decided(lambda _: [Entry("evidence", None, said)], now=now)
    assert [*build_jobs(configuration), *build_schedules(configuration), *build_sensors(configuration)] == []


def test_a_dagster_that_is_running_asks_nothing_more_for_what_is_left(
    opened: Experiment, instance: dg.DagsterInstance
) -> None:
    """The definitions were loaded while the account was at work; no reload."""
    configuration, whole = opened.configuration, dt.datetime(2017, 7, 5, 17, 15, tzinfo=NEW_YORK)
    repository = build_definitions(configuration).get_repository_def()
    [sensor] = build_sensors(configuration, lambda: whole + dt.timedelta(hours=1))
    published(instance, "2017-07-03")

    def asked() -> list[Any]:
        with dg.build_schedule_context(
            instance=instance, scheduled_execution_time=whole, repository_def=repository
        ) as context:
            by_schedule = repository.get_schedule_def("trading_after_close_xnys").evaluate_tick(context)
        with dg.build_sensor_context(instance=instance, repository_def=repository) as context:
            return [*(by_schedule.run_requests or []), *(sensor.evaluate_tick(context).run_requests or [])]

    assert len(asked()) == 2
    made = close_account(configuration, STRATEGY, by="ops", reason="over", now=dt.datetime(2017, 7, 3, 9))
    said = {"account": "known-1", "through": "2017-07-03", "follows": 0, "closing": made.row, "left": True}
    now = dt.datetime(2017, 7, 7)
    Protocol.of(configuration).append_decided(lambda _: [Entry("evidence", None, said)], now=now)
    assert asked() == []


def mixed(opened: Experiment) -> Experiment:
    """The account with coins beside its stocks, by what is on record."""
    protocol = Protocol.of(opened.configuration)
    [known] = [each.payload for each in protocol.read() if each.payload.get("action") == "open"]
    universe = {**known["universe"], "BTC": ["files", "24/7", "crypto"]}
    said = {**known, "account": "known-2", "universe": universe}
    protocol.append_decided(lambda _: [Entry("account", STRATEGY, said)], now=dt.datetime(2017, 7, 1))
    return opened


def test_stocks_beside_coins_are_asked_for_once_the_day_of_coins_is_over(
    opened: Experiment, instance: dg.DagsterInstance
) -> None:
    """6 July 2017 closes at 20:00 UTC for stocks and at 00:00 UTC for coins, whose bars are late from 00:20 on."""
    experiment = mixed(opened)
    published(instance, "2017-07-05")
    evening, midnight = dt.datetime(2017, 7, 6, 21, 30, tzinfo=dt.UTC), dt.datetime(2017, 7, 7, tzinfo=dt.UTC)
    for moment in (evening, midnight - dt.timedelta(minutes=1), midnight + dt.timedelta(minutes=19)):
        assert waited_for(experiment, instance, moment).skip_message == "no session is late"
    [request] = waited_for(experiment, instance, midnight + dt.timedelta(minutes=20)).run_requests
    assert "2017-07-06-again" in request.run_key


def test_late_bars_of_coins_are_asked_for_while_their_orders_may_be_late(
    opened: Experiment, instance: dg.DagsterInstance
) -> None:
    """A Saturday, of which stocks have no session: until 01:00 UTC, `trading.late_minutes` after it was over."""
    experiment, sunday = mixed(opened), dt.datetime(2017, 7, 9, tzinfo=dt.UTC)
    published(instance, "2017-07-07")
    [request] = waited_for(experiment, instance, sunday + dt.timedelta(minutes=59)).run_requests
    assert request.run_key.startswith("after_close-24/7-2017-07-08-again-")
    tick = waited_for(experiment, instance, sunday + dt.timedelta(minutes=60))
    assert "session 2017-07-08 of 24/7 is not decided, and it opened again at 00:00 UTC" in tick.skip_message


def test_a_job_has_no_more_than_what_it_needs(opened: Experiment) -> None:
    repository = build_definitions(opened.configuration).get_repository_def()
    keys = {
        phase: {key.to_user_string() for key in repository.get_job(job_of(phase)).asset_layer.executable_asset_keys}
        for phase in PHASES
    }
    assert keys["before_open"] == {"trading/orders/known"}
    assert keys["after_open"] == {"trading/fills/known"}
    assert {"market_data/bars", "robustness/verdict/known", "trading/account/known"} < keys["after_close"]
    assert "trading/divergence/known" in keys["after_close"]  # the gate of a step forward waits for it
    assert not {key for key in keys["after_close"] if key.startswith(("reports/", "monitoring/"))}
    assert "backtests/unknown" not in keys["after_close"] or "robustness/verdict/unknown" not in keys["after_close"]


def test_after_a_close_the_month_of_the_session_is_asked_for(opened: Experiment, instance: dg.DagsterInstance) -> None:
    """3 July 2017 closes at 13:00, 4 July is none, and 5 July closes at 16:00."""
    half = dt.datetime(2017, 7, 3, 14, 15, tzinfo=NEW_YORK)
    [request] = evaluate(opened.configuration, instance, "trading_after_close_xnys", half).run_requests
    assert (request.run_key, request.partition_key) == ("after_close-XNYS-2017-07-03", "2017-07-01")
    for moment, why in (
        (half.replace(hour=17), "session 2017-07-03 of XNYS has hours of its own: 13:30 to 17:00 UTC"),
        (half.replace(day=4), "2017-07-04 has no session of XNYS that it is for"),
    ):
        tick = evaluate(opened.configuration, instance, "trading_after_close_xnys", moment)
        assert (tick.run_requests, tick.skip_message) == ([], why)
    whole = dt.datetime(2017, 7, 5, 17, 15, tzinfo=NEW_YORK)
    [request] = evaluate(opened.configuration, instance, "trading_after_close_xnys", whole).run_requests
    assert request.run_key == "after_close-XNYS-2017-07-05"


def test_around_an_open_only_the_assets_of_accounts_are_asked_for(
    opened: Experiment, instance: dg.DagsterInstance
) -> None:
    for phase, clock, asset in (("before_open", (8, 45), "orders"), ("after_open", (9, 45), "fills")):
        moment = dt.datetime(2017, 7, 5, *clock, tzinfo=NEW_YORK)
        [request] = evaluate(opened.configuration, instance, f"trading_{phase}_xnys", moment).run_requests
        assert request.run_key == f"{phase}-XNYS-2017-07-05"
        assert request.asset_selection == [dg.AssetKey(["trading", asset, STRATEGY])]


def test_a_session_after_as_of_is_skipped(paper: Experiment, instance: dg.DagsterInstance) -> None:
    paper.open()
    moment = dt.datetime(2017, 7, 3, 14, 15, tzinfo=NEW_YORK)
    tick = evaluate(paper.configuration, instance, "trading_after_close_xnys", moment)
    assert "as_of is fixed at 2017-06-30" in tick.skip_message
    [late] = build_sensors(paper.configuration)
    with dg.build_sensor_context(instance=instance) as context:
        assert "as_of is fixed" in (late.evaluate_tick(context).skip_message or "")


def waited_for(opened: Experiment, instance: dg.DagsterInstance, now: dt.datetime) -> Any:
    [sensor] = build_sensors(opened.configuration, lambda: now)
    repository = build_definitions(opened.configuration).get_repository_def()
    with dg.build_sensor_context(instance=instance, repository_def=repository) as context:
        return sensor.evaluate_tick(context)


def published(instance: dg.DagsterInstance, session: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(ACCOUNT, metadata={LAST_SESSION: session}))


def test_late_bars_are_asked_for_again_until_the_open(opened: Experiment, instance: dg.DagsterInstance) -> None:
    """5 July closes at 20:00 UTC, is worked on at 21:15 and asked for again from 21:30 on, to 13:30 of the next day."""
    evening = dt.datetime(2017, 7, 5, 21, 15, tzinfo=dt.UTC)
    published(instance, "2017-07-03")
    assert waited_for(opened, instance, evening).skip_message == "no session is late"
    keys = []
    for minutes in (15, 20, 30):
        [request] = waited_for(opened, instance, evening + dt.timedelta(minutes=minutes)).run_requests
        assert request.partition_key == "2017-07-01"
        keys.append(request.run_key)
    assert keys[0].startswith("after_close-XNYS-2017-07-05-again-")
    assert keys[0] == keys[1] != keys[2], "once in fifteen minutes"
    opens = dt.datetime(2017, 7, 6, 13, 30, tzinfo=dt.UTC)
    assert waited_for(opened, instance, opens - dt.timedelta(minutes=1)).run_requests
    tick = waited_for(opened, instance, opens)
    assert tick.run_requests == []
    assert tick.skip_message == (
        "known-1: session 2017-07-05 of XNYS is not decided, and it opened again at 13:30 UTC: no entry of it is sent"
    )
    published(instance, "2017-07-05")
    assert waited_for(opened, instance, evening + dt.timedelta(hours=1)).skip_message == "no session is late"


def test_nothing_is_asked_for_while_a_run_is_under_way(opened: Experiment, instance: dg.DagsterInstance) -> None:
    job = build_definitions(opened.configuration).resolve_job_def(job_of("after_close"))
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    tick = waited_for(opened, instance, dt.datetime(2017, 7, 5, 22, 0, tzinfo=dt.UTC))
    assert tick.skip_message == "known-1: a run that may bring session 2017-07-05 is under way"


def test_the_session_that_is_awaited_follows_the_calendar(opened: Experiment) -> None:
    """On a Sunday it is Friday's; of what never closes the day before, from 00:20 UTC on."""
    configuration = opened.configuration
    sunday = dt.datetime(2017, 7, 9, 12, tzinfo=dt.UTC)
    assert awaited("XNYS", sunday, configuration) == dt.date(2017, 7, 7)
    midnight = dt.datetime(2017, 7, 9, 0, 19, tzinfo=dt.UTC)
    assert awaited("24/7", midnight, configuration) == dt.date(2017, 7, 7)
    assert awaited("24/7", midnight + dt.timedelta(minutes=1), configuration) == dt.date(2017, 7, 8)


@pytest.mark.slow
def test_each_job_runs(paper: Experiment, instance: dg.DagsterInstance) -> None:
    """Two evenings with a morning between them, as the schedules ask for them: decided, sent, settled."""
    paper.open()
    for day in ("2017-07-03", "2017-07-05"):
        paper.until(day)
        close = dt.datetime.fromisoformat(f"{day}T{'14' if day.endswith('3') else '17'}:15").replace(tzinfo=NEW_YORK)
        [asked] = evaluate(paper.configuration, instance, "trading_after_close_xnys", close).run_requests
        assert ran(paper, instance, "after_close", partition_key=asked.partition_key)
    equity, sheets = paper.warehouse.read(EQUITY), paper.warehouse.read(ORDER_SHEETS)
    assert equity["session"].to_list() == [dt.date(2017, 7, 3), dt.date(2017, 7, 5)]
    before = paper.warehouse.read_or_empty(SUBMISSIONS)
    assert ran(paper, instance, "before_open")
    assert ran(paper, instance, "after_open")
    assert paper.warehouse.read(ORDER_SHEETS).equals(sheets)
    assert paper.warehouse.read_or_empty(SUBMISSIONS).equals(before), "nothing is sent twice"
    assert paper.warehouse.read(RECONCILIATIONS)["session"].to_list() == [dt.date(2017, 7, 5)]
    event = instance.get_latest_materialization_event(ACCOUNT)
    assert event is not None and event.asset_materialization is not None
    assert event.asset_materialization.metadata[LAST_SESSION].value == "2017-07-05"


def ran(experiment: Experiment, instance: dg.DagsterInstance, phase: Any, **what: Any) -> bool:
    job = build_definitions(experiment.configuration).resolve_job_def(job_of(phase))
    return job.execute_in_process(instance=instance, raise_on_error=False, **what).success
