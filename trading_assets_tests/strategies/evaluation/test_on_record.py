"""What a run puts on record, in the order in which a person could see it."""

from __future__ import annotations

import datetime as dt
import json

import duckdb
import pytest

from trading_assets.asset_factories.table_asset import Step
from trading_assets.config.sections import Interval
from trading_assets.market_data.tables import BARS
from trading_assets.protocol import RETURNS, TEXTS, Protocol, Record
from trading_assets.protocol.decisions import HandDecision, record_decision
from trading_assets.protocol.looks import looks_of, standing
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.robustness.holdout.upgrade import without_labels
from trading_assets.strategies.evaluation.on_record import (
    evaluated_state,
    put_further_exposure_on_record,
    put_registrations_on_record,
)
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
        put_further_exposure_on_record(step, "strategies", span, ["AAA", "BBB", "CCC", "DDD"], [bars])
    assert exposed("another")[1:] == [("2017-07-01", "2017-07-03")]


def test_returns_on_record_are_those_of_the_bars(finished: Experiment) -> None:
    protocol = Protocol.of(finished.configuration)
    exposed = [each for each in protocol.read() if each.kind == "exposure" and each.payload["stage"] == "backtests"]
    symbols, end = ["AAA", "BBB", "CCC", "DDD"], dt.date(2016, 12, 15)
    own = equal_weight_returns([finished.warehouse.read(BARS)], symbols, dt.date(2016, 1, 4), end)
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


def test_a_decision_by_hand_after_a_registration_is_a_named_change_of_it(experiment: Experiment) -> None:
    """The holdout goes on for years; a word of a day within it is one on all that follows from it."""
    made = experiment.write(
        splits={**SETTINGS["splits"], "holdout": ["2016-12-16", "2035-12-31"]},
        models={"trees": {}, "line": {"type": "ridge"}},
        champions={"best": {"candidates": ["trees", "line"]}},
        strategies={"known": {"type": "ml", "model": "best"}},
        robustness={},
    )
    assert experiment.run("models/splits").success
    protocol = Protocol.of(made)

    def registered(now: dt.datetime) -> list[Record]:
        put_registrations_on_record(Step(made, experiment.warehouse.unit_of_work(), None, "known", "run", now, None))
        return [each for each in protocol.read() if each.kind == "registration"]

    before = registered(dt.datetime(2030, 1, 1))
    step = Step(made, experiment.warehouse.unit_of_work(), None, "known", "run", dt.datetime(2030, 1, 1), None)
    state = evaluated_state(step)
    said = HandDecision("best", "pin", "line", True, dt.date.min, "ops", "costs rose")
    record_decision(protocol, said, dt.datetime(2030, 6, 3, 20))
    *_, last = after = registered(dt.datetime(2030, 6, 4))
    assert len(after) == len(before) + 1
    assert last.payload["changed"] == ["pin of line as champion best, ops on 2030-06-03: costs rose"]
    assert last.payload["plan_hash"] != before[-1].payload["plan_hash"]
    assert evaluated_state(step) != state
    assert len(registered(dt.datetime(2030, 6, 5))) == len(after)
    record_decision(protocol, said, dt.datetime(2036, 1, 2))  # after the holdout: no change of it
    assert len(registered(dt.datetime(2036, 1, 3))) == len(after)


def looked_after(experiment: Experiment, statement: str | None) -> Record:
    """Register a second strategy, see its signals, change the data, and look at it; the record of the look."""
    both = dict.fromkeys(("known", "unknown"), SETTINGS["registration"]["known"])
    experiment.write(registration=both)
    assert experiment.run("strategies/unknown").success
    if statement is not None:
        with duckdb.connect(str(experiment.configuration.warehouse_path)) as connection:
            connection.execute(statement)
    assert experiment.run("strategies/unknown", "backtests/unknown", "robustness/holdout/unknown").success
    looks = looks_of(Protocol.of(experiment.configuration).read(), ("small", "unknown"))
    return looks[-1]


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        (None, None),
        (
            "UPDATE market_data.bars SET volume = volume * 2 WHERE symbol = 'BBB' AND session = '2015-03-04'",
            "bars before the holdout: 1 changed, first BBB 2015-03-04",
        ),
        ("UPDATE market_data.instruments SET sector = 'banks' WHERE symbol = 'AAA'", "sector: 1 symbol changed: AAA"),
    ],
)
@pytest.mark.slow
def test_data_that_change_between_registration_and_look_are_named_and_cap_the_look(
    experiment: Experiment, statement: str | None, changed: str | None
) -> None:
    """The signals of the holdout were seen before the registration that is looked at: of the changed market."""
    look = looked_after(experiment, statement)
    own = ("small", "unknown")
    seen = [each for each in look.payload["exposed_by"] if each.startswith("/".join(own))]
    assert look.payload["market_changed"] == ([] if changed is None else [changed])
    assert bool(seen) == (changed is not None)
    assert (changed or "unseen") in standing(Protocol.of(experiment.configuration).read(), look) or changed is None


def test_bars_that_arrive_later_and_a_mended_hypothesis_register_nothing_anew(experiment: Experiment) -> None:
    """The data end with the holdout, so the last three months are taken away first and come back later."""
    protocol = Protocol.of(experiment.configuration)
    with duckdb.connect(str(experiment.configuration.warehouse_path)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM market_data.bars WHERE session > '2017-03-31'")
        connection.execute("DELETE FROM market_data.bars WHERE session > '2017-03-31'")
    mended = {"registered_on": "2016-12-14", "hypothesis": "No edge is planted, so none is to be expected."}

    def put(said: dict[str, str]) -> list[Record]:
        experiment.write(name="small", registration={"known": SETTINGS["registration"]["known"], "unknown": said})
        work = experiment.warehouse.unit_of_work()
        put_registrations_on_record(
            Step(experiment.configuration, work, None, "unknown", "run", dt.datetime(2030, 1, 1), None)
        )
        return [each for each in protocol.read() if each.kind == "registration" and each.subject == "unknown"]

    assert len(put(SETTINGS["registration"]["known"])) == 1
    with duckdb.connect(str(experiment.configuration.warehouse_path)) as connection:
        connection.execute("INSERT INTO market_data.bars SELECT * FROM kept")
        connection.execute("DROP TABLE kept")
    assert len(put(SETTINGS["registration"]["known"])) == 1
    first, second = put(mended)
    assert "changed" not in second.payload
    texts = dict(protocol.contents(TEXTS, [first, second]).select("record", "text").iter_rows())
    plans = [without_labels(json.loads(texts[each.row])) for each in (first, second)]
    assert plans[0] == plans[1] and texts[first.row] != texts[second.row]
