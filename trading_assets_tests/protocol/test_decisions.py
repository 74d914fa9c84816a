"""A person's word on a champion is on record with the day of the machine, and part of what it acts on."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from trading_assets.config import Configuration
from trading_assets.protocol import Protocol
from trading_assets.protocol.decisions import (
    HandDecision,
    decisions_behind,
    decisions_of,
    record_decision,
    void_decisions_of,
)
from trading_assets.protocol.settings_identity import model_identity, section_identity
from trading_assets.strategies.ensemble import Parameters as OfMembers
from trading_assets.strategies.ml import Parameters
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.features.test_own import HEAD, declared
from trading_assets_tests.protocol.test_made_under import PARTS

NOW = dt.datetime(2026, 3, 2, 18)
OWN = """
import numpy as np


class Flat:
    def score(self, features):
        return np.full(len(features), {rate})

    def save(self):
        return b"flat"


def fit(training, parameters, seed):
    return Flat()


def load(content):
    return Flat()
"""


def configuration(data: Path, name: str = "own") -> Configuration:
    made = Configuration.model_validate(
        {
            "name": name,
            "start": "2010-01-01",
            "market_data": [{"source": "sample"}],
            "models": {"one": {}, "two": {"type": "ridge"}},
            "champions": {"best": {"candidates": ["one", "two"]}, "other": {"candidates": ["two"]}},
            "strategies": {
                "reads": {"type": "ml"},
                "blend": {"type": "ensemble", "members": ["reads"]},
                "plain": {"type": "equity_momentum"},
            },
            "data": data,
        }
    )
    parameters = {"reads": Parameters(model="best"), "blend": OfMembers(members=["reads"])}
    given = {
        strategy: made.strategies[strategy].model_copy(update={"parameters": each})
        for strategy, each in parameters.items()
    }
    return made.model_copy(update={"strategies": made.strategies | given})


def word(action: str = "pin", champion: str = "best", day: dt.date = dt.date(1999, 1, 1)) -> HandDecision:
    return HandDecision(champion, action, "two", action == "pin", day, "ops", "one has failed")


def test_the_day_is_that_of_the_record_whatever_was_said(tmp_path: Path) -> None:
    made = configuration(tmp_path)
    found = record_decision(Protocol.of(made), word(), NOW)
    assert found == HandDecision("best", "pin", "two", True, NOW.date(), "ops", "one has failed")
    assert decisions_of(made, ["best"]) == [found]
    assert found.in_words() == "pin of two as champion best, ops on 2026-03-02: one has failed"
    assert found.plain()["day"] == "2026-03-02"


def test_a_clock_that_went_back_dates_nothing_back(tmp_path: Path) -> None:
    """A record is never before the one before it."""
    protocol = Protocol.of(configuration(tmp_path))
    record_decision(protocol, word(), NOW)
    assert record_decision(protocol, word("rollback"), NOW - dt.timedelta(days=400)).day == NOW.date()


def test_words_of_other_champions_and_configurations_are_not_among_them(tmp_path: Path) -> None:
    made = configuration(tmp_path)
    record_decision(Protocol.of(made), word(champion="other"), NOW)
    record_decision(Protocol.of(configuration(tmp_path, "elsewhere")), word(), NOW)
    assert decisions_of(made, ["best"]) == []
    assert [each.champion for each in decisions_of(made, ["best", "other"])] == ["other"]


@pytest.mark.parametrize(("strategy", "count"), [("reads", 2), ("blend", 2), ("plain", 0)])
def test_a_strategy_has_the_words_on_champions_that_it_or_a_member_reads(
    strategy: str, count: int, tmp_path: Path
) -> None:
    made = configuration(tmp_path)
    for champion, now in (("best", NOW), ("other", NOW), ("best", NOW + dt.timedelta(days=7))):
        record_decision(Protocol.of(made), word(champion=champion), now)
    assert len(decisions_behind(made, strategy)) == count
    # What is said on a day acts from the next session: nothing of it is within a span that ends on that day.
    assert len(decisions_behind(made, strategy, NOW.date() + dt.timedelta(days=7))) == count // 2
    assert decisions_behind(made, strategy, NOW.date()) == []


def test_a_word_is_of_the_model_as_it_was_and_of_no_other_one_under_its_name(tmp_path: Path) -> None:
    """What a gate or a person has let through cannot be exchanged behind it; back as it was, it has the word again."""
    made = configuration(tmp_path)
    now = model_identity(made, "two")
    record_decision(Protocol.of(made), replace(word(), settings=now), NOW)
    section = made.models["two"]
    others = {"one": made.models["one"], "two": section.model_copy(update={"horizon": 9})}
    exchanged = made.model_copy(update={"models": others})
    assert (decisions_of(exchanged, ["best"]), len(void_decisions_of(exchanged, ["best"]))) == ([], 1)
    assert (len(decisions_of(made, ["best"])), void_decisions_of(made, ["best"])) == (1, [])
    assert decisions_behind(exchanged, "reads") == []
    beside = made.model_copy(update={"models": made.models | {"one": section}})
    assert len(decisions_of(beside, ["best"])) == 1, "who it is set beside makes no other model of it"
    assert decisions_of(made.model_copy(update={"seed": 9}), ["best"]) == []


def test_a_word_that_is_of_a_section_alone_acts_as_it_did(tmp_path: Path) -> None:
    made = configuration(tmp_path)
    record_decision(Protocol.of(made), replace(word(), settings=section_identity(made, "two")), NOW)
    assert len(decisions_of(made.model_copy(update={"seed": 9}), ["best"])) == 1
    section = made.models["two"].model_copy(update={"horizon": 9})
    assert decisions_of(made.model_copy(update={"models": made.models | {"two": section}}), ["best"]) == []


def test_own_features_and_the_primary_are_part_of_what_a_model_is(tmp_path: Path) -> None:
    """Else what was said of a harmless model would hold for what is put beneath it."""
    own = tmp_path / f"features_of_{tmp_path.name.rpartition('_')[2]}"
    own.mkdir()
    (own / "ideas.py").write_text(f"{HEAD}FEATURES = ({declared('own_close', 'CLOSE')},)\n")
    made, bare = loaded(tmp_path, **PARTS, features=[f"{own.name}.ideas"]), loaded(tmp_path, **PARTS)
    assert all(model_identity(made, each) != model_identity(bare, each) for each in PARTS["models"])
    primary = made.strategies["breakouts"]
    assert isinstance(primary.parameters, BaseModel)
    wider = primary.parameters.model_copy(update={"stop_atr": 9.0})
    other = {**made.strategies, "breakouts": primary.model_copy(update={"parameters": wider})}
    exchanged = made.model_copy(update={"strategies": other})
    same = {each for each in PARTS["models"] if model_identity(made, each) == model_identity(exchanged, each)}
    assert same == {*PARTS["models"]} - {"pays"}


def test_the_code_of_an_own_model_is_part_of_what_it_is(tmp_path: Path) -> None:
    found = []
    for folder, rate in (("one", 0.4), ("same", 0.4), ("other", 0.6)):
        own = tmp_path / folder / f"models_of_{tmp_path.name.rpartition('_')[2]}"
        own.mkdir(parents=True)
        (own / "flat.py").write_text(OWN.format(rate=rate))
        made = loaded(tmp_path / folder, models={"mine": {"type": f"{own.name}.flat"}})
        found.append(model_identity(made, "mine"))
    assert found[0] == found[1] != found[2]
