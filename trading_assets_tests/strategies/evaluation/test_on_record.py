"""What a run puts on record, in the order in which a person could see it."""

from __future__ import annotations

import datetime as dt

from trading_assets.asset_factories.table_asset import Step
from trading_assets.config.sections import Interval
from trading_assets.market_data.tables import BARS
from trading_assets.protocol import RETURNS, Protocol
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.strategies.evaluation.on_record import put_further_exposure_on_record, put_registrations_on_record
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment


def test_a_registration_is_on_record_before_its_signals_and_a_result_after_its_look(finished: Experiment) -> None:
    records = Protocol.of(finished.configuration).read()
    said = [(each.kind, each.subject, each.payload.get("stage")) for each in records]
    order = [
        ("registration", "known", None),
        ("exposure", "known", "strategies"),
        ("exposure", "known", "backtests"),
        ("exposure", "known", "sensitivity"),
        ("batch", None, None),
        ("look", "known", "holdout"),
        ("result", "known", None),
    ]
    places = [said.index(each) for each in order]
    assert places == sorted(places)
    assert [each.payload["end"] for each in records if each.subject == "unknown" and each.kind == "exposure"] == [
        "2016-12-15",
        "2016-12-15",
        "2016-12-15",
    ]


def test_signals_are_exposures_of_every_session_that_they_are_of_and_the_next_day_of_one_more(
    experiment: Experiment,
) -> None:
    """An early holdout is over, or there is none (a share of 0): what is signalled there may be a holdout tomorrow."""

    def exposed(strategy: str) -> list[tuple[str, str]]:
        records = Protocol.of(experiment.configuration).read()
        own = [each.payload for each in records if each.kind == "exposure" and each.subject == strategy]
        return [(each["start"], each["end"]) for each in own if each["stage"] == "strategies"]

    assert exposed("known") == [("2015-01-02", "2017-06-30")]
    experiment.write(
        splits={"train": 0.8, "validation": 0.2, "holdout": 0},
        strategies={"another": SETTINGS["strategies"]["known"]},
        registration={},
    )
    assert experiment.run("models/splits", "strategies/another").success
    assert exposed("another") == [("2015-01-02", "2017-06-30")]
    bars, work = experiment.warehouse.read(BARS), experiment.warehouse.unit_of_work()
    step = Step(experiment.configuration, work, None, "another", "run", dt.datetime(2030, 1, 1), None)
    for end in (dt.date(2017, 6, 30), dt.date(2017, 7, 3), dt.date(2017, 7, 3)):
        span = Interval(start=dt.date(2015, 1, 2), end=end)
        put_further_exposure_on_record(step, "strategies", span, ["AAA", "BBB", "CCC", "DDD"], bars)
    assert exposed("another")[1:] == [("2017-07-01", "2017-07-03")]


def test_returns_on_record_are_those_of_the_bars(finished: Experiment) -> None:
    protocol = Protocol.of(finished.configuration)
    exposed = [each for each in protocol.read() if each.kind == "exposure" and each.payload["stage"] == "backtests"]
    symbols, end = ["AAA", "BBB", "CCC", "DDD"], dt.date(2016, 12, 15)
    own = equal_weight_returns(finished.warehouse.read(BARS), symbols, dt.date(2016, 1, 4), end)
    assert exposed[0].payload["symbols"] == symbols
    assert protocol.contents(RETURNS, exposed[:1]).select("session", "value").equals(own)


def test_registrations_go_on_record_together_and_once(experiment: Experiment) -> None:
    experiment.write(registration=dict.fromkeys(("known", "unknown"), SETTINGS["registration"]["known"]))
    work = experiment.warehouse.unit_of_work()
    step = Step(experiment.configuration, work, None, "known", "run", dt.datetime(2030, 1, 1), None)
    before = Protocol.of(experiment.configuration).read()
    for _ in range(2):
        put_registrations_on_record(step)
    added = Protocol.of(experiment.configuration).read()[len(before) :]
    assert [(each.kind, each.subject) for each in added] == [("registration", "unknown")]
