"""At which stage a strategy is: by steps on record, the broker that they were made at, and openings of accounts."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from trading_assets.protocol import Protocol
from trading_assets.protocol.switches import MOVE
from trading_assets.trading.opening import Opening
from trading_assets.trading.rollout.gates import strategy_gate
from trading_assets.trading.rollout.moves import advance
from trading_assets.trading.rollout.sending import AccountStage
from trading_assets.trading.rollout.stages import (
    broker_now,
    broker_of,
    lower,
    moves_on,
    rank,
    rollout_rows,
    sheet_stages,
    stage_now,
    strategy_stage,
)
from trading_assets.trading.rollout.status import rollout_status, stages_below_full
from trading_assets.trading.rollout.tables import ROLLOUT, STAGES
from trading_assets.trading.status import account_status
from trading_assets_tests.trading.experiment import STRATEGY, Experiment

NOW, SUBJECT = dt.datetime(2017, 7, 4, 12), f"strategy/{STRATEGY}"


def step(experiment: Experiment, stage: str, *, before: str = "full", broker: str = "simulated", **more: Any) -> None:
    said = {
        "action": MOVE,
        "before": before,
        "stage": stage,
        "broker": broker,
        "gate": [],
        "by": "ops",
        "reason": "why",
    }
    Protocol.of(experiment.configuration).append("account", SUBJECT, said | more, now=NOW)


def stage_at(experiment: Experiment, broker: str) -> str:
    return strategy_stage(Protocol.of(experiment.configuration).read(), "small", STRATEGY, broker)


def test_an_account_begins_at_full_on_the_simulated_broker_and_at_off_elsewhere(paper: Experiment) -> None:
    assert broker_now(paper.configuration, [], STRATEGY) == "simulated"
    assert broker_of(paper.open()) == "simulated"
    assert stage_now(paper.configuration, STRATEGY) == "full"
    assert stage_at(paper, "alpaca") == "off"
    step(paper, "partial")
    assert stage_now(paper.configuration, STRATEGY) == "partial"
    assert strategy_stage(Protocol.of(paper.configuration).read(), "small", "unknown", "simulated") == "full"


def test_a_step_forward_counts_at_its_broker_alone_and_a_step_back_everywhere(paper: Experiment) -> None:
    paper.open()
    step(paper, "shadow", before="off", broker="alpaca")
    assert (stage_at(paper, "alpaca"), stage_at(paper, "alpaca live")) == ("shadow", "off")
    step(paper, "canary", before="shadow", broker="alpaca")
    assert stage_at(paper, "alpaca") == "canary"
    step(paper, "off")
    assert {stage_at(paper, each) for each in ("alpaca", "simulated", "alpaca live")} == {"off"}


def test_a_new_account_begins_no_higher_than_its_broker_and_than_the_one_before(paper: Experiment) -> None:
    paper.open()
    step(paper, "full", before="majority", broker="alpaca")
    assert stage_at(paper, "alpaca") == "full"
    step(paper, "canary")
    opened = next(each for each in Protocol.of(paper.configuration).read() if each.payload.get("action") == "open")
    Protocol.of(paper.configuration).append("account", STRATEGY, dict(opened.payload), now=NOW)
    assert stage_at(paper, "alpaca") == "off"
    assert stage_at(paper, "simulated") == "canary"


@pytest.mark.parametrize(
    ("opened_at", "edited_to", "stage"), [("alpaca", "simulated", "off"), ("simulated", "alpaca", "full")]
)
def test_an_edit_of_the_section_trading_moves_no_account(
    paper: Experiment, opened_at: str, edited_to: str, stage: str
) -> None:
    """Orders go to the broker of the opening, so the stage is that one's, in each place that reads it."""
    end = str(paper.configuration.as_of)
    paper.until(end, trading={"broker": opened_at})
    opening = paper.open()
    live = {"live": True, "live_account": "123456789"} if edited_to == "alpaca" else {}
    paper.until(end, trading={"broker": edited_to, **live})
    configuration = paper.configuration
    assert configuration.trading.broker == edited_to
    assert AccountStage(configuration, opening, NOW).now() == stage
    assert stage_now(configuration, STRATEGY) == stage
    assert rollout_status(paper.warehouse, configuration)["stage"].to_list() == [stage]
    assert account_status(paper.warehouse, configuration)["stage"].to_list() == [stage]
    assert [each[1] for each in stages_below_full(configuration)] == [stage] * (stage != "full")
    if stage == "off":
        made = advance(paper.warehouse, configuration, SUBJECT, by="ops", reason="why", now=NOW)
        assert (made.before, made.stage, made.broker) == ("off", "shadow", "alpaca")
        criteria = strategy_gate(paper.warehouse, configuration, Protocol.of(configuration).read(), STRATEGY)
        assert criteria[0].detail.endswith("at alpaca")


