"""Steps: one at a time through a gate, back at once, and what is refused in words."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.rollout import Rollout
from trading_assets.models.standing import champion_history
from trading_assets.protocol import Protocol
from trading_assets.protocol.switches import switched_off
from trading_assets.trading.rollout.gates import feature_gate
from trading_assets.trading.rollout.moves import GateRefusedError, Subject, advance, back, next_stage
from trading_assets.trading.rollout.stages import note_sheet, stage_now
from trading_assets.warehouse import Warehouse
from trading_assets_tests.models.test_standing import World, world
from trading_assets_tests.trading.experiment import STRATEGY, Experiment
from trading_assets_tests.trading.rollout.test_gates import judge

__all__ = ["world"]

NOW, SUBJECT = dt.datetime(2017, 7, 4, 12), f"strategy/{STRATEGY}"
WORDS: dict[str, Any] = {"by": "ops", "reason": "it slips", "now": NOW}


def test_back_is_one_step_or_as_far_as_it_is_told(paper: Experiment) -> None:
    paper.open()
    configuration, warehouse = paper.configuration, paper.warehouse
    made = back(warehouse, configuration, SUBJECT, to=None, **WORDS)
    assert (made.before, made.stage, made.by, made.reason, list(made.gate)) == (
        "full",
        "majority",
        "ops",
        "it slips",
        [],
    )
    assert back(warehouse, configuration, SUBJECT, to="off", **WORDS).stage == "off"
    with pytest.raises(ConfigurationError, match="is at off: nothing is no stage before it"):
        back(warehouse, configuration, SUBJECT, to=None, **WORDS)
    assert stage_now(configuration, STRATEGY) == "off"


def test_forward_is_one_stage_at_a_time_with_the_numbers_of_its_gate(paper: Experiment) -> None:
    paper.open()
    asked = Rollout(shadow_sessions=2, stage_sessions=1)
    configuration = paper.configuration.model_copy(update={"rollout": asked})
    back(paper.warehouse, configuration, SUBJECT, to="off", **WORDS)
    reached = [advance(paper.warehouse, configuration, SUBJECT, **WORDS).stage]
    with pytest.raises(GateRefusedError, match=r"the gate to canary is closed\n  cause: sessions: 0 sheets at shadow"):
        advance(paper.warehouse, configuration, SUBJECT, **WORDS)
    for day, stage in ((3, "shadow"), (5, "shadow"), (6, "canary"), (7, "partial"), (10, "majority")):
        note_sheet(configuration, STRATEGY, "known-1", dt.date(2017, 7, day), stage, NOW)
        judge(paper, dt.date(2017, 7, day))
        if stage != "shadow" or day == 5:
            made = advance(paper.warehouse, configuration, SUBJECT, **WORDS)
            reached.append(made.stage)
    assert reached == ["shadow", "canary", "partial", "majority", "full"]
    assert {each["criterion"] for each in made.gate} == {
        "account",
        "verdict",
        "sessions",
        "differences",
        "divergence",
        "sharpe",
    }
    assert all(each["passed"] for each in made.gate)
    with pytest.raises(ConfigurationError, match="is at full, the last stage"):
        advance(paper.warehouse, configuration, SUBJECT, **WORDS)


def test_what_is_refused_leaves_nothing_on_record(paper: Experiment) -> None:
    configuration, warehouse = paper.configuration, paper.warehouse
    before = len(Protocol.of(configuration).read())
    for subject, said in (
        ("known", "no subject 'known'"),
        ("strategy/knwon", "no strategy 'knwon'"),
        ("model/trees", "model/trees is no candidate of a champion"),
        ("feature/ma_20", "what is made of bars is part of the registered plan"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            advance(warehouse, configuration, subject, **WORDS)
        with pytest.raises(ConfigurationError, match=said):
            back(warehouse, configuration, subject, to=None, **WORDS)
    with pytest.raises(ConfigurationError, match="a step back without a reason"):
        back(warehouse, configuration, SUBJECT, to="off", **WORDS | {"reason": " "})
    with pytest.raises(ConfigurationError, match="full is no stage before it"):
        back(warehouse, configuration, SUBJECT, to="full", **WORDS)
    assert len(Protocol.of(configuration).read()) == before


def test_a_strategy_has_all_stages_and_a_model_three() -> None:
    assert next_stage(Subject("strategy", "s"), "shadow") == "canary"
    assert next_stage(Subject("model", "m"), "shadow") == "full"
    assert next_stage(Subject("model", "m"), "full") is None


def test_a_model_is_champion_or_beside_it_and_goes_forward_by_its_losses(world: World) -> None:
    """`better` became champion by its test; back it is in its shadow, and its losses let it forward again."""
    warehouse, configuration = world.warehouse, world.configuration
    made = back(warehouse, configuration, "model/better", to=None, **WORDS)
    assert (made.before, made.stage) == ("full", "shadow")
    assert champion_history(warehouse, configuration, "best").history[-1].candidate == "old"
    made = advance(warehouse, configuration, "model/better", **WORDS)
    assert (made.before, made.stage) == ("shadow", "full")
    assert {each["criterion"]: each["passed"] for each in made.gate} == {
        "champion": True,
        "sessions": True,
        "loss": True,
    }
    assert champion_history(warehouse, configuration, "best").history[-1].candidate == "better"
    with pytest.raises(GateRefusedError, match="loss: mean log loss"):
        advance(warehouse, configuration, "model/old", **WORDS)
    with pytest.raises(ConfigurationError, match="canary is no stage before it"):
        back(warehouse, configuration, "model/better", to="canary", **WORDS)


def test_a_champion_that_is_pinned_stands_against_every_candidate(world: World) -> None:
    world.say("pin", "old")
    with pytest.raises(GateRefusedError, match="champion: old is pinned"):
        advance(world.warehouse, world.configuration, "model/better", **WORDS)


def test_a_provider_is_switched_off_at_once_and_on_again_when_it_has_news(tmp_path: Path) -> None:
    values = {
        "name": "published",
        "start": "2018-01-01",
        "market_data": [{"source": "sample"}],
        "strategies": {"momentum": {"type": "equity_momentum"}},
        "alternative_data": {
            "macro": {"path": "macro.csv", "published": "time", "timezone": "UTC", "values": ["level"]}
        },
        "data": tmp_path,
        "directory": tmp_path,
    }
    configuration = Configuration.model_validate(values)
    warehouse, file = Warehouse(configuration.warehouse_path), tmp_path / "macro.csv"
    assert back(warehouse, configuration, "feature/macro", to=None, **WORDS).stage == "off"
    assert [each.start for each in switched_off(configuration)] == [NOW]
    for rows in ("", "2017-07-04 10:00,1"):
        file.write_text(f"time,level\n{rows}\n")
        with pytest.raises(GateRefusedError, match="cause: publications: "):
            advance(warehouse, configuration, "feature/macro", **WORDS)
    file.write_text("time,level\n2017-07-04 13:00,1\n")
    made = advance(warehouse, configuration, "feature/macro", **WORDS | {"now": NOW + dt.timedelta(days=1)})
    assert (made.before, made.stage) == ("off", "full")
    assert [each.end for each in switched_off(configuration)] == [NOW + dt.timedelta(days=1)]
    with pytest.raises(ConfigurationError, match="shadow is no stage before it"):
        back(warehouse, configuration, "feature/macro", to="shadow", **WORDS)


def test_a_provider_that_is_off_is_judged_by_its_kept_file_and_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service cannot be reached, and has no key: the file says what there is, and stays as it is."""
    monkeypatch.delenv("FRED_API_KEY", raising=False)
    row = {"realtime_start": "2017-07-05", "realtime_end": "9999-12-31", "date": "2017-07-01", "value": "1.0"}
    file = tmp_path / "macro.json"
    file.write_text(json.dumps({"observations": [row]}))
    before = file.read_bytes()
    values = {
        "name": "published",
        "start": "2018-01-01",
        "market_data": [{"source": "sample"}],
        "strategies": {"momentum": {"type": "equity_momentum"}},
        "alternative_data": {
            "macro": {
                "path": "macro.json",
                "alfred": {"series": "UNRATE"},
                "values": {"rate": "value"},
                "timezone": "America/New_York",
            }
        },
        "data": tmp_path,
        "directory": tmp_path,
    }
    configuration = Configuration.model_validate(values)
    back(Warehouse(configuration.warehouse_path), configuration, "feature/macro", to=None, **WORDS)
    [found] = feature_gate(configuration, Protocol.of(configuration).read(), "macro")
    assert (found.value, found.passed) == (1.0, True)
    assert file.read_bytes() == before
