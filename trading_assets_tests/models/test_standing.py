"""Who is champion now and was before, and a person's word that is taken back by the same command."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.market_data.tables import BARS
from trading_assets.models.champions import succession
from trading_assets.models.on_record import hash_of_model
from trading_assets.models.promotion import MINIMUM_EFFECT, decide, losses_by_session
from trading_assets.models.promotion import Record as Judged
from trading_assets.models.standing import Held, champion_history, compare_models, decide_by_hand, list_models
from trading_assets.models.tables import CHAMPIONS, PREDICTIONS
from trading_assets.protocol import Protocol
from trading_assets.protocol.decisions import HandDecision, decisions_of
from trading_assets.protocol.settings_identity import model_identity
from trading_assets.protocol.written_rows import EditedRowsError, hash_whole, record_written
from trading_assets.warehouse import Rows, Warehouse, Whole
from trading_assets_tests.models.contenders import HORIZON, make_contender, make_labels
from trading_assets_tests.models.panels import weekdays
from trading_assets_tests.models.test_assets import as_bars

LABELS = make_labels()
SESSIONS = weekdays(800)
REFITS = SESSIONS[100:800:50]
OLD, BETTER = make_contender("old", LABELS, 0.2, seed=1), make_contender("better", LABELS, 0.9, seed=2)
NOW = dt.datetime.combine(SESSIONS[-1], dt.time(20))


class World:
    """A warehouse with what a run has left of a champion and its candidates."""

    def __init__(self, data: Path) -> None:
        self.configuration = Configuration.model_validate(
            {
                "name": "own",
                "start": "2010-01-01",
                "market_data": [{"source": "sample"}],
                "models": {"old": {"horizon": HORIZON}, "better": {"horizon": HORIZON}, "other": {"horizon": 20}},
                "champions": {"best": {"candidates": ["old", "better"]}},
                "strategies": {"plain": {"type": "equity_momentum"}},
                "data": data,
            }
        )
        self.warehouse = Warehouse(self.configuration.warehouse_path)

    def run(self, sessions: list[dt.date] = SESSIONS) -> None:
        refits = [each for each in REFITS if each <= sessions[-1]]
        found = succession((OLD, BETTER), refits, sessions, decisions_of(self.configuration, ["best"]))
        rows = CHAMPIONS.conform(found.rows.with_columns(model=pl.lit("best"))).sort(CHAMPIONS.key)
        self.warehouse.replace(Rows("model", "best"), {CHAMPIONS: rows})
        written = [hash_whole(CHAMPIONS, rows, "best")]
        for each in (OLD, BETTER):
            scores = each.rows.drop("relative_return").with_columns(
                model=pl.lit(each.name), version=pl.lit("1"), fold=pl.lit(0, pl.Int64)
            )
            frame = PREDICTIONS.conform(scores).sort(PREDICTIONS.key)
            self.warehouse.replace(Rows("model", each.name), {PREDICTIONS: frame})
            written.append(hash_of_model(PREDICTIONS, frame, each.name))
        then = dt.datetime.combine(sessions[-1], dt.time(18))
        record_written(Protocol.of(self.configuration), "models/champion/best", written, then)

    def say(self, action: str, candidate: str | None = None, champion: str = "best", **more: Any) -> HandDecision:
        said = {"by": "me", "reason": "tried", "now": NOW, **more}
        return decide_by_hand(self.warehouse, self.configuration, champion, action=action, candidate=candidate, **said)

    def history(self) -> list[Held]:
        return list(champion_history(self.warehouse, self.configuration, "best").history)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.run()
    return made


def test_the_list_says_who_is_champion_since_when_and_who_competes_with_none(world: World) -> None:
    found = list_models(world.warehouse, world.configuration)
    start = succession((OLD, BETTER), REFITS, SESSIONS).reigns[1].start
    assert found.select("champion", "model", "role", "since", "pinned").rows() == [
        ("best", "old", "shadow", start, False),
        ("best", "better", "champion", start, False),
        (None, "other", "alone", None, False),
    ]
    assert found["reason"][1] == "stays champion: no candidate was better"


def test_a_rollback_and_one_more_are_back_where_it_began(world: World) -> None:
    assert world.history() == [Held("old", False), Held("better", False)]
    assert world.say("rollback").candidate == "old"
    assert world.history()[-1] == Held("old", False)
    assert world.say("rollback").candidate == "better"
    assert world.history()[-1] == Held("better", False)
    assert [each.action for each in champion_history(world.warehouse, world.configuration, "best").waiting] == [
        "rollback"
    ] * 2


def test_a_rollback_takes_a_pin_back_and_brings_one_back(world: World) -> None:
    world.say("pin", "old")
    world.say("promote", "better")
    back = HandDecision("best", "rollback", "old", True, NOW.date(), "me", "tried")
    assert world.say("rollback") == replace(back, settings=model_identity(world.configuration, "old"))
    assert world.history()[-1] == Held("old", True)


def test_what_has_acted_waits_no_more(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(SESSIONS[:700])
    now = dt.datetime.combine(SESSIONS[699], dt.time(20))
    world.say("pin", "old", now=now)
    assert len(champion_history(world.warehouse, world.configuration, "best").waiting) == 1
    world.run(SESSIONS[:701])
    found = champion_history(world.warehouse, world.configuration, "best")
    assert (list(found.waiting), found.history[-1]) == ([], Held("old", True))
    listed = list_models(world.warehouse, world.configuration)
    assert listed.filter(model="old").select("role", "since", "pinned", "reason").row(0) == (
        "champion",
        SESSIONS[700],
        True,
        f"pin by me on {SESSIONS[699]}: tried",
    )
    world.say("rollback", now=now + dt.timedelta(days=3))
    world.run(SESSIONS[:702])
    assert world.history()[-1] == Held("better", False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"action": "pin", "candidate": "older"}, "no candidate 'older' of best\n  key: champions.best.candidates"),
        (
            {"action": "pin", "candidate": "old", "champion": "bets"},
            "no champion 'bets'\n  expected: did you mean 'best'?",
        ),
        ({"action": "promote", "candidate": "better"}, "better is champion already"),
        ({"action": "promote", "candidate": "old", "reason": " "}, "a decision by hand without a reason"),
        ({"action": "promote", "candidate": "old", "reason": "r" * 1_001}, "--reason cannot go on record"),
        ({"action": "pin", "candidate": "old", "reason": "clear\x1b[2J"}, "--reason cannot go on record"),
        ({"action": "pin", "candidate": "old", "by": "me\nnext"}, "--by cannot go on record"),
        ({"action": "rollback", "candidate": None, "by": ""}, "--by cannot go on record"),
    ],
)
def test_what_cannot_be_decided_is_refused_and_not_on_record(
    arguments: dict[str, Any], said: str, world: World
) -> None:
    with pytest.raises(ConfigurationError) as error:
        world.say(**arguments)
    assert str(error.value).startswith(said)
    assert "what to do: " in str(error.value)
    assert decisions_of(world.configuration, ["best"]) == []


@pytest.mark.parametrize(("days", "is_taken"), [(1, True), (2, False), (400, False)])
def test_a_clock_behind_the_bars_says_nobody_who_was_to_be_champion_then(
    world: World, days: int, is_taken: bool
) -> None:
    """A day more may be the other side of the date line."""
    later = as_bars(
        pl.DataFrame({"symbol": ["S0"], "session": [NOW.date() + dt.timedelta(days=days)], "adj_open": [1.0]}), "equity"
    )
    world.warehouse.replace(Whole(), {BARS: later})
    if is_taken:
        assert world.say("pin", "old").day == NOW.date()
        return
    with pytest.raises(ConfigurationError, match=f"says {NOW.date()}, and there are bars of {later['session'][0]}"):
        world.say("pin", "old")
    assert decisions_of(world.configuration, ["best"]) == []


def test_before_a_run_and_before_a_change_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    world = World(tmp_path)
    with pytest.raises(ConfigurationError, match="best has no champion yet"):
        world.say("pin", "old")
    world.run(SESSIONS[:110])
    with pytest.raises(ConfigurationError, match="old is the first champion best: there is none to go back to"):
        world.say("rollback")


def test_edited_rows_decide_nothing(world: World) -> None:
    with duckdb.connect(str(world.warehouse.path)) as connection:
        connection.execute("UPDATE models.champions SET candidate = 'old' WHERE candidate = 'better'")
    with pytest.raises(EditedRowsError, match=r"rows of models\.champions were edited"):
        world.say("rollback")


def test_a_comparison_is_the_paired_test_of_all_known_sessions(world: World) -> None:
    row = compare_models(world.warehouse, world.configuration, "better", "old").row(0, named=True)
    own, old = (
        Judged("coins", HORIZON, each.name, losses_by_session(each.rows, dt.date.max)) for each in (BETTER, OLD)
    )
    test = decide(own, old).test
    assert test is not None
    assert (row["sessions"], row["effect"], row["p"]) == (794, test.difference, test.p)
    assert row["power"] == test.power(MINIMUM_EFFECT)
    assert row["result"].startswith("better than old: log loss lower by")
    turned = compare_models(world.warehouse, world.configuration, "old", "better").row(0, named=True)
    assert turned["effect"] == -row["effect"]
    assert turned["result"].startswith("not better than chance makes of equals")


@pytest.mark.parametrize(
    ("names", "said"),
    [(("old", "odl"), "no model 'odl'\n  expected: did you mean 'old'?"), (("old", "old"), "old is set beside itself")],
)
def test_names_that_are_wrong_are_refused(names: tuple[str, str], said: str, world: World) -> None:
    with pytest.raises(ConfigurationError) as error:
        compare_models(world.warehouse, world.configuration, *names)
    assert str(error.value).startswith(said)


def test_other_horizons_cannot_be_compared(world: World) -> None:
    row = compare_models(world.warehouse, world.configuration, "other", "old").row(0, named=True)
    assert (row["p"], row["result"][:35]) == (None, "predicts equity over 20 sessions ag")