def test_money_is_at_stake_where_the_account_is_live() -> None:
    opening = Opening(
        STRATEGY, "known-1", dt.date(2017, 7, 3), 1.0, "go", "0", "ops", NOW, mode="live", broker="alpaca"
    )
    assert broker_of(opening) == "alpaca live"


def test_a_process_of_an_account_that_was_ended_meanwhile_goes_by_its_own_broker(paper: Experiment) -> None:
    end = str(paper.configuration.as_of)
    paper.until(end, trading={"broker": "alpaca"})
    first = paper.open()
    paper.until(end)
    assert paper.open().account == "known-2"
    assert stage_now(paper.configuration, STRATEGY) == "full"
    assert AccountStage(paper.configuration, first, NOW).now() == "off"


def test_a_sheet_is_noted_once_and_full_in_its_evening_alone(paper: Experiment) -> None:
    opening = paper.open()
    day, next_day, configuration = dt.date(2017, 7, 3), dt.date(2017, 7, 5), paper.configuration
    passed_over = AccountStage(configuration, opening, NOW)
    evening = AccountStage(configuration, opening, NOW, in_evening=True)
    for stage in ("full", "shadow", "shadow", "canary", "full"):
        passed_over.note(day, stage)
    for stage in ("full", "full", "off"):
        evening.note(next_day, stage)
    records = Protocol.of(configuration).read()
    found = sheet_stages(records, configuration.name, STRATEGY, "known-1")
    assert [(each.session, each.stage) for each in found] == [
        *((day, stage) for stage in ("shadow", "canary", "full")),
        *((next_day, stage) for stage in ("full", "off")),
    ]
    assert evening.made() == passed_over.made() == {next_day}
    assert passed_over.on_record() == {day: "full", next_day: "off"}
    assert sheet_stages(records, configuration.name, STRATEGY, "known-2") == []


def test_the_table_is_made_from_the_record(paper: Experiment) -> None:
    gate = [{"criterion": "verdict", "passed": True}]
    step(paper, "shadow")
    step(paper, "canary", before="shadow", gate=gate)
    rows = rollout_rows(Protocol.of(paper.configuration).read(), "small")
    ROLLOUT.validate(rows)
    assert rows.select("step", "previous", "stage", "share", "by").rows() == [
        (1, "full", "shadow", 0.0, "ops"),
        (2, "shadow", "canary", 0.05, "ops"),
    ]
    assert json.loads(rows["gate"][1]) == gate
    assert [each.at for each in moves_on(Protocol.of(paper.configuration).read(), "small")] == rows[
        "changed_at"
    ].to_list()
    assert rollout_rows(Protocol.of(paper.configuration).read(), "another").is_empty()


@pytest.mark.parametrize("place", range(5))
def test_stages_follow_each_other(place: int) -> None:
    assert rank(STAGES[place]) < rank(STAGES[place + 1])
    assert lower(STAGES[place + 1], STAGES[place]) == STAGES[place]
