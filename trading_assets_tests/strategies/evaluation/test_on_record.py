"""What a run puts on record, in the order in which a person could see it."""

from __future__ import annotations

import datetime as dt

from trading_assets.asset_factories.table_asset import Step
from trading_assets.market_data.tables import BARS
from trading_assets.protocol import RETURNS, Protocol
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.strategies.evaluation.on_record import put_registrations_on_record
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
    ]


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
